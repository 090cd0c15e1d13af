import { mergeReading } from "../merge.ts";
import type { Reading } from "../reading.ts";
import type { Correction } from "../readings.ts";
import { placeIs, quoteName, timeRange, toCorrection, toReading } from "./line.ts";
import { deviceKey, readingKey } from "./record.ts";
import type { InfluxServer } from "./server.ts";

export type NumberedCorrection = Correction & { readonly nth: number };

/** What InfluxDB holds, as readings. */
export interface Stored {
  /** Those of these sites, devices and times that it holds, by `readingKey`. */
  find(of: readonly Reading[], timeoutMs?: number): Promise<ReadonlyMap<string, Reading>>;
  superseded(of: readonly Reading[]): Promise<readonly NumberedCorrection[]>;
}

const statementsPerRequest = 200;
// A device's times this close together are asked for as one range, else one by one.
const rangeReadings = 3;

/** One statement per device, or per time where the times lie far apart. */
const statements = (measurement: string, of: readonly Reading[]): string[] => {
  const devices = new Map<string, Reading[]>();
  for (const reading of of) {
    const key = deviceKey(reading.site, reading.device);
    const known = devices.get(key);
    if (known === undefined) devices.set(key, [reading]);
    else known.push(reading);
  }
  return [...devices.values()].flatMap((readings) => {
    const [sample] = readings;
    if (sample === undefined) return [];
    const times = readings.map((reading) => reading.ts).sort((a, b) => a - b);
    const select = (from: number, to: number) =>
      `SELECT * FROM ${quoteName(measurement)} WHERE ${placeIs(sample.site, sample.device)} AND ${timeRange(from, to + 1)}`;
    const [from = 0, to = 0] = [times[0], times.at(-1)];
    return times.length > rangeReadings ? [select(from, to)] : [...new Set(times)].map((ts) => select(ts, ts));
  });
};

export const createStored = (server: InfluxServer): Stored => {
  const rowsOf = async (measurement: string, of: readonly Reading[], timeoutMs?: number) => {
    const all = statements(measurement, of);
    const rows = [];
    for (let at = 0; at < all.length; at += statementsPerRequest)
      rows.push(...(await server.query(all.slice(at, at + statementsPerRequest), timeoutMs)).flat());
    return rows;
  };
  return {
    find: async (of, timeoutMs) => {
      const found = new Map<string, Reading>();
      const wanted = new Set(of.map(readingKey));
      for (const row of await rowsOf("reading", of, timeoutMs)) {
        const reading = toReading(row);
        if (wanted.has(readingKey(reading))) found.set(readingKey(reading), reading);
      }
      return found;
    },
    superseded: async (of) => (await rowsOf("superseded", of)).map(toCorrection),
  };
};

/** Lays what the spool holds over what the server answered: the spool is newer. */
export const overlay = (stored: Iterable<Reading>, newer: ReadonlyMap<string, Reading>): Reading[] => {
  const all = new Map<string, Reading>();
  for (const reading of stored) all.set(readingKey(reading), reading);
  for (const [key, reading] of newer) {
    const merged = mergeReading(all.get(key), reading).merged;
    if (merged !== null) all.set(key, merged);
  }
  return [...all.values()];
};
