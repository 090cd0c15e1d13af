import { type RollupStep, steps } from "../readings.ts";
import {
  composeWindow,
  fullerWindow,
  type RollupRow,
  rollWindow,
  type Samples,
  touchedWindows,
  windowStart,
} from "../rollup.ts";

export type Windows = ReadonlyMap<number, RollupRow>;

/** Times that lie so close that their windows are computed from one stretch of samples. */
export interface Stretch {
  readonly from: number;
  readonly to: number;
  readonly touched: readonly number[];
}

/** Stretches of time, each with room on both sides for the windows that its touched times reach and their neighbours. */
export const stretches = (touched: readonly number[], gapMs: number): readonly Stretch[] => {
  const reach = 2 * gapMs + steps["1m"];
  const found: { from: number; to: number; touched: number[] }[] = [];
  for (const ts of [...new Set(touched)].sort((a, b) => a - b)) {
    const last = found.at(-1);
    if (last !== undefined && ts - reach <= last.to) {
      last.to = ts + reach;
      last.touched.push(ts);
    } else found.push({ from: ts - reach, to: ts + reach, touched: [ts] });
  }
  return found;
};

/** The minutes of one quantity that `touched` changes, from a stretch's samples. */
export const freshMinutes = (samples: Samples, touched: readonly number[], gapMs: number): Windows => {
  const minutes = new Map<number, RollupRow>();
  for (const start of touchedWindows(samples, touched, steps["1m"], gapMs)) {
    const row = rollWindow(samples, start, steps["1m"], gapMs);
    if (row !== null) minutes.set(start, row);
  }
  return minutes;
};

/** Of fresh windows and those kept at their starts, the ones to keep from now on. */
export const settle = (fresh: Windows, kept: (from: number, to: number) => Windows): Windows => {
  const starts = [...fresh.keys()];
  const from = starts.reduce((least, start) => Math.min(least, start), Number.POSITIVE_INFINITY);
  const to = starts.reduce((most, start) => Math.max(most, start), Number.NEGATIVE_INFINITY) + 1;
  const before = starts.length === 0 ? fresh : kept(from, to);
  return new Map([...fresh].map(([start, row]) => [start, fullerWindow(before.get(start), row) ?? row]));
};

/** The longer windows that hold the fresh shorter ones; `shorter` gives at least the kept ones of a range. */
export const freshLonger = (
  fresh: Windows,
  step: RollupStep,
  shorter: (from: number, to: number) => Windows,
): Windows => {
  const starts = new Set([...fresh.keys()].map((start) => windowStart(start, steps[step])));
  const longer = new Map<number, RollupRow>();
  for (const start of starts) {
    const end = start + steps[step];
    const parts = new Map<number, RollupRow>();
    for (const windows of [shorter(start, end), fresh])
      for (const [at, row] of windows) if (at >= start && at < end) parts.set(at, row);
    const rows = [...parts.values()].sort((a, b) => a.start - b.start);
    const row = composeWindow(rows, start);
    if (row !== null) longer.set(start, row);
  }
  return longer;
};
