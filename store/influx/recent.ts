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
  /** In the order of their numbers. */
  put(entry: RecentReading): void;
  /** Everything from this reading on is in here. */
  floor(): number;
}

/** Remembers at least the newest `limit / 2` and at most `limit`: the older half goes at once, which costs nothing. */
export const createRecent = (limit: number, floor: number): Recent => {
  let older = new Map<string, RecentReading>();
  let newer = new Map<string, RecentReading>();
  let [olderFrom, newerFrom] = [floor, floor];
  return {
    find: (key) => newer.get(key) ?? older.get(key),
    put: (entry) => {
      if (newer.size >= limit / 2) {
        older = newer;
        olderFrom = newerFrom;
        newer = new Map();
        newerFrom = entry.seq;
      }
      newer.set(readingKey(entry.reading), entry);
    },
    floor: () => olderFrom,
  };
};
