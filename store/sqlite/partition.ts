import { closeSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { pathToFileURL } from "node:url";
import { StoreRefusedError } from "../errors.ts";
import type { Chunk } from "./chunk.ts";
import { decodePage, encodePage, letGoOfPage, type PageRows } from "./page.ts";

// A partition is a file of its own, never changed once it has its name: the rows of one stretch of commits, by device and
// time. A page's key is the device it begins with and how many pages began with that device before.

type SizeOf = (shape: number) => number;

/** Pages of one partition; throws `PartitionGoneError` when the file was unlinked meanwhile. */
export interface Partition extends Disposable {
  /** The rows of the device, oldest first, in as many pieces as they have pages. */
  of(device: number): readonly PageRows[];
  /** All pages, in the order of devices. */
  pages(): Iterable<PageRows>;
}

/** The catalogue named a file that is not there any more; a newer snapshot knows better. */
export class PartitionGoneError extends Error {
  override readonly name = "PartitionGoneError";
}

const applicationId = 0x57545031; // "WTP1"
const version = 1;
// Bytes before compression: some 200 six-value rows.
const pageBytes = 16 * 1024;
const rowBytes = 29;
const pagesOfDevice = 2 ** 20;
// Room for that many a row from the start.
const usualValues = 8;

/** Rows in the order of device, time and sequence. */
export const sortRows = ({ rows, device, ts }: Chunk): Uint32Array<ArrayBuffer> => {
  let most = 0;
  for (let row = 0; row < rows; row += 1) most = Math.max(most, device[row] ?? 0);
  const ends = new Uint32Array(most + 2);
  for (let row = 0; row < rows; row += 1) ends[(device[row] ?? 0) + 1] = (ends[(device[row] ?? 0) + 1] ?? 0) + 1;
  for (let id = 1; id < ends.length; id += 1) ends[id] = (ends[id] ?? 0) + (ends[id - 1] ?? 0);
  const order = new Uint32Array(rows);
  const isLate = new Uint8Array(most + 1);
  for (let row = 0; row < rows; row += 1) {
    const id = device[row] ?? 0;
    const at = ends[id] ?? 0;
    ends[id] = at + 1;
    order[at] = row;
    const before = order[at - 1] ?? 0;
    if (at > 0 && device[before] === id && (ts[before] ?? 0) > (ts[row] ?? 0)) isLate[id] = 1;
  }
  // After filling, each end is where the next device begins.
  for (const [id, late] of isLate.entries()) {
    if (late === 0) continue;
    const own = order.subarray(ends[id - 1] ?? 0, ends[id]);
    own.sort((a, b) => (ts[a] ?? 0) - (ts[b] ?? 0) || a - b);
  }
  for (const { buffer } of [ends, isLate]) buffer.transfer(0);
  return order;
};

/** Writes the rows of `chunk` as a partition at `path`: durable, and there as a whole or not at all. Returns its bytes. */
export const writePartition = (path: string, chunk: Chunk, sizeOf: SizeOf): number => {
  const schema = "CREATE TABLE page(id INTEGER PRIMARY KEY, bytes BLOB NOT NULL) STRICT;";
  using draft = openDraft(path, { applicationId, schema });
  const insert = draft.db.prepare("INSERT INTO page(id, bytes) VALUES (?, ?)");
  const order = sortRows(chunk);
  let [from, began, nth] = [0, -1, 0];
  while (from < order.length) {
    let [to, bytes] = [from, 0];
    for (; to < order.length && bytes < pageBytes; to += 1)
      bytes += rowBytes + 8 * sizeOf(chunk.shape[order[to] ?? 0] ?? 0);
    const device = chunk.device[order[from] ?? 0] ?? 0;
    const isContinued = from > 0 && chunk.device[order[from - 1] ?? 0] === device;
    nth = isContinued ? (began === device ? nth + 1 : 1) : 0;
    began = device;
    insert.run(device * pagesOfDevice + nth, encodePage(chunk, order, from, to, sizeOf));
    from = to;
  }
  // What lives through a partition would lie about until tens of megabytes of it are collected.
  order.buffer.transfer(0);
  return draft.finish();
};

/** A file in the making, under another name. */
export interface Draft extends Disposable {
  readonly db: DatabaseSync;
  /** Makes it durable and gives it its name; its bytes. */
  finish(): number;
}

export const openDraft = (path: string, kind: { readonly applicationId: number; readonly schema: string }): Draft => {
  mkdirSync(dirname(path), { recursive: true });
  const draft = `${path}.draft`;
  rmSync(draft, { force: true });
  const db = new DatabaseSync(draft);
  db.exec(`PRAGMA page_size = 8192; PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA locking_mode = EXCLUSIVE;
    BEGIN; ${kind.schema} PRAGMA application_id = ${kind.applicationId}; PRAGMA user_version = ${version}`);
  return {
    db,
    finish: () => {
      db.exec("COMMIT");
      db.close();
      settle(draft, path);
      return statSync(path).size;
    },
    [Symbol.dispose]: () => {
      if (db.isOpen) db.close();
    },
  };
};

const settle = (draft: string, path: string) => {
  syncPath(draft, "r+");
  renameSync(draft, path);
  // Windows gives no handle of a folder; NTFS keeps its names in a journal.
  if (process.platform !== "win32") syncPath(dirname(path), "r");
};

const syncPath = (path: string, flags: string) => {
  const file = openSync(path, flags);
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
};

/** Opens the partition at `path`, whose first row has the sequence `first`. */
export const openPartition = (path: string, first: number, sizeOf: SizeOf): Partition => {
  const { db, guarded } = openFinished(path, applicationId);
  const [of, all] = guarded(() => [
    db.prepare(
      "SELECT bytes FROM page WHERE id >= coalesce((SELECT max(id) FROM page WHERE id <= ?1), 0) AND id < ?2 ORDER BY id",
    ),
    db.prepare("SELECT bytes FROM page ORDER BY id"),
  ]);
  return {
    of: (device) =>
      guarded(() =>
        of
          .all(device * pagesOfDevice, (device + 1) * pagesOfDevice)
          .map(({ bytes }) => decoded(bytes, first, sizeOf, device))
          .filter(({ rows }) => rows > 0),
      ),
    *pages() {
      const rows = all.iterate();
      for (let next = guarded(() => rows.next()); next.done !== true; next = guarded(() => rows.next()))
        yield guarded(() => decoded(next.value?.bytes, first, sizeOf));
    },
    [Symbol.dispose]: () => db.close(),
  };
};

/** The page, out of bytes that nobody looks at afterwards. */
const decoded = (bytes: unknown, first: number, sizeOf: SizeOf, only?: number): PageRows => {
  const blob = blobOf(bytes);
  const page = decodePage(blob, first, sizeOf, only);
  if (blob.buffer instanceof ArrayBuffer) blob.buffer.transfer(0);
  return page;
};

/** A file that will not change any more. */
export interface Finished {
  readonly db: DatabaseSync;
  /** Says of whatever `work` throws that the file is damaged. */
  guarded<Result>(work: () => Result): Result;
}

export const openFinished = (path: string, kind: number): Finished => {
  if (statSync(path, { throwIfNoEntry: false }) === undefined) throw new PartitionGoneError(path);
  const url = pathToFileURL(path);
  // It never changes, so no lock is taken.
  url.searchParams.set("immutable", "1");
  const guarded = <Result>(work: () => Result): Result => {
    try {
      return work();
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new StoreRefusedError(`${path} is damaged: ${reason}`, { code: "STORE_CORRUPT", cause });
    }
  };
  const db = guarded(() => new DatabaseSync(url, { readOnly: true }));
  try {
    guarded(() => {
      db.exec("PRAGMA cache_size = -64");
      const found = db.prepare("PRAGMA application_id").get()?.application_id;
      if (found !== kind) throw new Error("it is not what its name says");
    });
  } catch (error) {
    db.close();
    throw error;
  }
  return { db, guarded };
};

export const blobOf = (bytes: unknown): Uint8Array => {
  if (bytes instanceof Uint8Array) return bytes;
  throw new Error("a row is not a blob");
};

/** All rows of a partition in the order of their commits; their values lie in the order of its pages, one after the other. */
export const commitOrder = (partition: Partition, first: number, rows: number): Chunk => {
  const { received, ...columns } = joinedOf(rows);
  // Pages of zeros that are never written to take no memory.
  let value = new Float64Array(usualValues * rows);
  let values = 0;
  // One page after the other: all of them at once were as large as what is made of them.
  for (const page of partition.pages()) {
    if (values + page.value.length > value.length) {
      const larger = new Float64Array(2 * value.length + page.value.length);
      larger.set(value);
      value = larger;
    }
    value.set(page.value, values);
    for (let row = 0; row < page.rows; row += 1) {
      const place = (page.seq[row] ?? 0) - first;
      columns.device[place] = page.device[row] ?? 0;
      columns.shape[place] = page.shape[row] ?? 0;
      columns.ts[place] = page.ts[row] ?? 0;
      columns.flags[place] = page.flags[row] ?? 0;
      columns.start[place] = values + (page.start[row] ?? 0);
      received[place] = page.received(row);
    }
    values += page.value.length;
    letGoOfPage(page);
  }
  return { ...columns, first, rows, value: value.subarray(0, values), received: (row) => received[row] ?? 0 };
};

/** Frees the memory of what `commitOrder` gave. */
export const letGoOfOrder = ({ ts, value }: Chunk): void => {
  for (const { buffer } of [ts, value]) if (buffer instanceof ArrayBuffer) buffer.transfer(0);
};

/** Makes one chunk of those that follow each other. What it gives is good until it is asked again. */
export const createJoiner = (): ((chunks: Iterable<Chunk>, from: number, to: number) => Chunk) => {
  let room = joinedOf(0);
  let value = new Float64Array(0);
  return (chunks, from, to) => {
    const rows = to - from + 1;
    if (room.device.length < rows) {
      room = joinedOf(rows);
      value = new Float64Array(usualValues * rows);
    }
    const { device, shape, ts, flags, start, received } = room;
    let [values, found] = [0, 0];
    for (const chunk of chunks) {
      if (chunk.first > to) break;
      if (values + chunk.value.length > value.length) {
        const larger = new Float64Array(Math.max(2 * value.length, values + chunk.value.length));
        larger.set(value);
        value = larger;
      }
      value.set(chunk.value, values);
      for (let row = Math.max(0, from - chunk.first); row < chunk.rows && chunk.first + row <= to; row += 1) {
        const place = chunk.first + row - from;
        device[place] = chunk.device[row] ?? 0;
        shape[place] = chunk.shape[row] ?? 0;
        ts[place] = chunk.ts[row] ?? 0;
        flags[place] = chunk.flags[row] ?? 0;
        start[place] = values + (chunk.start[row] ?? 0);
        received[place] = chunk.received(row);
        found += 1;
      }
      values += chunk.value.length;
    }
    if (found !== rows) throw new Error(`BUG: rows ${from} to ${to} are not all in the log`);
    return { ...room, first: from, rows, value: value.subarray(0, values), received: (row) => received[row] ?? 0 };
  };
};

const joinedOf = (rows: number) => {
  const memory = new ArrayBuffer(rows * 29);
  return {
    ts: new Float64Array(memory, 0, rows),
    received: new Float64Array(memory, rows * 8, rows),
    device: new Int32Array(memory, rows * 16, rows),
    shape: new Int32Array(memory, rows * 20, rows),
    start: new Uint32Array(memory, rows * 24, rows),
    flags: new Uint8Array(memory, rows * 28, rows),
  };
};
