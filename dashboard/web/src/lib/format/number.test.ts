import { expect, test } from "vitest";
import {
  digitsFor,
  formatAxis,
  formatEnergy,
  formatNumber,
  formatPercent,
  formatPower,
  formatSignificant,
  formatUnit,
  joined,
} from "./number.ts";

const power = (w: number | null, locale = "en") => joined(formatPower(locale, w));
const energy = (wh: number, locale = "en") => joined(formatEnergy(locale, wh));

test("power takes the unit in which it has one to three figures before the point", () => {
  expect(power(0)).toBe("0 W");
  expect(power(812.4)).toBe("812 W");
  expect(power(4213.5)).toBe("4.21 kW");
  expect(power(42_135)).toBe("42.1 kW");
  expect(power(421_350)).toBe("421 kW");
  expect(power(1_240_000)).toBe("1.24 MW");
  expect(power(2.5e9)).toBe("2.50 GW");
});

test("a value that rounds up to a thousand takes the next unit", () => {
  expect(power(999.4)).toBe("999 W");
  expect(power(999.6)).toBe("1.00 kW");
  expect(power(999_499)).toBe("999 kW");
  expect(power(999_600)).toBe("1.00 MW");
});

test("what is not known is a dash, never a zero", () => {
  expect(power(null)).toBe("— kW");
  expect(formatNumber("en", undefined)).toBe("—");
  expect(formatNumber("en", Number.NaN)).toBe("—");
  expect(formatPercent("en", null).value).toBe("—");
});

test("a minus is a minus sign, and never stands before zero", () => {
  expect(formatNumber("en", -2.6, 1)).toBe("−2.6");
  expect(formatNumber("en", -0.001, 1)).toBe("0.0");
});

test("Chinese energy is told in 万千瓦时 from ten megawatt-hours on", () => {
  expect(energy(12_500_000, "zh-CN")).toBe("1.25 万千瓦时");
  expect(energy(9_400_000, "zh-CN")).toBe("9400 kWh");
  expect(energy(12_500_000)).toBe("12.5 MWh");
});

test("large counts are compact in each language", () => {
  expect(formatSignificant("en", 26_831_168)).toBe("26.83M");
  expect(formatSignificant("zh-CN", 26_831_168)).toBe("2683万");
  expect(formatSignificant("en", 1234)).toBe("1234");
});

test("small values keep about three figures", () => {
  expect(formatSignificant("en", 0.012_34)).toBe("0.0123");
  expect(digitsFor(9.996)).toBe(1);
  expect(digitsFor(0)).toBe(0);
});

test("labels of an axis have the decimals their steps need", () => {
  expect(formatAxis("en", [1.275, 1.3, 1.325])).toEqual(["1.275", "1.300", "1.325"]);
  expect(formatAxis("en", [0, 20, 40])).toEqual(["0", "20", "40"]);
});

test("a unit of one or none is not written", () => {
  expect(joined(formatUnit("en", 1, "1"))).toBe("1");
  expect(joined(formatUnit("en", 231.6, "V"))).toBe("232 V");
  expect(joined(formatUnit("en", 63.4, "%"))).toBe("63.4 %");
  expect(joined(formatUnit("en", 4200, "W"))).toBe("4.20 kW");
});
