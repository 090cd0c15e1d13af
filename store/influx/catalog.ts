import type { DeviceSeen, LatestReading } from "../readings.ts";
import { windowStart } from "../rollup.ts";
import { timestamp } from "../unit.ts";
import { deviceKey, type Note, type SpoolRecord } from "./record.ts";
import type { Head, Place } from "./segment.ts";

const hourMs = 3_600_000;

/** What is remembered of a device: enough for `devices`, `latest`, and for which hours to roll up again. */
export interface CatalogDevice {
  readonly site: string;
  readonly device: string;
  readonly newest: Map<string, { value: number; ts: number }>;
  first: number;
  last: number;
  received: number;
  readings: number;
  /** Hour start to the number of the reading that last touched it. */
  readonly dirty: Map<number, number>;
}

export interface CatalogSnapshot {
  readonly seq: number;
  /** Where reading `seq` begins in the spool. */
  readonly place: Place;
  readonly complete: boolean;
  readonly pruned: Pruned;
  readonly devices: readonly {
    readonly site: string;
    readonly device: string;
    readonly newest: readonly (readonly [string, number, number])[];
    readonly first: number;
    readonly last: number;
    readonly received: number;
    readonly readings: number;
    readonly dirty: readonly (readonly [number, number])[];
  }[];
}

/** Readings committed before reading `seq` whose time is before `before` are gone. */
export interface Pruned {
  readonly before: number;
  readonly seq: number;
}

/** All devices ever seen, folded from the spool in commit order. */
export interface Catalog {
  apply(record: SpoolRecord, seq: number): void;
  note(note: Note, seq: number): void;
  find(site: string, device: string): CatalogDevice | undefined;
  all(): Iterable<CatalogDevice>;
  /** Adds what the server knows of a device that the spool may not know. */
  learn(device: CatalogSnapshot["devices"][number]): void;
  /** Knows every device of the server: what it does not know is new. */
  complete(): boolean;
  completed(): void;
  pruned(): Pruned;
  snapshot(head: Head): CatalogSnapshot;
  restore(snapshot: CatalogSnapshot): void;
}

export const createCatalog = (gapMs: number): Catalog => {
  const devices = new Map<string, CatalogDevice>();
  let complete = false;
  let pruned: Pruned = { before: 0, seq: 0 };

  const open = (site: string, device: string): CatalogDevice => {
    const key = deviceKey(site, device);
    const known = devices.get(key);
    if (known !== undefined) return known;
    const fresh: CatalogDevice = {
      site,
      device,
      newest: new Map(),
      first: Number.POSITIVE_INFINITY,
      last: -1,
      received: 0,
      readings: 0,
      dirty: new Map(),
    };
    devices.set(key, fresh);
    return fresh;
  };

  const observe = (device: CatalogDevice, name: string, value: number, ts: number): void => {
    if ((device.newest.get(name)?.ts ?? -1) <= ts) device.newest.set(name, { value, ts });
  };

  return {
    apply: ({ reading, first }, seq) => {
      const device = open(reading.site, reading.device);
      for (const [name, value] of Object.entries(reading.quantities)) observe(device, name, value, reading.ts);
      if (first) device.readings++;
      device.first = Math.min(device.first, reading.ts);
      if (reading.ts >= device.last) {
        device.last = reading.ts;
        device.received = reading.received;
      }
      // A line to the neighbouring samples may reach into the hours before and after.
      const end = reading.ts + gapMs;
      for (let hour = windowStart(reading.ts - gapMs, hourMs); hour <= end; hour += hourMs) device.dirty.set(hour, seq);
    },
    note: (note, seq) => {
      if (note.note === "pruned" && note.before >= pruned.before) pruned = { before: note.before, seq };
      if (note.note === "known") {
        const device = devices.get(deviceKey(note.site, note.device));
        if (device !== undefined) device.readings -= note.readings;
      }
      if (note.note !== "rolled") return;
      for (const [site, name, ...starts] of note.hours) {
        const device = devices.get(deviceKey(site, name));
        for (const start of starts)
          if ((device?.dirty.get(start) ?? Number.POSITIVE_INFINITY) < note.before) device?.dirty.delete(start);
      }
    },
    find: (site, device) => devices.get(deviceKey(site, device)),
    all: () => devices.values(),
    learn: (seen) => {
      const device = open(seen.site, seen.device);
      for (const [name, value, ts] of seen.newest)
        if ((device.newest.get(name)?.ts ?? -1) < ts) device.newest.set(name, { value, ts });
      device.first = Math.min(device.first, seen.first);
      if (seen.last > device.last) {
        device.last = seen.last;
        device.received = seen.received;
      }
      device.readings += seen.readings;
      for (const [hour, seq] of seen.dirty) if (!device.dirty.has(hour)) device.dirty.set(hour, seq);
    },
    complete: () => complete,
    completed: () => {
      complete = true;
    },
    pruned: () => pruned,
    snapshot: ({ seq, base, size }) => ({
      seq,
      place: { base, offset: size },
      complete,
      pruned,
      devices: [...devices.values()].map((device) => ({
        ...device,
        newest: [...device.newest].map(([name, { value, ts }]) => [name, value, ts] as const),
        dirty: [...device.dirty],
      })),
    }),
    restore: (snapshot) => {
      devices.clear();
      complete = snapshot.complete;
      pruned = snapshot.pruned;
      for (const { newest, dirty, ...device } of snapshot.devices)
        devices.set(deviceKey(device.site, device.device), {
          ...device,
          newest: new Map(newest.map(([name, value, ts]) => [name, { value, ts }])),
          dirty: new Map(dirty),
        });
    },
  };
};

export const isPruned = (ts: number, seq: number, pruned: Pruned): boolean => ts < pruned.before && seq < pruned.seq;

export const latestOf = (device: CatalogDevice): LatestReading => ({
  site: device.site,
  device: device.device,
  ts: timestamp(device.last),
  received: timestamp(device.received),
  quantities: Object.fromEntries(
    [...device.newest].map(([name, { value, ts }]) => [name, { value, ts: timestamp(ts) }]),
  ),
});

export const seenOf = (device: CatalogDevice): DeviceSeen => ({
  site: device.site,
  device: device.device,
  quantities: [...device.newest.keys()].sort(),
  firstSeen: timestamp(device.first),
  lastSeen: timestamp(device.last),
  readings: device.readings,
});
