import { windowOf } from "#energy";
import { type RollupColumns, type RollupStep, type Series, steps, windowStart } from "#store";
import type { SeriesWire } from "./wire.ts";

export type SeriesStep = SeriesWire["step"];

/** What a chart can show: about one point per pixel of a wide screen. */
export const mostPoints = 2000;

const dayMs = 86_400_000;
const widths = { ...steps, "1d": dayMs };

/** The finest roll-up that covers the range with at most `mostPoints` windows. */
export const stepFor = (from: number, to: number): Exclude<SeriesStep, "raw"> =>
  (["1m", "15m", "1h"] as const).find((step) => (to - from) / steps[step] <= mostPoints) ?? "1d";

/** Start of the first window that overlaps the range, so that no part of it is left out. */
export const alignDown = (ms: number, step: RollupStep): number => windowStart(ms, steps[step]);

type Columns = Pick<SeriesWire, "ts" | "mean" | "min" | "max" | "coverage">;

/** Raw samples stand for themselves; a window's mean is its integral over the time it was measured. */
export const columnsOf = (series: Series): Columns =>
  series.step === "raw" ? rawColumns(series.ts, series.value) : windowColumns(series, steps[series.step]);

const rawColumns = (ts: readonly number[], value: readonly number[]): Columns => ({
  ts,
  mean: value,
  min: value,
  max: value,
  coverage: value.map(() => 1),
});

// A lone sample has no slope to integrate: its plain mean is the best there is.
const meanOf = (integral: number, goodMs: number, sum: number, count: number): number =>
  goodMs > 0 ? integral / goodMs : sum / count;

const at = (column: readonly number[], index: number): number => column[index] ?? Number.NaN;

const windowColumns = (rows: RollupColumns, widthMs: number): Columns => ({
  ts: rows.start,
  mean: rows.start.map((_, i) => meanOf(at(rows.integral, i), at(rows.goodMs, i), at(rows.sum, i), at(rows.count, i))),
  min: rows.min,
  max: rows.max,
  coverage: rows.goodMs.map((goodMs) => Math.min(1, goodMs / widthMs)),
});

/** Windows of at most an hour, composed into civil days of the site's zone. */
export const days = (rows: RollupColumns, timeZone: string): Columns => {
  const columns = { ts: [], mean: [], min: [], max: [], coverage: [] } as {
    [Name in keyof Columns]: number[];
  };
  let index = 0;
  while (index < rows.start.length) {
    const { start, end } = windowOf("1d", at(rows.start, index), timeZone);
    let [sum, count, integral, goodMs, min, max] = [0, 0, 0, 0, Infinity, -Infinity];
    for (; index < rows.start.length && at(rows.start, index) < end; index++) {
      sum += at(rows.sum, index);
      count += at(rows.count, index);
      integral += at(rows.integral, index);
      goodMs += at(rows.goodMs, index);
      min = Math.min(min, at(rows.min, index));
      max = Math.max(max, at(rows.max, index));
    }
    columns.ts.push(start);
    columns.mean.push(meanOf(integral, goodMs, sum, count));
    columns.min.push(min);
    columns.max.push(max);
    columns.coverage.push(Math.min(1, goodMs / (end - start)));
  }
  return columns;
};

/** Windows of the range, for a limit before anything is read. */
export const windowsIn = (from: number, to: number, step: Exclude<SeriesStep, "raw">): number =>
  Math.ceil((to - from) / widths[step]);
