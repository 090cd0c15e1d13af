import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { countBetween, type MeterTerms, registerCurve, registerDelta, type Samples } from "./meter.ts";

const quarterMs = 900_000;
const minuteMs = 60_000;
// The vectors of kpi.md are in kWh and kW; the arithmetic is the same.
const meter = (maxPerHour: number, resolution = 0, modulus: number | null = 1e6): MeterTerms => ({
  modulus,
  resolution,
  maxPerHour,
});
const delta = (before: number, after: number, terms: MeterTerms, elapsedMs = quarterMs) =>
  registerDelta(before, after, elapsedMs, terms);
const samples = (...pairs: readonly (readonly [ts: number, value: number])[]): Samples => ({
  ts: pairs.map(([ts]) => ts),
  value: pairs.map(([, value]) => value),
});
const wide = { bridgeMs: 3_600_000, gapMs: 150_000 };
const unlimited = meter(Infinity, 0, null);

describe("the delta of a register", () => {
  test("TV-CTR-1: a register that wraps gives 180 kWh", () => {
    expect(delta(999_950, 130, meter(1000))).toEqual({ delta: 180, code: "ROLLOVER" });
  });
  test("TV-CTR-2: neither a wrap nor a reset fits the rating, so nothing is known", () => {
    expect(delta(999_950, 130, meter(400))).toEqual({ delta: null, code: "COUNTER_FAULT" });
  });
  test("TV-CTR-3: a register that begins again gives what it counted since", () => {
    expect(delta(500_000, 40, meter(1000))).toEqual({ delta: 40, code: "RESET" });
  });
  test("TV-CTR-4: more than the rating allows is a spike", () => {
    expect(delta(1000, 5000, meter(1000))).toEqual({ delta: null, code: "SPIKE" });
  });
  test("TV-CTR-5: a flicker of the last digit books nothing", () => {
    expect(delta(40, 39.9, meter(1000, 0.1))).toEqual({ delta: 0, code: "JITTER" });
  });
  test("a meter behind a large ratio may move by its own step", () => {
    expect(delta(0, 400, meter(1000, 400), 10_000)).toEqual({ delta: 400, code: "OK" });
  });
  test("a fall of a counter without a modulus is a reset", () => {
    expect(delta(500, 3, unlimited)).toEqual({ delta: 3, code: "RESET" });
  });
  test("a fall of a counter without a cap is a reset even when the modulus is known", () => {
    expect(delta(500, 3, meter(Infinity))).toEqual({ delta: 3, code: "RESET" });
  });
});

describe("the curve of a register", () => {
  const curve = (terms: MeterTerms, ...pairs: readonly (readonly [number, number])[]) =>
    registerCurve(samples(...pairs), 0, pairs.length, terms);

  test("a flicker keeps the base, so that the next rise is not counted twice", () => {
    expect(curve(meter(1e6, 0.1), [0, 40], [minuteMs, 39.9], [2 * minuteMs, 41]).total).toEqual([0, 0, 1]);
  });
  test("a spike is left out and the energy goes on from before it", () => {
    const spiky = curve(meter(1000), [0, 1000], [minuteMs, 90_000], [2 * minuteMs, 1010]);
    expect(spiky.ts).toEqual([0, 2 * minuteMs]);
    expect(spiky.total).toEqual([0, 10]);
    expect(spiky.events).toEqual([{ ts: minuteMs, code: "SPIKE" }]);
  });
  test("three readings that agree become the new base, with a hole before them", () => {
    const swapped = curve(
      meter(1000),
      [0, 1000],
      [minuteMs, 90_000],
      [2 * minuteMs, 90_010],
      [3 * minuteMs, 90_020],
      [4 * minuteMs, 90_030],
    );
    expect(swapped.ts).toEqual([0, 1, 2, 3, 4].map((minute) => minute * minuteMs));
    expect(swapped.holes).toEqual([false, true, false, false, false]);
    expect(swapped.total).toEqual([0, 0, 10, 20, 30]);
  });
  test("refused readings that do not agree with each other never become the base", () => {
    const wild = curve(meter(1000), [0, 1000], [minuteMs, 90_000], [2 * minuteMs, 50_000], [3 * minuteMs, 80_000]);
    expect(wild.ts).toEqual([0]);
  });
});

describe("counting between two times", () => {
  const count = (data: Samples, start: number, end: number, terms = unlimited, limits = wide) =>
    countBetween(data, { start, end }, terms, limits);
  const line = samples([0, 0], [minuteMs, 60], [2 * minuteMs, 180]);

  test("a border between two readings lies on the line between them", () => {
    expect(count(line, 30_000, 90_000)).toEqual({ amount: 90, goodMs: minuteMs, codes: [] });
  });
  test("a window that no reading follows is unknown, but its good time is told", () => {
    expect(count(line, minuteMs, 3 * minuteMs)).toEqual({ amount: null, goodMs: minuteMs, codes: [] });
  });
  test("a window before the first reading is unknown", () => {
    expect(count(samples([minuteMs, 1], [2 * minuteMs, 2]), 30_000, 90_000).amount).toBeNull();
  });
  test("no readings at all are unknown, never zero", () => {
    expect(count(samples(), 0, minuteMs)).toEqual({ amount: null, goodMs: 0, codes: [] });
  });
  test("a gap that can be bridged gives energy without good time", () => {
    const gap = samples([0, 0], [10 * minuteMs, 600]);
    expect(count(gap, 5 * minuteMs, 6 * minuteMs)).toEqual({ amount: 60, goodMs: 0, codes: [] });
  });
  test("a gap that is too long stays a gap", () => {
    expect(count(samples([0, 0], [7_200_000, 600]), minuteMs, 2 * minuteMs).amount).toBeNull();
  });
  test("the codes of a window are those of the readings in it", () => {
    const wrapping = samples([0, 999_990], [minuteMs, 10], [2 * minuteMs, 20]);
    expect(count(wrapping, 0, minuteMs, meter(1e5)).codes).toEqual(["ROLLOVER"]);
    expect(count(wrapping, minuteMs, 2 * minuteMs, meter(1e5)).codes).toEqual([]);
  });
});

describe("laws of registers", () => {
  const steps = fc.array(fc.integer({ min: 0, max: 900 }), { minLength: 2, maxLength: 40 });
  const begin = fc.integer({ min: 0, max: 999_999 });

  test("energy is conserved across every rollover", () => {
    fc.assert(
      fc.property(begin, steps, (first, rises) => {
        let register = first;
        const pairs: [number, number][] = [[0, register]];
        rises.forEach((rise, index) => {
          register = (register + rise) % 1e6;
          pairs.push([(index + 1) * minuteMs, register]);
        });
        const data = samples(...pairs);
        const { total } = registerCurve(data, 0, pairs.length, meter(1000 * 60));
        expect(total.at(-1)).toBe(rises.reduce((sum, rise) => sum + rise, 0));
      }),
    );
  });

  test("no register, however wild, counts less than nothing", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 999_999 }), { minLength: 2, maxLength: 30 }), (values) => {
        const data = samples(...values.map((value, index) => [index * minuteMs, value] as const));
        const { total } = registerCurve(data, 0, values.length, meter(60_000, 1));
        for (let index = 1; index < total.length; index++)
          expect((total[index] ?? 0) - (total[index - 1] ?? 0)).toBeGreaterThanOrEqual(0);
      }),
    );
  });

  test("adjacent windows add up to the whole", () => {
    fc.assert(
      fc.property(steps, fc.integer({ min: 1, max: 99 }), (rises, percent) => {
        let register = 0;
        const pairs: [number, number][] = [[0, 0]];
        rises.forEach((rise, index) => {
          register += rise;
          pairs.push([(index + 1) * minuteMs, register]);
        });
        const data = samples(...pairs);
        const end = rises.length * minuteMs;
        const middle = Math.round((end * percent) / 100);
        const whole = countBetween(data, { start: 0, end }, unlimited, wide).amount ?? Number.NaN;
        const left = countBetween(data, { start: 0, end: middle }, unlimited, wide).amount ?? Number.NaN;
        const right = countBetween(data, { start: middle, end }, unlimited, wide).amount ?? Number.NaN;
        expect(left + right).toBeCloseTo(whole, 6);
      }),
    );
  });
});
