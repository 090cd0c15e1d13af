import type { Reading } from "#store";
import { type DeviceSeen, deviceFactsAt, intervalFor, notSeen, seeReading, silentSince } from "./device.ts";
import { createDueList } from "./due.ts";
import type { Facts } from "./evaluate.ts";

type Mode = "live" | "catching-up" | "silent";

/** Who reported when, and whose silence is to be looked at next; a reading costs no search, a tick no scan. */
export interface Silence {
  readonly size: number;
  has(device: string): boolean;
  facts(device: string, now: number): Facts;
  /** False for a reading that is not the device's newest. */
  see(reading: Reading, now: number): boolean;
  /** Listening (again) from `listening` on: looks are planned anew, those before `now` are left out. */
  listen(from: { readonly now: number; readonly listening: number; readonly mode: Mode }): void;
  /** The next silence that ended before `now`, with everyone whose it is; null when there is none. */
  next(now: number): { readonly at: number; readonly devices: readonly string[] } | null;
  /** Devices later than half an interval over their time, of those that `counts`. */
  overdue(now: number, counts: (device: string) => boolean): number;
  save(): Readonly<Record<string, readonly [lastTs: number | null, good: number]>>;
}

export interface SilenceDeps {
  /** Sampling interval of each device, ms. */
  readonly intervals: ReadonlyMap<string, number>;
  /** Lengths of silence at which a device of this interval is looked at, ms. */
  readonly looks: (intervalMs: number) => readonly number[];
  readonly saved: Readonly<Record<string, readonly [lastTs: number | null, good: number]>>;
}

export const createSilence = ({ intervals, looks, saved }: SilenceDeps): Silence => {
  const seen = new Map<string, DeviceSeen>();
  for (const [device, [lastTs, good]] of Object.entries(saved)) {
    if (intervals.has(device)) seen.set(device, { lastTs, good });
  }
  const due = createDueList();
  // One entry of a device counts, the one at this time; it finds out by itself that a reading has come since.
  const listed = new Map<string, number>();
  const looksByInterval = new Map<number, readonly number[]>();
  let listening = 0;
  let mode: Mode = "catching-up";

  const intervalOf = (device: string): number => intervalFor(intervals.get(device) ?? 0, mode);
  const seenOf = (device: string): DeviceSeen => seen.get(device) ?? notSeen;
  const looksOf = (device: string): readonly number[] => {
    const interval = intervalOf(device);
    let mine = looksByInterval.get(interval);
    if (mine === undefined) {
      mine = [...looks(interval)].sort((left, right) => left - right);
      looksByInterval.set(interval, mine);
    }
    return mine;
  };
  const lookAfter = (device: string, now: number): number | null => {
    const since = silentSince(seenOf(device), listening);
    const look = looksOf(device).find((silence) => since + silence >= now);
    return look === undefined ? null : since + look;
  };
  const list = (device: string, now: number): void => {
    const at = lookAfter(device, now);
    if (at === null) listed.delete(device);
    else {
      listed.set(device, at);
      due.push(at, device);
    }
  };

  return {
    size: intervals.size,
    has: (device) => intervals.has(device),
    facts: (device, now) => deviceFactsAt(seenOf(device), listening, now, intervalOf(device)),
    see(reading, now) {
      const before = seenOf(reading.device);
      const after = seeReading(before, reading, now, intervalOf(reading.device));
      if (after === before) return false;
      seen.set(reading.device, after);
      // After a long silence the entry stands at a later look than the one that the new reading begins with.
      const planned = listed.get(reading.device);
      if (planned === undefined || planned > (lookAfter(reading.device, now) ?? planned)) list(reading.device, now);
      return true;
    },
    listen(from) {
      listening = from.listening;
      mode = from.mode;
      due.clear();
      listed.clear();
      for (const device of intervals.keys()) list(device, from.now);
    },
    next(now) {
      const devices: string[] = [];
      let at: number | null = null;
      for (let entry = due.pop(now); entry !== null; entry = due.pop(now)) {
        if (listed.get(entry.name) !== entry.at) continue;
        if (at !== null && entry.at > at) {
          due.push(entry.at, entry.name);
          break;
        }
        const look = lookAfter(entry.name, entry.at);
        if (look === entry.at) {
          at = entry.at;
          devices.push(entry.name);
          list(entry.name, entry.at + 1);
        } else list(entry.name, entry.at);
      }
      return at === null ? null : { at, devices };
    },
    overdue(now, counts) {
      let count = 0;
      for (const device of intervals.keys()) {
        if (counts(device) && now - silentSince(seenOf(device), listening) > 1.5 * intervalOf(device)) count++;
      }
      return count;
    },
    save: () => Object.fromEntries([...seen].map(([device, { lastTs, good }]) => [device, [lastTs, good] as const])),
  };
};
