import { expect, test } from "vitest";
import { gridFactor, mixIntensity, supplyCarbon } from "./carbon.ts";
import type { Tariff, TariffPeriod } from "./model.ts";
import { parseSite } from "./site.ts";
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

const seasonal = (bands: string, rest = ""): ReturnType<typeof parseSite> =>
  parseSite(
    `site: s
time_zone: Asia/Shanghai
currency: CNY
bus_rating_w: 1000
nodes: [{ id: grid, kind: grid, points: [{ code: MP.PCC, device: grid }] }]
tariff:
  bands:
${bands}
${rest}`,
    "s.yaml",
  );
const summer = seasonal(
  `    - { from: "00:00", to: "24:00", period: flat, price_per_kwh: 0.6, months: [1, 2, 3, 4, 5, 6, 9, 10, 11, 12] }
    - { from: "00:00", to: "18:00", period: flat, price_per_kwh: 0.6, months: [7, 8], days: [workday] }
    - { from: "18:00", to: "24:00", period: critical_peak, price_per_kwh: 1.5, months: [7, 8], days: [workday] }
    - { from: "00:00", to: "24:00", period: valley, price_per_kwh: 0.3, months: [7, 8], days: [weekend, holiday] }`,
  `  holidays: ["2026-07-01"]
  workdays: ["2026-07-05"]
  valid_from: "2026-01-01"
  valid_to: "2027-01-01"`,
);
const seasonalAt = (iso: string) =>
  summer.ok && summer.site.tariff !== null
    ? (bandAt(summer.site.tariff, at(iso), "Asia/Shanghai")?.period ?? null)
    : "?";

test("a summer evening of a workday is critical peak, of a weekend or holiday it is not", () => {
  expect(seasonalAt("2026-07-02T11:00:00Z")).toBe("critical_peak");
  expect(seasonalAt("2026-06-30T11:00:00Z")).toBe("flat");
  expect(seasonalAt("2026-07-04T11:00:00Z")).toBe("valley");
  expect(seasonalAt("2026-07-01T11:00:00Z")).toBe("valley");
});
test("a weekend day that is worked is a workday, by the local date", () => {
  expect(seasonalAt("2026-07-05T11:00:00Z")).toBe("critical_peak");
  expect(seasonalAt("2026-07-05T16:30:00Z")).toBe("flat");
});
test("outside the dates a tariff holds there is no price", () => {
  expect(seasonalAt("2025-12-31T15:59:00Z")).toBeNull();
  expect(seasonalAt("2025-12-31T16:00:00Z")).toBe("flat");
  expect(seasonalAt("2026-12-31T16:00:00Z")).toBeNull();
});
test("a month or kind of day that no band covers is named", () => {
  const holes = seasonal(
    `    - { from: "00:00", to: "24:00", period: flat, price_per_kwh: 1, days: [workday, holiday] }`,
  );
  expect(holes.ok ? [] : holes.faults.map(({ message }) => message)).toEqual([
    "tariff.bands: no band covers 00:00 to 24:00 in month 1 on a weekend",
  ]);
  const twice = seasonal(
    `    - { from: "00:00", to: "24:00", period: flat, price_per_kwh: 1 }
    - { from: "10:00", to: "12:00", period: peak, price_per_kwh: 2, months: [7] }`,
  );
  expect(twice.ok ? [] : twice.faults.map(({ message }) => message)).toEqual([
    "tariff.bands[1]: overlaps another band at 10:00 in month 7 on a workday, every time of day has one price",
  ]);
});
