import type { Reading } from "#store";
import { type DeviceSeen, deviceFactsAt, intervalFor, notSeen, seeReading, silentSince } from "./device.ts";
import { createDueList } from "./due.ts";
import type { Facts } from "./evaluate.ts";
import { formatHeard, type Heard, parseHeard, type SavedHeard } from "./heard.ts";

type Mode = "live" | "catching-up" | "silent";

/** Who reported when, and whose silence is to be looked at next; a reading costs no search, a tick no scan. */
export interface Silence {
  readonly size: number;
  has(device: string): boolean;
  facts(device: string, now: number): Facts;
  /** Whether the device's silence is no longer than what `limitOf` gives for its interval, ms. */
  isWithin(place: number, now: number, limitOf: (intervalMs: number) => number): boolean;
  /** Newest event time of the device; null when it was not heard or is no device of the model. */
  newest(device: string): number | null;
  /** A device's number here; -1 for no device of the model. */
  placeOf(device: string): number;
  /** `newest` of that device; NaN when it was not heard. */
  newestAt(place: number): number;
  /** False for a reading that is not the device's newest. */
  see(reading: Reading, now: number): boolean;
  /** `see` by the device's number. */
  seeAt(place: number, reading: { readonly ts: number; readonly received: number }, now: number): boolean;
  /** Before this time, UTC ms, and at it `next` gives nothing. */
  dueAt(): number;
  /** Listening (again) from `listening` on: looks are planned anew, those before `now` are left out. */
  listen(from: { readonly now: number; readonly listening: number; readonly mode: Mode }): void;
  /** The next silence that ended before `now`, with everyone whose it is; null when there is none. */
  next(now: number): { readonly at: number; readonly devices: readonly string[] } | null;
  /** Devices later than half an interval over their time, of those that `counts`. */
  overdue(now: number, counts: (device: string) => boolean): number;
  save(): SavedHeard;
}

export interface SilenceDeps {
  /** Sampling interval of each device, ms. */
  readonly intervals: ReadonlyMap<string, number>;
  /** Lengths of silence at which a device of this interval is looked at, ms. */
  readonly looks: (intervalMs: number) => readonly number[];
  readonly saved: SavedHeard;
}

/** A device is its place among the sorted names. */
interface Roll {
  readonly names: readonly string[];
  readonly places: ReadonlyMap<string, number>;
  readonly rhythms: Float64Array;
}

const rolls = new WeakMap<ReadonlyMap<string, number>, Roll>();

/** Sites of one plan give the same intervals, and call one roll. */
const rollOf = (intervals: ReadonlyMap<string, number>): Roll => {
  const known = rolls.get(intervals);
  if (known !== undefined) return known;
  const sorted = [...intervals].sort(([left], [right]) => (left < right ? -1 : 1));
  const names = sorted.map(([name]) => name);
  const roll = {
    names,
    places: new Map(names.map((name, place) => [name, place])),
    rhythms: Float64Array.from(sorted, ([, intervalMs]) => intervalMs),
  };
  rolls.set(intervals, roll);
  return roll;
};

export const createSilence = ({ intervals, looks, saved }: SilenceDeps): Silence => {
  const { names, places, rhythms } = rollOf(intervals);
  // NaN has not been heard; NaN is not listed.
  const lastTs = new Float64Array(names.length).fill(Number.NaN);
  const good = new Uint32Array(names.length);
  const isSeen = new Uint8Array(names.length);
  const put = (place: number, seen: DeviceSeen): void => {
    lastTs[place] = seen.lastTs ?? Number.NaN;
    good[place] = seen.good;
    isSeen[place] = 1;
  };
  for (const [device, ts, count] of parseHeard(saved)) {
    const place = places.get(device);
    if (place !== undefined) put(place, { lastTs: ts, good: count });
  }
  const due = createDueList();
  // One entry of a device counts, the one at this time; it finds out by itself that a reading has come since.
  const listed = new Float64Array(names.length).fill(Number.NaN);
  const looksByInterval = new Map<number, readonly number[]>();
  let listening = 0;
  let mode: Mode = "catching-up";

  const intervalOf = (place: number): number => intervalFor(rhythms[place] ?? 0, mode);
  const seenOf = (place: number): DeviceSeen => {
    const ts = lastTs[place] ?? Number.NaN;
    return { lastTs: Number.isNaN(ts) ? null : ts, good: good[place] ?? 0 };
  };
  const looksOf = (place: number): readonly number[] => {
    const interval = intervalOf(place);
    let mine = looksByInterval.get(interval);
    if (mine === undefined) {
      mine = [...looks(interval)].sort((left, right) => left - right);
      looksByInterval.set(interval, mine);
    }
    return mine;
  };
  const lookAfter = (place: number, now: number): number | null => {
    const heard = lastTs[place] ?? Number.NaN;
    const since = heard > listening ? heard : listening;
    for (const look of looksOf(place)) if (since + look >= now) return since + look;
    return null;
  };
  const list = (place: number, now: number): void => {
    const at = lookAfter(place, now);
    listed[place] = at ?? Number.NaN;
    if (at !== null) due.push(at, place);
  };

  const seeAt: Silence["seeAt"] = (place, reading, now) => {
    const before = seenOf(place);
    const after = seeReading(before, reading, now, intervalOf(place));
    if (after === before) return false;
    put(place, after);
    // After a long silence the entry stands at a later look than the one that the new reading begins with.
    const planned = listed[place] ?? Number.NaN;
    if (Number.isNaN(planned) || planned > (lookAfter(place, now) ?? planned)) list(place, now);
    return true;
  };

  function* heard(): Heard {
    for (const [place, device] of names.entries())
      if (isSeen[place] === 1) yield [device, seenOf(place).lastTs, good[place] ?? 0] as const;
  }

  return {
    size: names.length,
    has: (device) => places.has(device),
    isWithin: (place, now, limitOf) => {
      if (place < 0) return false;
      const since = lastTs[place] ?? Number.NaN;
      return now - (since > listening ? since : listening) <= limitOf(intervalOf(place));
    },
    newest: (device) => {
      const place = places.get(device);
      return place === undefined ? null : seenOf(place).lastTs;
    },
    facts: (device, now) => {
      const place = places.get(device);
      return place === undefined
        ? deviceFactsAt(notSeen, listening, now, intervalFor(0, mode))
        : deviceFactsAt(seenOf(place), listening, now, intervalOf(place));
    },
    placeOf: (device) => places.get(device) ?? -1,
    newestAt: (place) => lastTs[place] ?? Number.NaN,
    see(reading, now) {
      const place = places.get(reading.device);
      return place !== undefined && seeAt(place, reading, now);
    },
    seeAt,
    dueAt: due.first,
    listen(from) {
      listening = from.listening;
      mode = from.mode;
      due.clear();
      listed.fill(Number.NaN);
      for (let place = 0; place < names.length; place++) list(place, from.now);
    },
    next(now) {
      const devices: string[] = [];
      let at: number | null = null;
      for (let entry = due.pop(now); entry !== null; entry = due.pop(now)) {
        if (listed[entry.item] !== entry.at) continue;
        if (at !== null && entry.at > at) {
          due.push(entry.at, entry.item);
          break;
        }
        const look = lookAfter(entry.item, entry.at);
        if (look === entry.at) {
          at = entry.at;
          devices.push(names[entry.item] ?? "");
          list(entry.item, entry.at + 1);
        } else list(entry.item, entry.at);
      }
      return at === null ? null : { at, devices };
    },
    overdue(now, counts) {
      let count = 0;
      for (const [place, device] of names.entries()) {
        if (counts(device) && now - silentSince(seenOf(place), listening) > 1.5 * intervalOf(place)) count++;
      }
      return count;
    },
    save: () => formatHeard(heard()),
  };
};
