import { expect, test } from "vitest";
import type { Account } from "../account.ts";
import { parseSite } from "../site.ts";
import { measuredEnergy } from "./result.ts";

const parsed = parseSite(
  `site: s
time_zone: UTC
currency: EUR
bus_rating_w: 1000000
nodes:
  - { id: grid, kind: grid, points: [{ code: MP.PCC, device: grid, energy_forward: energy_import_wh }] }
  - { id: a, kind: it, rating_w: 100000, points: [{ code: MP.IT.1, device: a, energy_forward: energy_import_wh, meter_class: 0.5, ct_class: "0.5" }] }
  - { id: b, kind: it, rating_w: 100000, points: [{ code: MP.IT.2, device: b, energy_forward: energy_import_wh, meter_class: 0.5, ct_class: "0.5" }] }
`,
  "s.yaml",
);
if (!parsed.ok) throw new Error(JSON.stringify(parsed.faults));
const model = parsed.site;

const hourMs = 3_600_000;
const node = (kwh: number) => ({ forwardWh: kwh * 1000, reverseWh: 0, coverage: 1, quality: "MEASURED", flags: [] });
/** Half a day at 20 % of the rating of each meter, half a day at all of it. */
const day = Array.from({ length: 24 }, (_, index) => {
  const kwh = index < 12 ? 20 : 100;
  const nodes = { a: node(kwh), b: node(kwh) };
  return { step: "1h", start: index * hourMs, end: (index + 1) * hourMs, nodes } as unknown as Account;
});

// Class 0.5 with a transformer of 0.75 % at 20 kW and 0.5 % at 100 kW.
const limitKwh = (12 * 20 * Math.hypot(0.5, 0.75) + 12 * 100 * Math.hypot(0.5, 0.5)) / 100;

test("over a day the errors of one meter add up, each hour by the limit at its own load", () => {
  const { energy, variance } = measuredEnergy(["a"], day, model);
  expect(energy).toBe(1440);
  expect(Math.sqrt(variance)).toBeCloseTo(limitKwh / Math.sqrt(3), 9);
  expect(Math.sqrt(variance)).toBeCloseTo(6.148, 3);
});

test("a day is relatively as uncertain as its hours, not by the root of 24 less", () => {
  const flat = day.slice(0, 12);
  const relative = (accounts: readonly Account[]) => {
    const { energy, variance } = measuredEnergy(["a"], accounts, model);
    return Math.sqrt(variance) / energy;
  };
  expect(relative(flat)).toBeCloseTo(relative(flat.slice(0, 1)), 12);
});

test("two meters err independently of each other", () => {
  const one = measuredEnergy(["a"], day, model).variance;
  expect(measuredEnergy(["a", "b"], day, model).variance).toBeCloseTo(2 * one, 9);
});
