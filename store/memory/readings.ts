import { refusal } from "../check.ts";
import { expiredCursor, formatCursor, parseCount, parseCursor } from "../cursor.ts";
import { mergeReading } from "../merge.ts";
import type { Reading } from "../reading.ts";
import {
  type Correction,
  type DeviceSeen,
  type FollowPage,
  type LatestReading,
  type Page,
  type Readings,
  type ReadQuery,
  type RollupStep,
  type SeriesQuery,
  steps,
  type WriteResult,
} from "../readings.ts";
import { fullerWindow, lowerBound, type RollupRow, rollup, rollupColumns, type Samples } from "../rollup.ts";
import { timestamp } from "../unit.ts";
import { createWaiter, followWith } from "../waiter.ts";

interface Device {
  readonly site: string;
  readonly device: string;
  readonly rows: Reading[];
  readonly times: number[];
  readonly newest: Map<string, { value: number; ts: ReturnType<typeof timestamp> }>;
  /** Windows kept beyond their samples: step and quantity to start to window. */
  readonly kept: Map<string, Map<number, RollupRow>>;
  readonly seen: { first: number; last: number; received: number; readings: number };
}

const maxPage = 10_000;

/** A real store in memory: nothing survives the process. `gapMs` is the longest distance of two samples that an integral bridges. */
export const createMemoryReadings = ({ gapMs = 150_000 }: { readonly gapMs?: number } = {}): Readings => {
  const devices = new Map<string, Device>();
  const log: (Reading | null)[] = [];
  const places = new Map<Reading, number>();
  const replaced: { readonly row: Correction; readonly order: number }[] = [];
  let corrected = 0;
  const waiter = createWaiter();

  const open = (site: string, device: string): Device => {
    const key = `${site}/${device}`;
    const known = devices.get(key);
    if (known !== undefined) return known;
    const seen = { first: Number.POSITIVE_INFINITY, last: 0, received: 0, readings: 0 };
    const fresh = { site, device, rows: [], times: [], newest: new Map(), kept: new Map(), seen };
    devices.set(key, fresh);
    return fresh;
  };

  const put = (message: Reading): { accepted: number; duplicates: number; corrections: number } => {
    const device = open(message.site, message.device);
    const index = lowerBound(device.times, message.ts);
    const stored = device.times[index] === message.ts ? device.rows[index] : undefined;
    const merge = mergeReading(stored, message);
    const counts = {
      accepted: merge.accepted,
      duplicates: merge.duplicates,
      corrections: merge.corrected.length,
    };
    if (merge.merged === null) return counts;
    const row = structuredClone(merge.merged);
    if (stored === undefined) {
      device.rows.splice(index, 0, row);
      device.times.splice(index, 0, row.ts);
      device.seen.readings++;
    } else {
      device.rows[index] = row;
      const place = places.get(stored);
      if (place !== undefined) log[place] = null;
      places.delete(stored);
    }
    places.set(row, log.push(row) - 1);
    const { site, ts, received } = row;
    for (const { quantity, was } of merge.corrected)
      replaced.push({ row: { site, device: row.device, ts, quantity, was, replaced: received }, order: corrected++ });
    for (const [quantity, value] of Object.entries(row.quantities))
      if ((device.newest.get(quantity)?.ts ?? -1) <= row.ts) device.newest.set(quantity, { value, ts: row.ts });
    device.seen.first = Math.min(device.seen.first, row.ts);
    if (row.ts >= device.seen.last) {
      device.seen.last = row.ts;
      device.seen.received = row.received;
    }
    return counts;
  };

  const samplesOf = (device: Device, quantity: string): Samples => {
    const ts: number[] = [];
    const value: number[] = [];
    for (const row of device.rows) {
      const sample = Object.hasOwn(row.quantities, quantity) ? row.quantities[quantity] : undefined;
      if (sample === undefined) continue;
      ts.push(row.ts);
      value.push(sample);
    }
    return { ts, value };
  };

  const windows = (device: Device, quantity: string, from: number, to: number, step: RollupStep): RollupRow[] => {
    const rows = new Map<number, RollupRow>();
    for (const [start, row] of device.kept.get(`${step} ${quantity}`) ?? [])
      if (start >= from && start < to) rows.set(start, row);
    for (const fresh of rollup(samplesOf(device, quantity), from, to, step, gapMs)) {
      const row = fullerWindow(rows.get(fresh.start), fresh);
      if (row !== null) rows.set(fresh.start, row);
    }
    return [...rows.values()].sort((a, b) => a.start - b.start);
  };

  const pruneRaw = (device: Device, before: number): number => {
    const count = lowerBound(device.times, before);
    if (count === 0) return 0;
    for (const quantity of device.newest.keys()) {
      for (const step of Object.keys(steps) as RollupStep[]) {
        const rows = windows(device, quantity, 0, before + gapMs, step);
        device.kept.set(`${step} ${quantity}`, new Map(rows.map((row) => [row.start, row])));
      }
    }
    for (const row of device.rows.splice(0, count)) {
      const place = places.get(row);
      if (place !== undefined) log[place] = null;
      places.delete(row);
    }
    device.times.splice(0, count);
    return count;
  };

  const pruneKept = (device: Device, step: RollupStep, before: number): number => {
    let removed = 0;
    for (const [name, rows] of device.kept) {
      if (!name.startsWith(`${step} `)) continue;
      for (const start of rows.keys()) if (start < before && rows.delete(start)) removed++;
    }
    return removed;
  };

  const look = (cursor: string | null, sites: readonly string[] | undefined, limit: number): FollowPage => {
    let place = cursor === null ? 0 : parseCount(parseCursor(cursor, 2)[1], cursor);
    if (place > log.length || (cursor !== null && !cursor.startsWith("memory~"))) throw expiredCursor(cursor ?? "");
    const readings: Reading[] = [];
    for (; place < log.length && readings.length < limit; place++) {
      const row = log[place];
      if (row && (sites === undefined || sites.includes(row.site))) readings.push(structuredClone(row));
    }
    return { readings, cursor: formatCursor(["memory", place]) };
  };

  return {
    write: async (batch) => {
      const rejected: WriteResult["rejected"][number][] = [];
      let [accepted, duplicates, corrections] = [0, 0, 0];
      const before = log.length;
      for (const reading of batch) {
        const reason = refusal(reading);
        if (reason !== null) {
          rejected.push({ reading, code: "STORE_LINE_REFUSED", reason });
          continue;
        }
        const counts = put(reading);
        accepted += counts.accepted;
        duplicates += counts.duplicates;
        corrections += counts.corrections;
      }
      if (log.length > before) waiter.wake();
      return { accepted, duplicates, corrections, rejected };
    },

    read: async (query) => {
      const rows = [...devices.values()].filter(inQuery(query)).flatMap((device) => {
        const [begin, end] = [lowerBound(device.times, query.from), lowerBound(device.times, query.to)];
        return device.rows.slice(begin, end);
      });
      const keyed = rows.map((row) => ({ row, key: [row.ts, row.device] }));
      return page(keyed, query, ["number", "string"]);
    },

    series: async (query: SeriesQuery) => {
      const device = devices.get(`${query.site}/${query.device}`);
      if (query.step !== "raw") {
        const rows = device === undefined ? [] : windows(device, query.quantity, query.from, query.to, query.step);
        return { step: query.step, ...rollupColumns(rows) };
      }
      const samples = device === undefined ? { ts: [], value: [] } : samplesOf(device, query.quantity);
      const [begin, end] = [lowerBound(samples.ts, query.from), lowerBound(samples.ts, query.to)];
      return { step: "raw", ts: samples.ts.slice(begin, end), value: samples.value.slice(begin, end) };
    },

    latest: async (query) =>
      [...devices.values()]
        .filter((device) => device.site === query.site && (query.devices?.includes(device.device) ?? true))
        .map(
          (device): LatestReading => ({
            site: device.site,
            device: device.device,
            ts: timestamp(device.seen.last),
            received: timestamp(device.seen.received),
            quantities: Object.fromEntries([...device.newest].map(([name, newest]) => [name, { ...newest }])),
          }),
        )
        .sort((a, b) => compare(a.device, b.device)),

    corrections: async (query) => {
      const rows = replaced.filter(({ row }) => inQuery(query)(row) && row.ts >= query.from && row.ts < query.to);
      const keyed = rows.map(({ row, order }) => ({ row, key: [row.ts, row.device, row.quantity, order] }));
      return page(keyed, query, ["number", "string", "string", "number"]);
    },

    devices: async (site) =>
      [...devices.values()]
        .filter((device) => site === undefined || device.site === site)
        .map(
          (device): DeviceSeen => ({
            site: device.site,
            device: device.device,
            quantities: [...device.newest.keys()].sort(),
            firstSeen: timestamp(device.seen.first),
            lastSeen: timestamp(device.seen.last),
            readings: device.seen.readings,
          }),
        )
        .sort((a, b) => compare(a.site, b.site) || compare(a.device, b.device)),

    follow: (query) =>
      followWith(query, {
        waiter,
        look: async (cursor) => look(cursor, query.sites, Math.min(query.limit, maxPage)),
        isEmpty: (found) => found.readings.length === 0,
        pollMs: 60_000,
      }),

    head: async () => formatCursor(["memory", log.length]),

    prune: async ({ now, rawMs, rollup: keep }) => {
      let removed = 0;
      for (const device of devices.values()) {
        if (rawMs !== null) removed += pruneRaw(device, now - rawMs);
        for (const [step, ms] of Object.entries(keep) as [RollupStep, number | null][])
          if (ms !== null) removed += pruneKept(device, step, now - ms);
      }
      if (rawMs !== null)
        for (let index = replaced.length - 1; index >= 0; index--)
          if ((replaced[index]?.row.ts ?? 0) < now - rawMs) replaced.splice(index, 1);
      return { removed };
    },

    health: async () => ({
      adapter: "memory",
      state: "ok",
      reason: "",
      version: "",
      pendingReadings: 0,
      bytes: places.size * 200, // what a reading of a few values takes in V8, roughly
    }),

    [Symbol.asyncDispose]: async () => waiter.close(),
  };
};

const inQuery =
  (query: ReadQuery) =>
  (row: { readonly site: string; readonly device: string }): boolean =>
    row.site === query.site && (query.device === undefined || row.device === query.device);

type Key = readonly (string | number)[];

const page = <Row>(
  rows: readonly { readonly row: Row; readonly key: Key }[],
  { cursor, limit }: ReadQuery,
  shape: readonly ("number" | "string")[],
): Page<Row> => {
  const sorted = [...rows].sort((a, b) => compareKeys(a.key, b.key));
  const parts = cursor === undefined ? null : parseCursor(cursor, shape.length);
  const after = parts?.map((part, index) => (shape[index] === "number" ? parseCount(part, cursor ?? "") : part));
  const rest = after === undefined ? sorted : sorted.filter(({ key }) => compareKeys(key, after) > 0);
  const items = rest.slice(0, Math.min(limit, maxPage));
  const last = items.at(-1);
  return {
    items: items.map(({ row }) => structuredClone(row)),
    next: last === undefined || items.length === rest.length ? null : formatCursor(last.key),
  };
};

const compare = (a: string | number, b: string | number): number => (a < b ? -1 : a > b ? 1 : 0);

const compareKeys = (a: Key, b: Key): number => {
  for (let index = 0; index < a.length; index++) {
    const order = compare(a[index] ?? 0, b[index] ?? 0);
    if (order !== 0) return order;
  }
  return 0;
};
