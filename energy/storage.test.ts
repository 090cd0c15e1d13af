import fc from "fast-check";
import { expect, test } from "vitest";
import { equivalentCycles, roundTripEfficiency, usableEnergy } from "./storage.ts";

test("TV-RTE-1: 95 of 105.2632 with nothing left over are 0.9025", () => {
  expect(roundTripEfficiency(105.263158, 95, 0)).toBeCloseTo(0.9025, 6);
});
test("TV-RTE-2: 800 of 1,000 with 100 more in store are 0.89458, not 0.80", () => {
  expect(roundTripEfficiency(1000, 800, 100)).toBeCloseTo(0.89458, 5);
});
test("the efficiency of one way squared comes back, however full the store ends", () => {
  const energy = fc.integer({ min: 1, max: 100_000 });
  fc.assert(
    fc.property(energy, fc.double({ min: 0.5, max: 1, noNaN: true }), energy, (charge, oneWay, part) => {
      const discharge = (part / 100_000) * charge * oneWay ** 2;
      const gained = charge * oneWay - discharge / oneWay;
      expect(roundTripEfficiency(charge, discharge, gained)).toBeCloseTo(oneWay ** 2, 6);
    }),
  );
});
test("without charge there is no efficiency", () => {
  expect(roundTripEfficiency(0, 10, -10)).toBeNull();
  expect(roundTripEfficiency(10, 10, -100)).toBeGreaterThanOrEqual(0);
});
test("charge and discharge of a whole capacity are one cycle", () => {
  expect(equivalentCycles(1000, 1000, 1000)).toBe(1);
  expect(equivalentCycles(1, 1, 0)).toBeNull();
});
const minutes = (health: number) =>
  (usableEnergy({ capacity: 2000, socPct: 60, leastSocPct: 10, health, efficiency: 0.95 }) / 1200) * 60;
test("TV-RT-1: 2,000 kWh from 60 to 10 % carry 1,200 kW for 47.5 minutes, worn to 0.8 for 38.0", () => {
  expect(minutes(1)).toBeCloseTo(47.5, 9);
  expect(minutes(0.8)).toBeCloseTo(38, 9);
});
test("below its least state of charge a battery carries nothing", () => {
  expect(usableEnergy({ capacity: 1, socPct: 5, leastSocPct: 10, health: 1, efficiency: 1 })).toBe(0);
});
