import type { Reading } from "../reading.ts";
import { readingKey } from "./record.ts";

export interface RecentReading {
  readonly reading: Reading;
  /** What the server holds of the same time is not known. */
  readonly undecided: boolean;
  readonly seq: number;
}

/** The newest readings of the spool by site, device and time: answers most look-ups without asking the server. */
export interface Recent {
  find(key: string): RecentReading | undefined;
  put(entry: RecentReading): void;
  /** Everything from this reading on is in here. */
  floor(): number;
}

export const createRecent = (limit: number, floor: number): Recent => {
  const entries = new Map<string, RecentReading>();
  let from = floor;
  return {
    find: (key) => entries.get(key),
    put: (entry) => {
      const key = readingKey(entry.reading);
      entries.delete(key);
      entries.set(key, entry);
      if (entries.size <= limit) return;
      const [oldest] = entries;
      if (oldest === undefined) return;
      entries.delete(oldest[0]);
      from = Math.max(from, oldest[1].seq + 1);
    },
    floor: () => from,
  };
};
