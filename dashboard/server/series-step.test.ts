import fc from "fast-check";
import { expect, test } from "vitest";
import { type RollupColumns, rollup, rollupColumns, steps } from "#store";
import { alignDown, columnsOf, days, mostPoints, stepFor, windowsIn } from "./series-step.ts";

const hour = 3_600_000;

test("a day is shown in minutes, a week in quarter hours, a month in hours, a year in days", () => {
  expect([24, 7 * 24, 30 * 24, 365 * 24].map((hours) => stepFor(0, hours * hour))).toEqual(["1m", "15m", "1h", "1d"]);
});

test("below five years no series has more points than a chart can show", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 5 * 365 * 24 * hour }), (span) => {
      expect(windowsIn(0, span, stepFor(0, span))).toBeLessThanOrEqual(mostPoints);
    }),
  );
});

test("a range that begins inside a window gets the whole window", () => {
  expect(alignDown(61_000, "1m")).toBe(60_000);
  expect(alignDown(60_000, "1m")).toBe(60_000);
});

/** A quantity sampled every minute, in windows of a quarter of an hour. */
const quarters = (from: number, to: number, value: (ts: number) => number): RollupColumns => {
  const ts = Array.from({ length: (to - from) / 60_000 + 1 }, (_, i) => from + i * 60_000);
  const rows = rollup({ ts, value: ts.map(value) }, from, to, "15m", 150_000);
  return rollupColumns(rows);
};

test("days of a constant are that constant, fully measured", () => {
  const from = Date.UTC(2026, 0, 1) - 8 * hour;
  const columns = days(
    quarters(from, from + 48 * hour, () => 42),
    "Asia/Shanghai",
  );
  expect(columns.ts).toEqual([from, from + 24 * hour]);
  for (const mean of columns.mean) expect(mean).toBeCloseTo(42, 9);
  for (const coverage of columns.coverage) expect(coverage).toBeCloseTo(1, 9);
});

test("the mean of a day is the mean of its hours", () => {
  const from = Date.UTC(2026, 5, 1);
  const wave = quarters(from, from + 24 * hour, (ts) => 100 + 50 * Math.sin(ts / 1e6));
  const [day] = days(wave, "UTC").mean;
  const parts = columnsOf({ step: "15m", ...wave }).mean;
  expect(day).toBeCloseTo(parts.reduce<number>((sum, mean) => sum + (mean ?? 0), 0) / parts.length, 6);
});

test("the day the clock goes forward has 23 hours and is still whole", () => {
  const from = Date.UTC(2026, 2, 28, 23);
  const columns = days(
    quarters(from, from + 23 * hour, () => 1),
    "Europe/Berlin",
  );
  expect(columns.ts).toEqual([from]);
  expect(columns.coverage[0]).toBeCloseTo(1, 9);
});

test("a window with a single sample has its value as mean and next to no coverage", () => {
  const columns = columnsOf({ step: "1m", ...rollupColumns(rollup({ ts: [5], value: [7] }, 0, steps["1m"], "1m", 1)) });
  expect(columns).toMatchObject({ mean: [7], min: [7], max: [7], coverage: [0] });
});
