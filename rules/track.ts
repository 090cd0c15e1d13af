import type { Reading } from "#store";

/** Newest first, per device; `known` is the site's clock when the value came, left out where it was the value's own time. */
export type SavedTrack = Readonly<Record<string, readonly (readonly [ts: number, value: number, known?: number])[]>>;

/** One quantity over the last hours, so that a minute judged late sees what was known at its end. */
export interface Track {
  /** `known`: the site's clock, ms; the reading's own time unless said. */
  note(reading: Reading, known?: number): void;
  /** The newest value that was known at that time, of one device or of any. */
  at(time: number, maxAgeMs: number, device?: string): number | null;
  save(): SavedTrack;
}

interface Value {
  readonly ts: number;
  readonly value: number;
  readonly known: number;
}

const kept = 240;
// While history is loaded accounts come long after the readings: two days of a device that speaks every minute.
const mostKept = 2880;

export const createTrack = (quantity: string, wants: (device: string) => boolean, saved: SavedTrack = {}): Track => {
  // Oldest first, by time and by when it came.
  const values = new Map<string, Value[]>(
    Object.entries(saved).map(([device, list]) => [
      device,
      list.map(([ts, value, known = ts]) => ({ ts, value, known })).reverse(),
    ]),
  );
  let asked = 0;
  const newest = (device: string, time: number, maxAgeMs: number): Value | null => {
    const found = values.get(device)?.findLast(({ ts, known }) => known <= time && ts <= time);
    return found === undefined || time - found.ts > maxAgeMs ? null : found;
  };
  /** What no minute that is still to come would ask for goes, some at a time. */
  const trim = (list: Value[]): void => {
    if (list.length < 2 * kept) return;
    const firstUnasked = list.findIndex(({ known }) => known > asked);
    const spare = list.length - kept;
    const over = firstUnasked < 0 ? spare : Math.min(spare, Math.max(firstUnasked - 1, list.length - mostKept));
    if (over >= kept) list.splice(0, over);
  };
  return {
    note({ device, ts, quantities }, known = ts) {
      if (!Object.hasOwn(quantities, quantity) || !wants(device)) return;
      const value = quantities[quantity];
      const list = values.get(device) ?? [];
      const last = list.at(-1);
      if (value === undefined || (last !== undefined && last.ts >= ts)) return;
      list.push({ ts, value, known });
      trim(list);
      values.set(device, list);
    },
    at(time, maxAgeMs, device) {
      asked = Math.max(asked, time);
      if (device !== undefined) return newest(device, time, maxAgeMs)?.value ?? null;
      let best: Value | null = null;
      for (const one of values.keys()) {
        const found = newest(one, time, maxAgeMs);
        if (found !== null && (best === null || found.ts > best.ts)) best = found;
      }
      return best?.value ?? null;
    },
    save: () =>
      Object.fromEntries(
        [...values].map(([device, list]) => [
          device,
          list.map(({ ts, value, known }) => (known === ts ? [ts, value] : [ts, value, known]) as SavedValue).reverse(),
        ]),
      ),
  };
};

type SavedValue = SavedTrack[string][number];
