import { Temporal } from "temporal-polyfill";
import type { AccountStep } from "./account.ts";

/** `[start, end)` in UTC ms, tagged by start. */
export interface Window {
  readonly start: number;
  readonly end: number;
}

const minuteMs = 60_000;
const quarterMs = 900_000;
const fixedMs: Readonly<Record<Exclude<AccountStep, "1d">, number>> = {
  "1m": minuteMs,
  "15m": quarterMs,
  "1h": 3_600_000,
};

// Offsets of the tz database change at quarter hours of UTC at the finest, so one look-up serves each quarter.
const offsetCache = new Map<string, Map<number, number>>();
const cacheLimit = 20_000;

/** Local civil time less UTC, ms. */
export const offsetAt = (ts: number, timeZone: string): number => {
  const quarter = Math.floor(ts / quarterMs);
  let offsets = offsetCache.get(timeZone);
  if (offsets === undefined || offsets.size > cacheLimit) {
    offsets = new Map();
    offsetCache.set(timeZone, offsets);
  }
  let offset = offsets.get(quarter);
  if (offset === undefined) {
    const zoned = Temporal.Instant.fromEpochMilliseconds(quarter * quarterMs).toZonedDateTimeISO(timeZone);
    offset = zoned.offsetNanoseconds / 1e6;
    offsets.set(quarter, offset);
  }
  return offset;
};

/** Minutes since local midnight on the wall clock, 0..1439. */
export const minuteOfDay = (ts: number, timeZone: string): number => {
  const local = ts + offsetAt(ts, timeZone);
  return Math.floor((((local % 86_400_000) + 86_400_000) % 86_400_000) / minuteMs);
};

/** The civil day of a time: its date, month 1..12, and weekday 0 (Sunday) to 6. */
export const civilDay = (
  ts: number,
  timeZone: string,
): { readonly date: string; readonly month: number; readonly weekday: number } => {
  const local = new Date(ts + offsetAt(ts, timeZone));
  return { date: local.toISOString().slice(0, 10), month: local.getUTCMonth() + 1, weekday: local.getUTCDay() };
};

const dayCache = new Map<string, Window>();

const dayOf = (ts: number, timeZone: string): Window => {
  const local = ts + offsetAt(ts, timeZone);
  const key = `${timeZone} ${Math.floor(local / 86_400_000)}`;
  const known = dayCache.get(key);
  if (known !== undefined && known.start <= ts && ts < known.end) return known;
  const date = Temporal.Instant.fromEpochMilliseconds(ts).toZonedDateTimeISO(timeZone).toPlainDate();
  const midnight = (day: Temporal.PlainDate): number => day.toZonedDateTime(timeZone).epochMilliseconds;
  const window = { start: midnight(date), end: midnight(date.add({ days: 1 })) };
  if (dayCache.size > cacheLimit) dayCache.clear();
  dayCache.set(key, window);
  return window;
};

/** The window of a step that holds `ts`, aligned to the wall clock of the zone; civil days have 23 to 25 hours. */
export const windowOf = (step: AccountStep, ts: number, timeZone: string): Window => {
  if (step === "1d") return dayOf(ts, timeZone);
  const length = fixedMs[step];
  // Zones are off UTC by whole quarters, so only hours need the day. Where the clock jumps by half an hour (Lord Howe)
  // hours go on counting from midnight, so that they still tile the day.
  const from = step === "1h" ? dayOf(ts, timeZone) : { start: 0, end: Infinity };
  const start = from.start + Math.floor((ts - from.start) / length) * length;
  return { start, end: Math.min(start + length, from.end) };
};

/** All windows of a step that begin in `[from, to)`, in order. */
export const windowsBetween = (step: AccountStep, from: number, to: number, timeZone: string): readonly Window[] => {
  const windows: Window[] = [];
  let window = windowOf(step, from, timeZone);
  if (window.start < from) window = windowOf(step, window.end, timeZone);
  for (; window.start < to; window = windowOf(step, window.end, timeZone)) windows.push(window);
  return windows;
};

/** ISO 8601 with the zone's offset at that time. */
export const formatLocal = (ts: number, timeZone: string): string =>
  Temporal.Instant.fromEpochMilliseconds(ts).toZonedDateTimeISO(timeZone).toString({ timeZoneName: "never" });
