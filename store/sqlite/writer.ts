import type { DatabaseSync } from "node:sqlite";
import { refusal } from "../check.ts";
import { flagBits, flagsOf } from "../columns.ts";
import { createDeviceTable, type DeviceName } from "../device-table.ts";
import { mergeReading } from "../merge.ts";
import { identifierPattern, quantityPattern, type Reading } from "../reading.ts";
import type { WriteResult } from "../readings.ts";
import { timestamp } from "../unit.ts";
import type { Catalogue } from "./catalogue.ts";
import { createChunkBuilder } from "./chunk.ts";
import { transact } from "./file.ts";
import type { Log } from "./log.ts";
import type { Place, PlaceFinder } from "./places.ts";
import { readRolled } from "./readings-file.ts";
import { countedFlag, type Shapes } from "./row.ts";
import type { Sealer } from "./sealer.ts";

// batch ─┐                     ┌ known time: merge with what is there ┐
// batch ─┼─▶ one transaction ──┤                                      ├─▶ chunks ─▶ COMMIT (fsync) ─▶ every batch is answered
// batch ─┘                     └ newer than all before: append        ┘
//
// Rows are never changed: a merged or corrected reading comes again, whole, and hides the row of its time before it.

/** Columns as they cross a thread: with the names their book got since the last ones. */
export interface SentColumns {
  readonly firstDevice: number;
  readonly devices: readonly { readonly site: string; readonly device: string }[];
  readonly firstShape: number;
  readonly shapes: readonly (readonly string[])[];
  readonly device: Int32Array;
  readonly shape: Int32Array;
  readonly ts: Float64Array;
  readonly received: Float64Array;
  readonly flags: Uint8Array;
  readonly value: Float64Array;
}

export type Batch =
  | { readonly kind: "readings"; readonly readings: readonly Reading[] }
  | { readonly kind: "columns"; readonly columns: SentColumns };

interface Shape {
  readonly names: readonly string[];
  id: number | null;
}

type Counts = { accepted: number; duplicates: number; corrections: number };

export interface Writer {
  /** Remembers names of columns; before the batch that uses them is written. */
  learn(columns: SentColumns): void;
  /** Stores the batches in one transaction; durable when it returns. */
  write(batches: readonly Batch[]): WriteResult[];
}

export interface WriterParts {
  readonly shapes: Shapes;
  readonly log: Log;
  readonly sealer: Sealer;
  readonly places: PlaceFinder;
  readonly catalogue: Catalogue;
}

/** The only one who writes readings into an open file. */
export const createWriter = (db: DatabaseSync, { shapes, log, sealer, places, catalogue }: WriterParts): Writer => {
  const names = createDeviceTable();
  // By a name's number: its id in the file, 0 until it has a row; and the newest time of its readings.
  let ids = new Int32Array(1024);
  let newest = new Float64Array(1024).fill(-1);
  // By the number of the sender's book: the number of the name here + 1.
  let numbered = new Int32Array(1024);
  const numberedShapes: Shape[] = [];
  const insertDevice = db.prepare("INSERT INTO device(site, device) VALUES (?, ?)");
  const insert = db.prepare("INSERT INTO chunk(last, rows, received, bytes) VALUES (?, ?, ?, ?)");
  const insertCorrection = db.prepare(
    "INSERT INTO correction(device, ts, quantity, was, replaced) VALUES (?, ?, ?, ?, ?)",
  );
  const chunk = createChunkBuilder();
  let seq = 0;
  const newestInPartitions = new Map<number, number>();
  let partitionsTo = 0;

  const load = () => {
    shapes.forget();
    log.forget();
    if (chunk.rows() > 0) chunk.take();
    for (const shape of numberedShapes) shape.id = null;
    ids.fill(0);
    newest.fill(-1);
    const rolled = readRolled(db);
    catalogue.refresh();
    const sealed = catalogue.sealed();
    seq = Math.max(rolled, sealed, log.last());
    const byId: number[] = [];
    for (const raw of db.prepare("SELECT id, site, device, last_ts FROM device").iterate()) {
      const known = knownOf(String(raw.site), String(raw.device));
      ids[known] = Number(raw.id);
      newest[known] = Number(raw.last_ts ?? -1);
      byId[Number(raw.id)] = known;
    }
    sealer.reset();
    const saw = (device: number, at: number) => {
      const known = byId[device];
      if (known !== undefined && at > (newest[known] ?? -1)) newest[known] = at;
    };
    // A partition never changes: a transaction that failed is no reason to read it again.
    for (const info of catalogue.list()) {
      if (info.last <= rolled || info.last <= partitionsTo) continue;
      for (const { rows, device, ts } of catalogue.open(info).pages())
        for (let row = 0; row < rows; row += 1) {
          const before = newestInPartitions.get(device[row] ?? 0) ?? -1;
          newestInPartitions.set(device[row] ?? 0, Math.max(before, ts[row] ?? 0));
        }
      partitionsTo = info.last;
    }
    for (const [device, ts] of newestInPartitions) saw(device, ts);
    for (const { first, rows, device, ts } of log.after(sealed)) {
      for (let row = Math.max(0, sealed + 1 - first); row < rows; row += 1) {
        saw(device[row] ?? 0, ts[row] ?? 0);
        sealer.add(device[row] ?? 0, ts[row] ?? 0, first + row);
      }
    }
  };

  /** The number of the name. */
  const knownOf = (site: string, device: string): number => {
    const known = names.number(site, device);
    if (known >= ids.length) {
      ids = moved(ids, new Int32Array(2 * known));
      newest = moved(newest, new Float64Array(2 * known).fill(-1));
    }
    return known;
  };

  const nameOf = (known: number): DeviceName => {
    const name = names.at(known);
    if (name === undefined) throw new Error(`BUG: ${known} is no name`);
    return name;
  };

  const idOf = (known: number): number => {
    const id = ids[known] ?? 0;
    if (id > 0) return id;
    const { site, device } = nameOf(known);
    const fresh = Number(insertDevice.run(site, device).lastInsertRowid);
    ids[known] = fresh;
    return fresh;
  };

  const flush = () => {
    if (chunk.rows() === 0) return;
    const { rows, received, bytes } = chunk.take();
    insert.run(seq, rows, received, bytes);
  };

  const row = { device: 0, shape: 0, ts: 0, received: 0, flags: 0 };
  const append = (values: ArrayLike<number>, from: number, to: number) => {
    if (!chunk.fits(row.received, to - from)) flush();
    chunk.add(row, values, from, to);
    seq += 1;
    sealer.add(row.device, row.ts, seq);
  };

  const merge = (known: number, message: Reading, { columns, row: at }: Place, counts: Counts) => {
    const merged = mergeReading(log.reading(columns, at, message.site, message.device), message);
    counts.accepted += merged.accepted;
    counts.duplicates += merged.duplicates;
    counts.corrections += merged.corrected.length;
    if (merged.merged === null) return;
    const device = idOf(known);
    const { ts, received, flags, quantities } = merged.merged;
    const values = Object.values(quantities);
    Object.assign(row, { device, ts, received, flags: flagBits(flags) | countedFlag });
    row.shape = shapes.id(Object.keys(quantities));
    append(values, 0, values.length);
    for (const { quantity, was } of merged.corrected)
      insertCorrection.run(device, message.ts, quantity, was, message.received);
  };

  /** Where a row of that time is, if there can be one. */
  const placeOf = (known: number, ts: number): Place | undefined => {
    const id = ids[known] ?? 0;
    // Nearly every message is newer than all before it: no look-up.
    if (id === 0 || ts > (newest[known] ?? -1)) return undefined;
    return places.one(sealer.tails(), id, ts, flush);
  };

  const put = (message: Reading, counts: Counts) => {
    const known = knownOf(message.site, message.device);
    const place = placeOf(known, message.ts);
    if (place !== undefined) {
      merge(known, message, place, counts);
      return;
    }
    const values = Object.values(message.quantities);
    row.device = idOf(known);
    row.shape = shapes.id(Object.keys(message.quantities));
    row.ts = message.ts;
    row.received = message.received;
    row.flags = flagBits(message.flags);
    append(values, 0, values.length);
    counts.accepted += values.length;
    if (message.ts > (newest[known] ?? -1)) newest[known] = message.ts;
  };

  const putAll = (batch: readonly Reading[]): WriteResult => {
    const rejected: WriteResult["rejected"][number][] = [];
    const counts = { accepted: 0, duplicates: 0, corrections: 0 };
    for (const reading of batch) {
      const reason = refusal(reading);
      if (reason === null) put(reading, counts);
      else rejected.push({ reading, code: "STORE_LINE_REFUSED", reason });
    }
    return { ...counts, rejected };
  };

  const putColumns = (columns: SentColumns): WriteResult => {
    const { device, shape, ts, received, flags, value } = columns;
    const rejected: WriteResult["rejected"][number][] = [];
    const counts = { accepted: 0, duplicates: 0, corrections: 0 };
    let at = 0;
    for (let index = 0; index < device.length; index += 1) {
      const known = (numbered[device[index] ?? -1] ?? 0) - 1;
      const kind = numberedShapes[shape[index] ?? -1];
      if (known < 0 || kind === undefined) throw new Error(`BUG: row ${index} has no name`);
      const from = at;
      at += kind.names.length;
      const time = ts[index] ?? Number.NaN;
      const isPlain =
        time > (newest[known] ?? -1) &&
        isTime(time) &&
        isTime(received[index] ?? Number.NaN) &&
        areFinite(value, from, at);
      if (!isPlain) {
        const one = readingAt(columns, index, nameOf(known), kind.names, from);
        const reason = refusal(one);
        if (reason === null) put(one, counts);
        else rejected.push({ reading: one, code: "STORE_LINE_REFUSED", reason });
        continue;
      }
      row.device = idOf(known);
      kind.id ??= shapes.id(kind.names);
      row.shape = kind.id;
      row.ts = time;
      row.received = received[index] ?? 0;
      row.flags = flags[index] ?? 0;
      append(value, from, at);
      counts.accepted += at - from;
      newest[known] = time;
    }
    return { ...counts, rejected };
  };

  load();
  return {
    learn: (columns) => {
      for (const [index, { site, device }] of columns.devices.entries()) {
        if (!identifierPattern.test(site) || !identifierPattern.test(device))
          throw new Error(`BUG: "${site}/${device}" is not a name`);
        const number = columns.firstDevice + index;
        if (number >= numbered.length) numbered = moved(numbered, new Int32Array(2 * number));
        numbered[number] = knownOf(site, device) + 1;
      }
      for (const [index, names] of columns.shapes.entries()) {
        if (names.length === 0 || !names.every((name) => quantityPattern.test(name)))
          throw new Error(`BUG: "${names.join(" ")}" are not names`);
        numberedShapes[columns.firstShape + index] = { names, id: null };
      }
    },
    write: (batches) => {
      try {
        return transact(db, "IMMEDIATE", () => {
          const results = batches.map((batch) =>
            batch.kind === "readings" ? putAll(batch.readings) : putColumns(batch.columns),
          );
          flush();
          return results;
        });
      } catch (error) {
        load();
        throw error;
      }
    },
  };
};

// The end of the year 2262, as in `refusal`.
const isTime = (ms: number): boolean => Number.isInteger(ms) && ms >= 0 && ms <= 9_223_372_036_854;

const areFinite = (values: Float64Array, from: number, to: number): boolean => {
  for (let index = from; index < to; index += 1) if (!Number.isFinite(values[index])) return false;
  return true;
};

const readingAt = (
  { ts, received, flags, value }: SentColumns,
  row: number,
  { site, device }: DeviceName,
  names: readonly string[],
  from: number,
): Reading => ({
  site,
  device,
  ts: timestamp(ts[row] ?? Number.NaN),
  received: timestamp(received[row] ?? Number.NaN),
  quantities: Object.fromEntries(names.map((name, index) => [name, value[from + index] ?? Number.NaN])),
  flags: flagsOf(flags[row] ?? 0),
});

const moved = <Column extends Int32Array | Float64Array>(old: Column, fresh: Column): Column => {
  fresh.set(old);
  return fresh;
};
