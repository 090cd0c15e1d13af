import fc from "fast-check";
import { expect, test } from "vitest";
import { marketCarbon } from "../carbon.ts";
import { carbonFreeEnergy, type MatchHour, matchedEnergy } from "./match.ts";

const hour = (load: number, contracted: number, gridShare = 0): MatchHour => ({
  load,
  contracted,
  imported: Math.max(0, load - contracted),
  gridShare,
});
const share = (hours: readonly MatchHour[], of: (hour: MatchHour) => number): number =>
  hours.reduce((sum, one) => sum + of(one), 0) / hours.reduce((sum, { load }) => sum + load, 0);

test("TV-CFE-1: CFE 0.72, hourly matching 0.60, matching of the whole year 0.85", () => {
  const hours = [hour(100, 150, 0.3), hour(100, 20, 0.3)];
  expect(share(hours, carbonFreeEnergy)).toBeCloseTo(0.72, 9);
  expect(share(hours, matchedEnergy)).toBeCloseTo(0.6, 9);
  expect(share([hour(200, 170)], matchedEnergy)).toBeCloseTo(0.85, 9);
});
test("TV-CFE-2: 7 % contracted on a grid of 18 % come to the published 23 %, within a point", () => {
  expect(Math.abs(share([hour(100, 7, 0.18)], carbonFreeEnergy) - 0.23)).toBeLessThan(0.01);
});
test("TV-CFE-3: a battery's discharge is contracted, its loss is load, its charge is not", () => {
  // Discharge 90 of 100 stored, all green: the loss of 10 is load and green.
  const hours = [hour(100, 200 - 100, 0.3), { load: 110, contracted: 100, imported: 10, gridShare: 0.3 }];
  expect(share(hours, carbonFreeEnergy)).toBeCloseTo(203 / 210, 5);
});
test("TV-S2-1: 10,000 kWh are 5,366 kg by location and 2,400 kg by market with 6,000 certificates", () => {
  expect((10_000 * 536.6) / 1000).toBeCloseTo(5366, 9);
  expect(marketCarbon(10_000, 6000, 600)).toBeCloseTo(2400, 9);
});
test("certificates beyond the import are worth nothing, an unknown factor leaves it unknown", () => {
  expect(marketCarbon(10, 20, 600)).toBe(0);
  expect(marketCarbon(10, 0, null)).toBeNull();
});
test("what is matched is never more than the load, and the grid adds to it", () => {
  const energy = fc.integer({ min: 0, max: 10_000 });
  fc.assert(
    fc.property(energy, energy, fc.double({ min: 0, max: 1, noNaN: true }), (load, contracted, gridShare) => {
      const one = hour(load, contracted, gridShare);
      expect(matchedEnergy(one)).toBeLessThanOrEqual(load);
      expect(carbonFreeEnergy(one)).toBeGreaterThanOrEqual(matchedEnergy(one));
      expect(carbonFreeEnergy(one)).toBeLessThanOrEqual(load + 1e-9);
    }),
  );
});
