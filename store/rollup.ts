import { type RollupColumns, type RollupStep, steps } from "./readings.ts";

// samples of one quantity     ●────●─────●          ●───●        (longer than the gap limit: no line)
// windows                   |   1   |   2   |   3   |   4   |
// The line between two samples counts in every window it crosses, so that adjacent windows sum to the whole.

/** Samples of one quantity, strictly increasing in time. */
export interface Samples {
  readonly ts: readonly number[];
  readonly value: readonly number[];
}

/**
 * One window of one quantity. A window that holds no sample but is crossed by the line between two samples has
 * `count` 0 and `sum` 0; its `first`, `last`, `min` and `max` are then that line's values at the window's borders.
 */
export type RollupRow = { readonly [Column in keyof RollupColumns]: number };

/** Start of the window that holds `ts`. */
export const windowStart = (ts: number, stepMs: number): number => Math.floor(ts / stepMs) * stepMs;

/** The window `[start, start + stepMs)`, or null when neither a sample nor a line is in it. `gapMs` is the longest distance a line bridges. */
export const rollWindow = (samples: Samples, start: number, stepMs: number, gapMs: number): RollupRow | null => {
  const end = start + stepMs;
  const begin = lowerBound(samples.ts, start);
  const stop = lowerBound(samples.ts, end);
  let [sum, min, max, integral, goodMs] = [0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, 0];
  for (let index = begin; index < stop; index++) {
    const value = at(samples.value, index);
    sum += value;
    if (value < min) min = value;
    if (value > max) max = value;
  }
  for (let index = Math.max(begin, 1); index <= Math.min(stop, samples.ts.length - 1); index++) {
    const line = lineAt(samples, index);
    if (line.toTs - line.fromTs > gapMs) continue;
    const left = Math.max(line.fromTs, start);
    const right = Math.min(line.toTs, end);
    if (right <= left) continue;
    integral += ((valueOn(line, left) + valueOn(line, right)) / 2) * (right - left);
    goodMs += right - left;
  }
  if (stop > begin) {
    return {
      start,
      count: stop - begin,
      sum,
      min,
      max,
      first: at(samples.value, begin),
      firstTs: at(samples.ts, begin),
      last: at(samples.value, stop - 1),
      lastTs: at(samples.ts, stop - 1),
      integral,
      goodMs,
    };
  }
  if (goodMs === 0) return null;
  const line = lineAt(samples, begin);
  const first = valueOn(line, start);
  const last = valueOn(line, end);
  return {
    start,
    count: 0,
    sum: 0,
    min: Math.min(first, last),
    max: Math.max(first, last),
    first,
    firstTs: start,
    last,
    lastTs: end,
    integral,
    goodMs,
  };
};

/**
 * The non-empty windows that begin in `[from, to)`, oldest first. Give the samples from `gapMs` before the first window
 * to `gapMs` after the last, so that lines across the borders count.
 */
export const rollup = (samples: Samples, from: number, to: number, step: RollupStep, gapMs: number): RollupRow[] =>
  touchedWindows(samples, samples.ts, steps[step], gapMs)
    .filter((start) => start >= from && start < to)
    .flatMap((start) => rollWindow(samples, start, steps[step], gapMs) ?? []);

/** Starts of the windows, oldest first, whose roll-up depends on the samples at the times `touched`. */
export const touchedWindows = (
  samples: Samples,
  touched: readonly number[],
  stepMs: number,
  gapMs: number,
): readonly number[] => {
  const starts = new Set<number>();
  for (const ts of touched) {
    const index = lowerBound(samples.ts, ts);
    if (samples.ts[index] !== ts) continue;
    const before = samples.ts[index - 1];
    const after = samples.ts[index + 1];
    const left = before !== undefined && ts - before <= gapMs ? before : ts;
    const right = after !== undefined && after - ts <= gapMs ? after : ts;
    for (let start = windowStart(left, stepMs); start <= right; start += stepMs) starts.add(start);
  }
  return [...starts].sort((a, b) => a - b);
};

/** One longer window of shorter ones, oldest first; null when there is none. Equals rolling up the samples directly. */
export const composeWindow = (rows: readonly RollupRow[], start: number): RollupRow | null => {
  const [head] = rows;
  if (head === undefined) return null;
  const sampled = rows.filter((row) => row.count > 0);
  const shown = sampled.length > 0 ? sampled : rows;
  const first = shown[0] ?? head;
  const last = shown.at(-1) ?? head;
  const total = (column: "count" | "sum" | "integral" | "goodMs") => rows.reduce((sum, row) => sum + row[column], 0);
  return {
    start,
    count: total("count"),
    sum: total("sum"),
    min: shown.reduce((min, row) => Math.min(min, row.min), Number.POSITIVE_INFINITY),
    max: shown.reduce((max, row) => Math.max(max, row.max), Number.NEGATIVE_INFINITY),
    first: first.first,
    firstTs: first.firstTs,
    last: last.last,
    lastTs: last.lastTs,
    integral: total("integral"),
    goodMs: total("goodMs"),
  };
};

/** Windows of `step` from shorter windows, oldest first: 1m into 15m, 15m into 1h. */
export const composeRollups = (rows: readonly RollupRow[], step: RollupStep): RollupRow[] => {
  const groups = new Map<number, RollupRow[]>();
  for (const row of rows) {
    const start = windowStart(row.start, steps[step]);
    const group = groups.get(start);
    if (group === undefined) groups.set(start, [row]);
    else group.push(row);
  }
  return [...groups].flatMap(([start, group]) => composeWindow(group, start) ?? []);
};

/** Of the window kept and the one computed anew from what raw data is left, the one that rests on more of it. */
export const fullerWindow = (kept: RollupRow | undefined, fresh: RollupRow | null): RollupRow | null => {
  if (kept === undefined || fresh === null) return fresh ?? kept ?? null;
  if (kept.count !== fresh.count) return kept.count > fresh.count ? kept : fresh;
  return kept.goodMs > fresh.goodMs ? kept : fresh;
};

/** Windows as one array for each of their fields, in the same order. */
export const rollupColumns = (rows: readonly RollupRow[]): RollupColumns => {
  const column = (name: keyof RollupColumns) => rows.map((row) => row[name]);
  return {
    start: column("start"),
    count: column("count"),
    sum: column("sum"),
    min: column("min"),
    max: column("max"),
    first: column("first"),
    firstTs: column("firstTs"),
    last: column("last"),
    lastTs: column("lastTs"),
    integral: column("integral"),
    goodMs: column("goodMs"),
  };
};

/** Index of the first time that is not before `ts`. */
export const lowerBound = (times: readonly number[], ts: number): number => {
  let [low, high] = [0, times.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (at(times, middle) < ts) low = middle + 1;
    else high = middle;
  }
  return low;
};

interface Line {
  readonly fromTs: number;
  readonly from: number;
  readonly toTs: number;
  readonly to: number;
}

const lineAt = (samples: Samples, index: number): Line => ({
  fromTs: at(samples.ts, index - 1),
  from: at(samples.value, index - 1),
  toTs: at(samples.ts, index),
  to: at(samples.value, index),
});

const valueOn = (line: Line, ts: number): number => {
  if (ts === line.fromTs) return line.from;
  if (ts === line.toTs) return line.to;
  const share = (ts - line.fromTs) / (line.toTs - line.fromTs);
  return line.from * (1 - share) + line.to * share;
};

const at = (column: readonly number[], index: number): number => {
  const value = column[index];
  if (value === undefined) throw new Error(`BUG: no sample at ${index} of ${column.length}`);
  return value;
};
