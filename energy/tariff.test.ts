import { expect, test } from "vitest";
import { gridFactor, mixIntensity, supplyCarbon } from "./carbon.ts";
import type { Tariff, TariffPeriod } from "./model.ts";
import { bandAt, energyCost, priceAt } from "./tariff.ts";

const band = (from: string, to: string, period: TariffPeriod, pricePerKwh: number) => ({
  from,
  to,
  period,
  pricePerKwh,
});
const tariff: Tariff = {
  bands: [band("23:00", "07:00", "valley", 0.3), band("07:00", "23:00", "peak", 1.2)],
  exportPricePerKwh: 0.1,
  device: "feed",
  source: "test",
};
const at = (iso: string): number => Date.parse(iso);

test("a band that runs over midnight is one band", () => {
  expect(bandAt(tariff, at("2026-01-01T22:30:00Z"), "Europe/Berlin")?.period).toBe("valley");
  expect(bandAt(tariff, at("2026-01-01T04:30:00Z"), "Europe/Berlin")?.period).toBe("valley");
});
test("a band begins at its first minute, in local time", () => {
  expect(priceAt(tariff, at("2026-01-01T06:00:00Z"), "Europe/Berlin", null)?.perKwh).toBe(1.2);
  expect(priceAt(tariff, at("2026-07-01T05:00:00Z"), "Europe/Berlin", null)?.perKwh).toBe(1.2);
});
test("a reading of the price wins over the bands", () => {
  expect(priceAt(tariff, 0, "UTC", -0.02)).toEqual({ perKwh: -0.02, period: null, by: "device" });
});
test("a tariff without bands and without a reading has no price", () => {
  expect(priceAt({ ...tariff, bands: [] }, 0, "UTC", null)).toBeNull();
});
test("cost is import at its price less export at its own", () => {
  expect(energyCost(2000, 1000, 0.5, 0.1)).toBeCloseTo(0.9, 12);
});

test("a fresh factor is used, otherwise the default, and which one is told", () => {
  const terms = { defaultGPerKwh: 540, device: "mix", source: "" };
  expect(gridFactor(terms, 300)).toEqual({ gPerKwh: 300, by: "device" });
  expect(gridFactor(terms, null)).toEqual({ gPerKwh: 540, by: "default" });
});
test("carbon is of imports and generators", () => {
  expect(supplyCarbon(10_000, 0, 500, null)).toBe(5000);
  expect(supplyCarbon(10_000, 1000, 500, 800)).toBe(5800);
});
test("a generator without a factor makes the carbon unknown", () => {
  expect(supplyCarbon(10_000, 1, 500, null)).toBeNull();
});
test("a mix is weighted by energy, and unknown without energy or with a source nobody knows", () => {
  expect(mixIntensity({ wind: 1, gas: 1 }, { wind: 10, gas: 490 })).toBe(250);
  expect(mixIntensity({ wind: 0 }, { wind: 10 })).toBeNull();
  expect(mixIntensity({ tidal: 1 }, { wind: 10 })).toBeNull();
});
