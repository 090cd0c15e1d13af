import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { attribute, fitLoad, type HourPower, type Measure, type Period, shapley } from "./attribution.ts";

const hour = (itKw: number, outdoorC: number | null): HourPower => ({
  itKw,
  coolingKw: 10 + 0.1 * itKw + 2 * Math.max(0, (outdoorC ?? 0) - 8),
  lossKw: 5 + 0.03 * itKw,
  outdoorC,
});
const mean = (hours: readonly HourPower[], of: (hour: HourPower) => number): number =>
  hours.reduce((sum, one) => sum + of(one), 0) / hours.length;
const period = (hours: readonly HourPower[], rest: Partial<Period> = {}): Period => ({
  itKw: mean(hours, ({ itKw }) => itKw),
  coolingKw: mean(hours, ({ coolingKw }) => coolingKw),
  lossKw: mean(hours, ({ lossKw }) => lossKw),
  otherKw: 20,
  storedKw: 0,
  unmeteredKw: 0,
  hours,
  mix: 1,
  supply: 1,
  work: 1,
  ...rest,
});
const day = (itKw: number, meanC: number): HourPower[] =>
  Array.from({ length: 48 }, (_, at) => hour(itKw + 30 * Math.sin(at), meanC + 6 * Math.sin(at / 4)));
const pueOf = ({ itKw, coolingKw, lossKw, otherKw, storedKw, unmeteredKw }: Period): number =>
  1 + (coolingKw + lossKw + otherKw + storedKw + unmeteredKw) / itKw;
const measured = (measure: Measure, one: Period): number =>
  measure === "pue" ? pueOf(one) : measure === "cue" ? one.mix * one.supply * pueOf(one) : one.work / pueOf(one);
const part = (measure: Measure, before: Period, after: Period, driver: string): number =>
  attribute(measure, before, after).parts.find((one) => one.driver === driver)?.value ?? Number.NaN;

describe("what changed a PUE", () => {
  const winter = period(day(400, 4));
  test("warmer weather alone is weather, and nothing else", () => {
    const summer = period(day(400, 20));
    expect(part("pue", winter, summer, "weather")).toBeCloseTo(pueOf(summer) - pueOf(winter), 6);
    expect(part("pue", winter, summer, "cooling")).toBeCloseTo(0, 6);
  });
  test("a fuller hall dilutes its fixed loads: that is IT load, not a better plant", () => {
    const fuller = period(day(800, 4));
    expect(part("pue", winter, fuller, "it_load")).toBeCloseTo(pueOf(fuller) - pueOf(winter), 6);
    expect(part("pue", winter, fuller, "power_chain")).toBeCloseTo(0, 6);
  });
  test("a chiller that needs a fifth more at the same weather and load is cooling", () => {
    const worse = period(day(400, 4), { coolingKw: winter.coolingKw * 1.2 });
    expect(part("pue", winter, worse, "cooling")).toBeCloseTo((0.2 * winter.coolingKw) / winter.itKw, 9);
  });
  test("energy that no meter explains is metering", () => {
    const open = period(day(400, 4), { unmeteredKw: 12 });
    expect(part("pue", winter, open, "metering")).toBeCloseTo(12 / winter.itKw, 9);
  });
  test("without a thermometer weather is not told apart, and that is said", () => {
    const blind = (hours: readonly HourPower[]) => hours.map((one) => ({ ...one, outdoorC: null }));
    const { parts, flags } = attribute("pue", period(blind(day(400, 4))), period(blind(day(400, 20))));
    expect(flags).toContain("WEATHER_UNKNOWN");
    expect(parts.map(({ driver }) => driver)).not.toContain("weather");
  });
  test("too few hours make loads proportional to IT, and that is said", () => {
    const { flags } = attribute("pue", period(day(400, 4).slice(0, 3)), winter);
    expect(flags).toContain("ASSUMED:cooling_proportional_to_it");
  });
});

test("a cleaner grid lowers a CUE as supply mix, better code raises compute per energy as compute", () => {
  const base = period(day(400, 4), { mix: 0.5 });
  const clean = { ...base, mix: 0.4 };
  expect(part("cue", base, clean, "supply_mix")).toBeCloseTo(-0.1 * pueOf(base), 9);
  const tuned = { ...base, work: 1.5 };
  expect(part("compute", base, tuned, "compute")).toBeCloseTo(0.5 / pueOf(base), 9);
});

test("the model of cooling is found from its own hours", () => {
  expect(fitLoad(day(400, 12), ({ coolingKw }) => coolingKw, "with")).toMatchObject({
    base: expect.closeTo(10, 4),
    perIt: expect.closeTo(0.1, 6),
    perKelvin: expect.closeTo(2, 6),
    thresholdC: 8,
  });
});

test("the parts of any change add up to it", () => {
  const positive = fc.double({ min: 0.1, max: 1000, noNaN: true });
  const any = fc
    .record({
      ...{ itKw: positive, coolingKw: positive, lossKw: positive, otherKw: positive },
      storedKw: fc.double({ min: -50, max: 50, noNaN: true }),
      unmeteredKw: fc.double({ min: -50, max: 50, noNaN: true }),
      ...{ mix: positive, supply: positive, work: positive },
      swing: fc.integer({ min: 0, max: 20 }),
    })
    .map(({ swing, ...rest }): Period => ({ ...rest, hours: day(rest.itKw + 100, swing) }));
  fc.assert(
    fc.property(any, any, fc.constantFrom<Measure>("pue", "cue", "compute"), (before, after, measure) => {
      const change = measured(measure, after) - measured(measure, before);
      const sum = attribute(measure, before, after).parts.reduce((total, { value }) => total + value, 0);
      const scale = Math.max(1, Math.abs(measured(measure, after)), Math.abs(measured(measure, before)));
      expect(Math.abs(sum - change)).toBeLessThanOrEqual(1e-9 * scale);
    }),
    { numRuns: 60 },
  );
});
test("drivers that do alike get alike, one that does nothing gets nothing", () => {
  const parts = shapley(3, (moved) => (moved & 1) * ((moved >> 1) & 1) * 6);
  expect(parts).toEqual([3, 3, 0]);
});
