import type { Reading } from "#store";

/** Newest first, per device. */
export type SavedTrack = Readonly<Record<string, readonly (readonly [ts: number, value: number])[]>>;

/** One quantity over the last hours, so that a minute judged late sees what was known at its end. */
export interface Track {
  note(reading: Reading): void;
  /** The newest value at that time, of one device or of any. */
  at(time: number, maxAgeMs: number, device?: string): number | null;
  save(): SavedTrack;
}

const kept = 240;

export const createTrack = (quantity: string, wants: (device: string) => boolean, saved: SavedTrack = {}): Track => {
  const values = new Map<string, (readonly [ts: number, value: number])[]>(
    Object.entries(saved).map(([device, list]) => [device, [...list]]),
  );
  const newest = (device: string, time: number, maxAgeMs: number) => {
    const found = values.get(device)?.find(([ts]) => ts <= time);
    return found === undefined || time - found[0] > maxAgeMs ? null : found;
  };
  return {
    note({ device, ts, quantities }) {
      if (!Object.hasOwn(quantities, quantity) || !wants(device)) return;
      const value = quantities[quantity];
      const list = values.get(device) ?? [];
      if (value === undefined || (list[0] !== undefined && list[0][0] >= ts)) return;
      values.set(device, [[ts, value] as const, ...list].slice(0, kept));
    },
    at(time, maxAgeMs, device) {
      if (device !== undefined) return newest(device, time, maxAgeMs)?.[1] ?? null;
      let best: readonly [number, number] | null = null;
      for (const one of values.keys()) {
        const found = newest(one, time, maxAgeMs);
        if (found !== null && (best === null || found[0] > best[0])) best = found;
      }
      return best?.[1] ?? null;
    },
    save: () => Object.fromEntries([...values].map(([device, list]) => [device, [...list]])),
  };
};
