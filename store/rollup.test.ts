import fc from "fast-check";
import { expect, test } from "vitest";
import {
  composeRollups,
  composeWindow,
  fullerWindow,
  rollup,
  rollWindow,
  type Samples,
  windowStart,
} from "./rollup.ts";

const gapMs = 150_000;
const minute = 60_000;
const hour = 3_600_000;

const samples = (...points: readonly [ts: number, value: number][]): Samples => ({
  ts: points.map(([ts]) => ts),
  value: points.map(([, value]) => value),
});

// Distances from seconds to beyond the gap limit, values of meters and sensors.
const anySamples = fc
  .array(fc.tuple(fc.integer({ min: 1, max: 300_000 }), fc.integer({ min: -1_000_000, max: 1_000_000 })), {
    minLength: 1,
    maxLength: 120,
  })
  .map((points): Samples => {
    let at = 0;
    const ts = points.map(([distance]) => {
      at += distance;
      return at;
    });
    return { ts, value: points.map(([, value]) => value) };
  });

const wholeIntegral = ({ ts, value }: Samples): { integral: number; goodMs: number } => {
  let [integral, goodMs] = [0, 0];
  for (let index = 1; index < ts.length; index++) {
    const [from = 0, to = 0] = [ts[index - 1], ts[index]];
    if (to - from > gapMs) continue;
    integral += (((value[index - 1] ?? 0) + (value[index] ?? 0)) / 2) * (to - from);
    goodMs += to - from;
  }
  return { integral, goodMs };
};

test("adjacent windows sum to the whole", () => {
  fc.assert(
    fc.property(anySamples, fc.constantFrom("1m" as const, "15m" as const, "1h" as const), (input, step) => {
      const rows = rollup(input, 0, Number.MAX_SAFE_INTEGER, step, gapMs);
      const total = (name: "count" | "sum" | "integral" | "goodMs") => rows.reduce((sum, row) => sum + row[name], 0);
      const whole = wholeIntegral(input);
      expect(total("count")).toBe(input.ts.length);
      expect(total("sum")).toBe(input.value.reduce((sum, value) => sum + value, 0));
      expect(total("goodMs")).toBe(whole.goodMs);
      expect(Math.abs(total("integral") - whole.integral)).toBeLessThanOrEqual(
        1e-3 * (1 + Math.abs(whole.integral) * 1e-9),
      );
    }),
  );
});

test("minutes composed into quarters and hours equal the direct roll-up", () => {
  fc.assert(
    fc.property(anySamples, (input) => {
      const direct = (step: "1m" | "15m" | "1h") => rollup(input, 0, Number.MAX_SAFE_INTEGER, step, gapMs);
      const quarters = composeRollups(direct("1m"), "15m");
      const pairs = [
        [quarters, direct("15m")],
        [composeRollups(quarters, "1h"), direct("1h")],
      ] as const;
      for (const [composed, expected] of pairs) {
        expect(composed.map((row) => ({ ...row, integral: 0 }))).toEqual(
          expected.map((row) => ({ ...row, integral: 0 })),
        );
        for (const [index, row] of composed.entries())
          expect(Math.abs(row.integral - (expected[index]?.integral ?? 0))).toBeLessThan(1);
      }
    }),
  );
});

test("every sample lies between the window's minimum and maximum", () => {
  fc.assert(
    fc.property(anySamples, (input) => {
      const rows = new Map(rollup(input, 0, Number.MAX_SAFE_INTEGER, "1m", gapMs).map((row) => [row.start, row]));
      for (const [index, ts] of input.ts.entries()) {
        const row = rows.get(windowStart(ts, minute));
        expect(row?.min).toBeLessThanOrEqual(input.value[index] ?? Number.NaN);
        expect(row?.max).toBeGreaterThanOrEqual(input.value[index] ?? Number.NaN);
      }
    }),
  );
});

test("a constant power integrates to power times time", () => {
  const steady = samples([0, 1000], [minute, 1000], [2 * minute, 1000], [3 * minute, 1000]);
  expect(rollup(steady, 0, hour, "1h", gapMs)[0]).toMatchObject({ integral: 1000 * 3 * minute, goodMs: 3 * minute });
});

test("a hole longer than the limit is no line, one as long as the limit is", () => {
  expect(rollup(samples([0, 1], [gapMs + 1, 1]), 0, hour, "1h", gapMs)[0]?.goodMs).toBe(0);
  expect(rollup(samples([0, 1], [gapMs, 1]), 0, hour, "1h", gapMs)[0]?.goodMs).toBe(gapMs);
});

test("a window has its start and not its end", () => {
  const rows = rollup(samples([0, 1], [minute, 2]), 0, hour, "1m", gapMs);
  expect(rows.map((row) => [row.start, row.count, row.goodMs])).toEqual([
    [0, 1, minute],
    [minute, 1, 0],
  ]);
});

test("a window that only a line crosses has that line's values at its borders", () => {
  const row = rollWindow(samples([30_000, 10], [150_000, 30]), minute, minute, gapMs);
  expect(row).toEqual({
    start: minute,
    count: 0,
    sum: 0,
    min: 15,
    max: 25,
    first: 15,
    firstTs: minute,
    last: 25,
    lastTs: 2 * minute,
    integral: 20 * minute,
    goodMs: minute,
  });
});

test("composing prefers samples to lines for what was first, last, least and most", () => {
  const rows = rollup(samples([30_000, 10], [150_000, 30]), 0, hour, "1m", gapMs);
  expect(composeWindow(rows, 0)).toMatchObject({ count: 2, min: 10, max: 30, first: 10, last: 30, goodMs: 120_000 });
});

test("nothing rolls up to nothing", () => {
  expect(rollWindow(samples(), 0, minute, gapMs)).toBeNull();
  expect(rollup(samples(), 0, hour, "1m", gapMs)).toEqual([]);
  expect(composeWindow([], 0)).toBeNull();
  expect(composeRollups([], "1h")).toEqual([]);
});

test("of two versions of a window the one with more samples, then with more covered time, is kept", () => {
  const [thin] = rollup(samples([0, 1]), 0, hour, "1m", gapMs);
  const [full] = rollup(samples([0, 1], [1000, 1]), 0, hour, "1m", gapMs);
  const [line] = rollup(samples([0, 2], [minute, 1]), 0, hour, "1m", gapMs);
  if (thin === undefined || full === undefined || line === undefined) throw new Error("BUG: no window");
  expect(fullerWindow(full, thin)).toBe(full);
  expect(fullerWindow(thin, full)).toBe(full);
  expect(fullerWindow(line, thin)).toBe(line);
  expect(fullerWindow(thin, { ...thin, sum: 5 })?.sum).toBe(5);
  expect(fullerWindow(undefined, thin)).toBe(thin);
  expect(fullerWindow(thin, null)).toBe(thin);
  expect(fullerWindow(undefined, null)).toBeNull();
});
