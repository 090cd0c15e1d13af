import type { DatabaseSync } from "node:sqlite";
import { expiredCursor, formatCursor, parseCount, parseCursor } from "../cursor.ts";
import { createDeviceTable, type DeviceName } from "../device-table.ts";
import type { Reading } from "../reading.ts";
import {
  type Correction,
  type DeviceSeen,
  type FollowPage,
  type LatestQuery,
  type LatestReading,
  type Page,
  type ReadColumnsQuery,
  type ReadQuery,
  type RollupStep,
  type Series,
  type SeriesQuery,
  steps,
} from "../readings.ts";
import { type RollupRow, rollupColumns, windowStart } from "../rollup.ts";
import { timestamp } from "../unit.ts";
import { createCatalogue, hourOf, type PartitionInfo } from "./catalogue.ts";
import type { Chunk } from "./chunk.ts";
import { bytesOf, transact } from "./file.ts";
import { createColumnFollow, type FollowedColumns, type KnownNames } from "./follow-columns.ts";
import { freshLonger, freshMinutes, settle, stretches, type Windows } from "./fresh.ts";
import { createLog } from "./log.ts";
import { createNewest } from "./newest.ts";
import { commitOrder, letGoOfOrder, PartitionGoneError } from "./partition.ts";
import { createHorizonReader, createPlaceFinder, type Places, rowOf } from "./places.ts";
import { type ReadRows, readRows } from "./read-columns.ts";
import { readMeta, readRolled } from "./readings-file.ts";
import { inHours } from "./roller.ts";
import { createShapes } from "./row.ts";
import { samplesAt } from "./samples.ts";
import { summaryOf } from "./summary.ts";
import { createTail } from "./tail.ts";
import { createKeptWindows, pick } from "./windows.ts";

/** What the reader's worker answers: the reading half of the port. */
export interface ReaderCalls {
  read(query: ReadQuery): Page<Reading>;
  readColumns(query: ReadColumnsQuery): ReadRows;
  series(query: SeriesQuery): Series;
  latest(query: LatestQuery): readonly LatestReading[];
  corrections(query: ReadQuery): Page<Correction>;
  devices(site: string | null): readonly DeviceSeen[];
  follow(query: {
    readonly cursor: string | null;
    readonly sites: readonly string[] | null;
    limit: number;
  }): FollowPage;
  followColumns(query: {
    readonly cursor: string | null;
    readonly sites: readonly string[] | null;
    readonly limit: number;
    readonly until: string | null;
    readonly known: KnownNames;
  }): FollowedColumns;
  head(argument: null): string;
  placeBefore(ts: number): string;
  bytes(argument: null): number;
}

const maxPage = 10_000;
// Some 6 MB: a page of a device's readings, and what several followers read in turn.
const cachedChunks = 1024;
// Rows that a follower of few sites passes over in one look.
const followRows = 200_000;
// Some 20 MB each of six-value readings.
const mostInOrder = 2;
const snapshotAttempts = 5;

export interface Reader {
  readonly calls: ReaderCalls;
  /** Lets go of files that were pruned, and of what nobody asked for since the last time. */
  tidy(): void;
  /** The same, of what takes seconds to read again. */
  tidySlow(): void;
  close(): void;
}

export const createReader = (db: DatabaseSync, path: string, gapMs: number): Reader => {
  const id = readMeta(db, "id");
  const shapes = createShapes(db);
  const log = createLog(db, shapes, cachedChunks);
  const catalogue = createCatalogue(db, path, (shape) => shapes.names(shape).length);
  const places = createPlaceFinder(db, catalogue, log);
  const readHorizon = createHorizonReader(db);
  const windows = createKeptWindows(db, shapes, catalogue);
  const siteDevices = db.prepare("SELECT id, device FROM device WHERE site = ? ORDER BY device");
  const oneDevice = db.prepare("SELECT id, device FROM device WHERE site = ? AND device = ?");
  const summaryById = db.prepare("SELECT * FROM device WHERE id = ?");
  const deviceById = db.prepare("SELECT site, device FROM device WHERE id = ?");

  const names = createDeviceTable();
  // By a device's id, its number + 1 among the names; 0 was not looked up.
  let numbers = new Int32Array(1024);
  const nameOf = (device: number): DeviceName => {
    if (device >= numbers.length) {
      const larger = new Int32Array(Math.max(2 * numbers.length, device + 1));
      larger.set(numbers);
      numbers = larger;
    }
    const known = names.at((numbers[device] ?? 0) - 1);
    if (known !== undefined) return known;
    const raw = deviceById.get(device);
    const name = { site: String(raw?.site), device: String(raw?.device) };
    numbers[device] = names.number(name.site, name.device) + 1;
    return name;
  };

  const devicesOf = (site: string, device?: string) =>
    (device === undefined ? siteDevices.all(site) : oneDevice.all(site, device)).map((raw) => ({
      id: Number(raw.id),
      name: String(raw.device),
    }));

  const headSeq = () => Math.max(readRolled(db), catalogue.sealed(), log.last());
  const cursorAt = (seq: number) => formatCursor([id, seq]);
  const seqOf = (cursor: string | null): number => {
    if (cursor === null) return 0;
    const [store, text] = parseCursor(cursor, 2);
    const seq = parseCount(text, cursor);
    if (store !== id || seq > headSeq()) throw expiredCursor(cursor);
    return seq;
  };

  // A partition that was pruned between the snapshot and its first look is not in the next snapshot.
  const snapshot = <Result>(work: () => Result, attempt = 1): Result => {
    try {
      return transact(db, "DEFERRED", () => {
        catalogue.refresh();
        return work();
      });
    } catch (error) {
      if (!(error instanceof PartitionGoneError) || attempt >= snapshotAttempts) throw error;
      return snapshot(work, attempt + 1);
    }
  };

  const tail = createTail(1);
  let sealed = 0;
  /** The rows that no partition covers, up to this snapshot. */
  const tails = () => {
    if (catalogue.sealed() !== sealed) {
      sealed = catalogue.sealed();
      tail.clear(sealed + 1);
    }
    for (const { first, rows, device, ts } of log.after(tail.last()))
      for (let row = Math.max(0, tail.last() + 1 - first); row < rows; row += 1)
        tail.add(device[row] ?? 0, ts[row] ?? 0, first + row);
    return [tail];
  };

  /** The earliest time from `from` on that may have a reading. */
  const nextTs = (from: number): number => {
    const { from: least, to: most } = tail.bounds();
    const inTail = most >= from ? Math.max(least, from) : Number.POSITIVE_INFINITY;
    return catalogue
      .list()
      .reduce((next, { minTs, maxTs }) => (maxTs < from ? next : Math.min(next, Math.max(minTs, from))), inTail);
  };

  // A follower that was away reads a partition in pages: it stays in commit order while somebody reads it, whatever others
  // read between two of them. Whoever judges and whoever accounts may be in two partitions.
  const inOrder = new Map<number, { readonly chunk: Chunk; isUsed: boolean }>();
  const drop = (first: number) => {
    const held = inOrder.get(first);
    inOrder.delete(first);
    if (held !== undefined) letGoOfOrder(held.chunk);
  };
  const ordered = (info: PartitionInfo): Chunk => {
    const known = inOrder.get(info.first);
    const chunk = known?.chunk ?? commitOrder(catalogue.open(info), info.first, info.last - info.first + 1);
    inOrder.delete(info.first);
    inOrder.set(info.first, { chunk, isUsed: true });
    for (const oldest of inOrder.keys()) if (inOrder.size > mostInOrder) drop(oldest);
    return chunk;
  };
  /** Rows after `seq` in commit order: from partitions, once their chunks are gone. */
  const commits = function* (seq: number): Generator<Chunk> {
    let after = seq;
    const logged = log.first() ?? Number.POSITIVE_INFINITY;
    for (const info of catalogue.list()) {
      if (info.last <= after || after + 1 >= logged) continue;
      yield ordered(info);
      after = info.last;
    }
    yield* log.after(after);
  };

  const columnFollow = createColumnFollow({ log, commits, shapes, nameOf });

  const readingAt = (places: Places, index: number, site: string, device: string): Reading => {
    const place = rowOf(log, places, index);
    if (place === undefined) throw new Error(`BUG: no chunk holds row ${places.seq[index]}`);
    return log.reading(place.columns, place.row, site, device);
  };

  const read = (query: ReadQuery): Page<Reading> => {
    const limit = Math.min(query.limit, maxPage);
    const devices = devicesOf(query.site, query.device);
    const [afterTs, afterDevice = ""] = query.cursor === undefined ? [] : parseCursor(query.cursor, 2);
    const resume = afterTs === undefined ? null : parseCount(afterTs, query.cursor ?? "");
    let from: number = resume ?? query.from;
    let found: { ts: number; device: string; places: Places; index: number }[] = [];
    const newRows = tails();
    // Slices of time grow until the page is full, so that no page sorts the whole range.
    let sliceMs = devices.length === 1 ? steps["1h"] : 1000;
    while (found.length <= limit && from < query.to && devices.length > 0) {
      from = Math.min(query.to, Math.max(from, nextTs(from)));
      const to = Math.min(query.to, from + sliceMs);
      if (from >= to) break;
      const rows = devices.flatMap((device) => {
        const own = places.find(newRows, device.id, from, to);
        return own.ts
          .map((at, index) => ({ ts: at, device: device.name, places: own, index }))
          .filter((row) => row.ts !== resume || row.device > afterDevice);
      });
      found = found.concat(rows.sort((a, b) => a.ts - b.ts || (a.device < b.device ? -1 : 1)));
      from = to;
      if (found.length < limit / 4) sliceMs *= 4;
    }
    const items = found.slice(0, limit);
    const last = items.at(-1);
    return {
      items: items.map(({ places: own, index, device }) => readingAt(own, index, query.site, device)),
      next: last === undefined || found.length <= limit ? null : formatCursor([last.ts, last.device]),
    };
  };

  const rolled = (query: SeriesQuery, step: RollupStep): Windows => {
    const [device] = devicesOf(query.site, query.device);
    if (device === undefined) return new Map();
    const row = summaryById.get(device.id);
    const bounds = row === undefined ? undefined : summaryOf(row);
    const kept = (name: RollupStep) => (from: number, to: number) =>
      pick(windows.read(name, device.id, from, to, query.quantity), query.quantity);
    const all = new Map<number, RollupRow>();
    if (bounds !== undefined && bounds.lastTs >= bounds.firstTs) {
      const from = Math.max(query.from, windowStart(bounds.firstTs, steps[step]));
      for (const [start, row] of kept(step)(from, Math.min(query.to, bounds.lastTs + 1))) all.set(start, row);
    }
    const minutes = new Map<number, RollupRow>();
    const newRows = tails();
    const written = catalogue.hours();
    const isWritten = (ts: number) =>
      written.has(hourOf(ts)) || written.has(hourOf(ts - gapMs)) || written.has(hourOf(ts + gapMs));
    const add = (touched: readonly number[], from: number, to: number, pruned: boolean): Windows => {
      const found = places.find(newRows, device.id, from, to, { pruned });
      const samples = samplesAt(log, shapes, found, query.quantity).get(query.quantity);
      return samples === undefined
        ? new Map()
        : freshMinutes(samples, touched.length > 0 ? touched : samples.ts, gapMs);
    };
    const keep = (found: Windows) => {
      for (const [start, row] of settle(found, kept("1m"))) minutes.set(start, row);
    };
    // Hours that are not written: whole, from what raw readings there are.
    for (const { from, to } of gapsBetween(written, hourOf(query.from), hourOf(query.to - 1) + steps["1h"])) {
      const found = add([], from - gapMs, to + gapMs, true);
      keep(new Map([...found].filter(([start]) => start >= from && start < to)));
    }
    // Hours that are: the windows that rows not folded yet have changed.
    const unfolded = places.find(newRows, device.id, 0, Number.MAX_SAFE_INTEGER, { after: readRolled(db) }).ts;
    for (const stretch of stretches(unfolded.filter(isWritten), gapMs)) {
      if (stretch.to + steps["1h"] < query.from || stretch.from - steps["1h"] > query.to) continue;
      keep(inHours(add(stretch.touched, stretch.from, stretch.to, false), written));
    }
    const quarters = () => settle(freshLonger(minutes, "15m", kept("1m")), kept("15m"));
    const fresh =
      step === "1m"
        ? minutes
        : step === "15m"
          ? quarters()
          : settle(freshLonger(quarters(), "1h", kept("15m")), kept("1h"));
    for (const [start, row] of fresh) if (start >= windows.from(step)) all.set(start, row);
    return all;
  };

  const newest = createNewest(db, { shapes, rolled: () => readRolled(db), first: log.first, after: commits });

  const calls: ReaderCalls = {
    read: (query) => snapshot(() => read(query)),

    readColumns: ({ site, devices, from, to }) =>
      snapshot(() => {
        const newRows = tails();
        const wanted = new Set(devices ?? []);
        const mine = devicesOf(site).filter(({ name }) => devices === undefined || wanted.has(name));
        return readRows(mine, { log, shapes, find: (device) => places.find(newRows, device, from, to) });
      }),

    series: (query) =>
      snapshot(() => {
        if (query.step !== "raw") {
          const rows = [...rolled(query, query.step).values()]
            .filter((row) => row.start >= query.from && row.start < query.to)
            .sort((a, b) => a.start - b.start);
          return { step: query.step, ...rollupColumns(rows) };
        }
        const [device] = devicesOf(query.site, query.device);
        const samples =
          device === undefined
            ? undefined
            : samplesAt(log, shapes, places.find(tails(), device.id, query.from, query.to), query.quantity).get(
                query.quantity,
              );
        return { step: "raw", ts: samples?.ts ?? [], value: samples?.value ?? [] };
      }),

    latest: ({ site, devices }) => snapshot(() => newest.latest(site, devices)),

    corrections: (query) => {
      const limit = Math.min(query.limit, maxPage);
      const [ts = "0", device = "", quantity = "", last = "0"] =
        query.cursor === undefined ? [] : parseCursor(query.cursor, 4);
      const cursor = query.cursor ?? "";
      const one = query.device === undefined ? "" : "AND device.device = ?";
      const after = query.cursor === undefined ? "" : "AND (ts, device.device, quantity, correction.id) > (?, ?, ?, ?)";
      const rows = db
        .prepare(
          `SELECT correction.*, device.device AS name FROM device JOIN correction ON correction.device = device.id
           WHERE site = ? AND ts >= ? AND ts < ? ${one} ${after} ORDER BY ts, name, quantity, correction.id LIMIT ?`,
        )
        .all(
          ...[query.site, query.from, query.to],
          ...(query.device === undefined ? [] : [query.device]),
          ...(query.cursor === undefined ? [] : [parseCount(ts, cursor), device, quantity, parseCount(last, cursor)]),
          limit + 1,
        );
      const end = rows.length > limit ? rows[limit - 1] : undefined;
      return {
        items: rows.slice(0, limit).map((raw) => ({
          site: query.site,
          device: String(raw.name),
          ts: timestamp(Number(raw.ts)),
          quantity: String(raw.quantity),
          was: Number(raw.was),
          replaced: timestamp(Number(raw.replaced)),
        })),
        next:
          end === undefined
            ? null
            : formatCursor([Number(end.ts), String(end.name), String(end.quantity), Number(end.id)]),
      };
    },

    devices: (site) => snapshot(() => newest.seen(site)),

    follow: ({ cursor, sites, limit }) =>
      snapshot(() => {
        let seq = seqOf(cursor);
        const readings: Reading[] = [];
        const wanted = sites === null ? null : new Set(sites);
        const most = Math.min(limit, maxPage);
        const horizon = readHorizon();
        let passed = 0;
        for (const chunk of commits(seq)) {
          for (let row = Math.max(0, seq + 1 - chunk.first); row < chunk.rows; row += 1) {
            if (readings.length >= most) return { readings, cursor: cursorAt(seq) };
            seq = chunk.first + row;
            passed += 1;
            const { site, device } = nameOf(chunk.device[row] ?? 0);
            const isWanted = wanted === null || wanted.has(site);
            const isPruned = seq <= horizon.seq && (chunk.ts[row] ?? 0) < horizon.ts;
            if (isWanted && !isPruned) readings.push(log.reading(chunk, row, site, device));
          }
          // A follower of few sites gets what there is, rather than hold up others.
          if (passed >= followRows && readings.length > 0) break;
        }
        return { readings, cursor: cursorAt(seq) };
      }),

    followColumns: ({ cursor, until, ...query }) =>
      snapshot(() =>
        columnFollow.page({
          ...query,
          seq: seqOf(cursor),
          until: until === null ? Number.POSITIVE_INFINITY : seqOf(until),
          horizon: readHorizon(),
          cursorAt,
        }),
      ),

    placeBefore: (ts) =>
      snapshot(() => {
        const first = catalogue.list().find(({ maxTs }) => maxTs >= ts);
        return cursorAt(first === undefined ? catalogue.sealed() : first.first - 1);
      }),

    head: () => snapshot(() => cursorAt(headSeq())),

    bytes: () => snapshot(() => bytesOf(path) + catalogue.bytes()),
  };
  return {
    calls,
    tidy: () => {
      catalogue.refresh();
      for (const [first, held] of inOrder) {
        if (!held.isUsed || !catalogue.list().some((info) => info.first === first)) drop(first);
        held.isUsed = false;
      }
    },
    tidySlow: newest.tidy,
    close: () => catalogue[Symbol.dispose](),
  };
};

/** The parts of `[from, to)` that no hour of these covers, oldest first. */
const gapsBetween = (hours: ReadonlyMap<number, number>, from: number, to: number) => {
  const gaps: { readonly from: number; readonly to: number }[] = [];
  let at = from;
  for (const hour of [...hours.keys()].filter((start) => start >= from && start < to).sort((a, b) => a - b)) {
    if (hour > at) gaps.push({ from: at, to: hour });
    at = hour + steps["1h"];
  }
  if (at < to) gaps.push({ from: at, to });
  return gaps;
};
