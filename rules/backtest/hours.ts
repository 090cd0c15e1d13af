import { type ReadingColumns, type Readings, readColumnsOf, startsOf, timestamp } from "#store";
import { inOrderOf, ranksOf } from "./order.ts";

/** The readings of an hour of event time in the order in which they were received, then by time and device. */
export interface HourRows {
  readonly columns: ReadingColumns;
  /** Where the values of each row begin. */
  readonly starts: Int32Array;
  readonly order: Int32Array;
}

export interface HoursQuery {
  readonly readings: Readings;
  readonly site: string;
  readonly from: number;
  readonly to: number;
  /** Null or absent for all of the site. */
  readonly devices?: readonly string[] | null;
}

const hourMs = 3_600_000;
// More of them, and one sweep over all is cheaper.
const mostDevices = 2000;
// Some 8 MB of them are at hand, and as many on their way.
const usualReadings = 150_000;
const mostHours = 24;

export const hourEnd = (at: number): number => (Math.floor(at / hourMs) + 1) * hourMs;

interface Span {
  readonly from: number;
  readonly to: number;
  readonly columns: ReadingColumns;
  readonly starts: Int32Array;
  readonly ranks: Int32Array;
  /** Rows of each hour. */
  readonly byHour: readonly Int32Array[];
}

/**
 * The readings of one hour after the other. They lie by device: several hours of one are read at once, so that its pages
 * are unpacked for all of them.
 */
export const hourlyReadings = async (query: HoursQuery) => {
  const { readings, site } = query;
  const seen = query.devices ?? (await readings.devices(site)).map(({ device }) => device);
  const devices = seen.length > mostDevices ? {} : { devices: seen };
  let hours = 1;
  let read: Span | null = null;
  let next: Promise<Span> | null = null;
  const readSpan = async (from: number): Promise<Span> => {
    const to = Math.min(query.to, hourEnd(from) + (hours - 1) * hourMs);
    const range = { site, from: timestamp(from), to: timestamp(to) };
    const columns = await readColumnsOf(readings, { ...range, ...devices });
    const count = columns.device.length;
    const fitting = Math.floor((hours * usualReadings) / Math.max(1, count));
    hours = Math.max(1, Math.min(mostHours, fitting));
    const byHour = rowsByHour(columns, from, to);
    return { from, to, columns, starts: startsOf(columns), ranks: ranksOf(columns), byHour };
  };
  const later = (from: number): Promise<Span> | null => {
    const span = from < query.to ? readSpan(from) : null;
    // Whoever stops early leaves it behind.
    span?.catch(() => undefined);
    return span;
  };
  return async (from: number, to: number): Promise<HourRows> => {
    if (read === null || from >= read.to) {
      read = await (next ?? readSpan(from));
      next = hours > 1 ? later(read.to) : null;
    }
    if (to > read.to) throw new Error("BUG: hours are read whole");
    const { columns, starts, ranks, byHour } = read;
    const rows = byHour[hourOf(from) - hourOf(read.from)] ?? new Int32Array(0);
    return { columns, starts, order: inOrderOf(columns, ranks, rows) };
  };
};

const hourOf = (at: number): number => Math.floor(at / hourMs);

const rowsByHour = ({ ts }: ReadingColumns, from: number, to: number): readonly Int32Array[] => {
  const first = hourOf(from);
  const counts = new Int32Array(hourOf(to - 1) - first + 1);
  const count = (hour: number): number => {
    const before = counts[hour] ?? 0;
    counts[hour] = before + 1;
    return before;
  };
  for (let row = 0; row < ts.length; row++) count(hourOf(ts[row] ?? 0) - first);
  const rows = Array.from(counts, (size) => new Int32Array(size));
  counts.fill(0);
  for (let row = 0; row < ts.length; row++) {
    const hour = hourOf(ts[row] ?? 0) - first;
    const mine = rows[hour];
    if (mine !== undefined) mine[count(hour)] = row;
  }
  return rows;
};
