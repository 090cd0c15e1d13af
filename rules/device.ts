import type { Facts } from "./evaluate.ts";

/** What is known of one device's reporting; plain data, saved as it is. */
export interface DeviceSeen {
  /** Newest event time, never beyond its receive time; null when it has not been heard. */
  readonly lastTs: number | null;
  /** Readings in a row that came in time. */
  readonly good: number;
}

export const notSeen: DeviceSeen = { lastTs: null, good: 0 };

// Loaded history is often thinned to minutes: while it loads no device is held to a faster rhythm.
const historyIntervalMs = 60_000;

/** The rhythm a device is held to. */
export const intervalFor = (intervalMs: number, mode: "live" | "catching-up" | "silent"): number =>
  mode === "catching-up" ? Math.max(intervalMs, historyIntervalMs) : intervalMs;

/** Three intervals, at least 30 s: what kpi.md §9 R04 calls in time. */
const inTimeMs = (intervalMs: number): number => Math.max(3 * intervalMs, 30_000);

/** A late reading neither refreshes the age beyond its own time nor counts as good. */
export const seeReading = (
  seen: DeviceSeen,
  reading: { readonly ts: number; readonly received: number },
  now: number,
  intervalMs: number,
): DeviceSeen => {
  const ts = Math.min(reading.ts, reading.received);
  if (seen.lastTs !== null && ts <= seen.lastTs) return seen;
  const limit = inTimeMs(intervalMs);
  if (now - ts > limit) return { lastTs: ts, good: 0 };
  const follows = seen.lastTs !== null && ts - seen.lastTs <= limit;
  return { lastTs: ts, good: follows ? seen.good + 1 : 1 };
};

/** The moment that a device's age counts from. */
export const silentSince = (seen: DeviceSeen, listening: number): number =>
  Math.max(seen.lastTs ?? listening, listening);

export const deviceFactsAt = (seen: DeviceSeen, listening: number, now: number, intervalMs: number): Facts => ({
  age_s: Math.max(0, now - silentSince(seen, listening)) / 1000,
  interval_s: intervalMs / 1000,
  good_samples: seen.good,
});
