import type { DatabaseSync } from "node:sqlite";
import { constants, zstdCompressSync, zstdDecompressSync } from "node:zlib";
import { expiredCursor, formatCursor, parseCount, parseCursor } from "../cursor.ts";
import { StoreRefusedError } from "../errors.ts";
import type { LedgerChange, LedgerFollow, LedgerQuery, LedgerRow, LedgerText } from "../ledger.ts";
import type { Page } from "../readings.ts";
import { timestamp } from "../unit.ts";
import { type FileKind, transact } from "./file.ts";

export const ledgerKind: FileKind = {
  applicationId: 0x57544c31, // "WTL1"
  version: 2,
  upgrade: { from: 1, run: "ALTER TABLE row ADD COLUMN packed BLOB" },
  schema: `
    CREATE TABLE meta(name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
    INSERT INTO meta VALUES ('id', lower(hex(randomblob(8))));
    CREATE TABLE row(
      seq INTEGER PRIMARY KEY AUTOINCREMENT,
      kind TEXT NOT NULL, key TEXT NOT NULL, site TEXT NOT NULL, ts INTEGER NOT NULL,
      revision INTEGER NOT NULL, at INTEGER NOT NULL, body TEXT NOT NULL, newest INTEGER NOT NULL,
      packed BLOB
    ) STRICT;
    CREATE UNIQUE INDEX row_revision ON row(kind, key, revision);
    CREATE INDEX row_kind ON row(kind);
    CREATE INDEX row_time ON row(kind, ts, key) WHERE newest = 1;
    CREATE INDEX row_site ON row(kind, site, ts, key) WHERE newest = 1;`,
};

// Bodies cross between the threads as JSON text: an account of 400 racks is cloned in milliseconds, its text at once.
// Long ones as its bytes, which are handed over and let go as soon as they are packed.

/** A change whose body is written already; a body to be packed as UTF-8. */
export type WrittenChange =
  | (Omit<Extract<LedgerChange, { readonly op: "put" }>, "body"> & { readonly text: string | Uint8Array<ArrayBuffer> })
  | Extract<LedgerChange, { readonly op: "delete" }>;

/** What a commit adds to its puts, in their order. */
export type Place = Pick<LedgerRow, "revision" | "at">;

export type WrittenRow = Omit<LedgerRow, "body"> & { readonly text: string };

/** What the ledger's worker answers. */
export interface LedgerCalls {
  commit(argument: { readonly changes: readonly WrittenChange[]; readonly at: number }): readonly Place[];
  get(argument: { readonly kind: string; readonly key: string; readonly asOf: number | null }): WrittenRow | null;
  getAll(argument: { readonly kind: string; readonly keys: readonly string[] }): readonly (WrittenRow | null)[];
  list(query: LedgerQuery): Page<WrittenRow>;
  listText(query: LedgerQuery): Page<LedgerText>;
  history(argument: { readonly kind: string; readonly key: string }): readonly WrittenRow[];
  follow(query: Omit<LedgerFollow, "signal">): { readonly rows: readonly WrittenRow[]; readonly cursor: string };
  followText(query: Omit<LedgerFollow, "signal">): { readonly rows: readonly LedgerText[]; readonly cursor: string };
  head(argument: null): string;
  /** Removes some; call again until it removes none. */
  prune(argument: { readonly kind: string; readonly before: number }): number;
}

type Raw = Record<string, unknown>;

const columns = "seq, kind, key, site, ts, revision, at, body, packed";
const bareColumns = "seq, kind, key, site, ts, revision, at, 'null' AS body";
const namesOf = (table: string): string =>
  columns
    .split(", ")
    .map((name) => `${table}.${name}`)
    .join(", ");
const newestColumns = `${namesOf("place")}, place.ts AS placeTs`;
const knownColumns = `${namesOf("known")}, place.ts AS placeTs`;
const knownThen = `JOIN row known ON known.kind = place.kind AND known.key = place.key AND known.revision =
  (SELECT max(revision) FROM row WHERE kind = place.kind AND key = place.key AND at <= ?)`;
// Accounts of hundreds of nodes are mostly the same keys over and over; short bodies stay legible in the file.
const packedBytes = 4096;
const compression = { [constants.ZSTD_c_compressionLevel]: 1, [constants.ZSTD_c_checksumFlag]: 1 };

/** The text as it crosses to the ledger's thread. */
export const writtenText = (text: string): string | Uint8Array<ArrayBuffer> => {
  if (text.length < packedBytes) return text;
  const bytes = new Uint8Array(Buffer.byteLength(text));
  encoder.encodeInto(text, bytes);
  return bytes;
};
const encoder = new TextEncoder();

/** The memory that goes over with them. */
export const givenWith = (changes: readonly WrittenChange[]): readonly ArrayBuffer[] =>
  changes.flatMap((change) => (change.op === "put" && typeof change.text !== "string" ? [change.text.buffer] : []));

// Told the size it takes a fifth of the memory, and whoever unpacks it learns the size from the frame.
const pack = (text: Uint8Array): Uint8Array =>
  zstdCompressSync(text, {
    params: compression,
    pledgedSrcSize: text.length,
    chunkSize: Math.max(packedBytes, text.length >> 4),
  });

const unpack = (packed: Uint8Array): Uint8Array => zstdDecompressSync(packed, { chunkSize: roomFor(packed) });

// Keys in one transaction of pruning: some 10 ms, so that commits go in between.
const pruneKeys = 500;

/** The memory of a page's texts, to hand it over instead of copying it. */
export const buffersOf = ({ rows }: { readonly rows: readonly LedgerText[] }): readonly ArrayBuffer[] =>
  rows.flatMap(({ text }) => (text.buffer instanceof ArrayBuffer ? [text.buffer] : []));

/** The ledger's rows in an open file, one call at a time. */
export const createLedgerFile = (db: DatabaseSync, onCommit: () => void): LedgerCalls => {
  const id = String(db.prepare("SELECT value FROM meta WHERE name = 'id'").get()?.value);
  const newest = db.prepare(`SELECT revision, at FROM row WHERE kind = ? AND key = ? ORDER BY revision DESC LIMIT 1`);
  const insert = db.prepare(
    `INSERT INTO row(kind, key, site, ts, revision, at, body, newest, packed) VALUES (?, ?, ?, ?, ?, ?, ?, 1, ?)`,
  );
  const outdate = db.prepare("UPDATE row SET newest = 0 WHERE kind = ? AND key = ? AND revision = ?");
  const remove = db.prepare("DELETE FROM row WHERE kind = ? AND key = ?");
  const one = db.prepare(
    `SELECT ${columns} FROM row WHERE kind = ? AND key = ? AND at <= ? ORDER BY revision DESC LIMIT 1`,
  );
  const all = db.prepare(`SELECT ${columns} FROM row WHERE kind = ? AND key = ? ORDER BY revision`);
  const after = db.prepare(`SELECT ${columns} FROM row WHERE kind = ? AND seq > ? ORDER BY seq LIMIT ?`);
  const afterBare = db.prepare(`SELECT ${bareColumns} FROM row WHERE kind = ? AND seq > ? ORDER BY seq LIMIT ?`);
  const last = db.prepare("SELECT seq FROM sqlite_sequence WHERE name = 'row'");
  const aged = db.prepare("SELECT key FROM row WHERE kind = ? AND ts < ? AND newest = 1 ORDER BY ts, key LIMIT ?");

  const headSeq = (): number => Number(last.get()?.seq ?? 0);
  const cursorAt = (seq: number): string => formatCursor([id, seq]);
  const seqOf = (cursor: string | null): number => {
    if (cursor === null) return 0;
    const [store, seq] = parseCursor(cursor, 2);
    const count = parseCount(seq, cursor);
    if (store !== id || count > headSeq()) throw expiredCursor(cursor);
    return count;
  };

  const apply = (change: WrittenChange, at: number): Place[] => {
    const { kind, key } = change;
    if (change.op === "delete") {
      remove.run(kind, key);
      return [];
    }
    const known = newest.get(kind, key);
    const revision = Number(known?.revision ?? 0);
    if (change.expect !== undefined && change.expect !== revision)
      throw new StoreRefusedError(`${kind} "${key}" is at revision ${revision}, expected ${change.expect}`, {
        code: "STORE_CONFLICT",
      });
    // A clock may step back; the order of revisions may not.
    const time = Math.max(at, Number(known?.at ?? 0));
    const { site, ts, text } = change;
    outdate.run(kind, key, revision);
    if (typeof text === "string") insert.run(kind, key, site, ts, revision + 1, time, text, null);
    else {
      const packed = pack(text);
      // Garbage outside the heap would lie about until tens of megabytes of it are collected.
      text.buffer.transfer(0);
      insert.run(kind, key, site, ts, revision + 1, time, "", packed);
    }
    return [{ revision: revision + 1, at: timestamp(time) }];
  };

  const pageOf = <Row>(query: LedgerQuery, read: (raw: Raw) => Row): Page<Row> => {
    const { kind, site, from, to, order = "oldest-first", limit, cursor, asOf } = query;
    const up = order === "oldest-first";
    const filters = ["place.kind = ?", "place.newest = 1", "place.ts >= ?", "place.ts < ?"];
    const values: (string | number)[] = [kind, from ?? Number.MIN_SAFE_INTEGER, to ?? Number.MAX_SAFE_INTEGER];
    if (site !== undefined) {
      filters.push("place.site = ?");
      values.push(site);
    }
    if (cursor !== undefined) {
      const [ts, key] = parseCursor(cursor, 2);
      filters.push(`(place.ts, place.key) ${up ? ">" : "<"} (?, ?)`);
      values.push(parseCount(ts, cursor), key ?? "");
    }
    const direction = up ? "ASC" : "DESC";
    const sql = `SELECT ${asOf === undefined ? newestColumns : knownColumns} FROM row place ${asOf === undefined ? "" : knownThen}
        WHERE ${filters.join(" AND ")} ORDER BY place.ts ${direction}, place.key ${direction} LIMIT ?`;
    const rows = db.prepare(sql).all(...(asOf === undefined ? [] : [asOf]), ...values, limit + 1);
    const items = rows.slice(0, limit);
    const end = items.at(-1);
    const next =
      end === undefined || rows.length <= limit ? null : formatCursor([Number(end.placeTs), String(end.key)]);
    return { items: items.map(read), next };
  };

  const followed = <Row>({ cursor, kinds, bare = [], limit }: Omit<LedgerFollow, "signal">, read: (raw: Raw) => Row) =>
    transact(db, "DEFERRED", () => {
      const seq = seqOf(cursor);
      const head = Math.max(seq, headSeq());
      const found = [...new Set(kinds)]
        .flatMap((kind) => (bare.includes(kind) ? afterBare : after).all(kind, seq, limit))
        .sort((a, b) => Number(a.seq) - Number(b.seq))
        .slice(0, limit);
      const end = found.length < limit ? head : Number(found.at(-1)?.seq ?? seq);
      return { rows: found.map(read), cursor: cursorAt(end) };
    });

  return {
    commit: ({ changes, at }) => {
      if (changes.length === 0) return [];
      const rows = transact(db, "IMMEDIATE", () => changes.flatMap((change) => apply(change, at)));
      if (rows.length > 0) onCommit();
      return rows;
    },

    get: ({ kind, key, asOf }) => {
      const row = one.get(kind, key, asOf ?? Number.MAX_SAFE_INTEGER);
      return row === undefined ? null : rowOf(row);
    },

    getAll: ({ kind, keys }) =>
      keys.map((key) => {
        const row = one.get(kind, key, Number.MAX_SAFE_INTEGER);
        return row === undefined ? null : rowOf(row);
      }),

    list: (query) => pageOf(query, rowOf),

    listText: (query) => pageOf(query, writtenRowOf),

    history: ({ kind, key }) => all.all(kind, key).map(rowOf),

    follow: (query) => followed(query, rowOf),

    followText: (query) => followed(query, writtenRowOf),

    head: () => cursorAt(headSeq()),

    prune: ({ kind, before }) =>
      transact(db, "IMMEDIATE", () => {
        const keys = aged.all(kind, before, pruneKeys);
        for (const { key } of keys) remove.run(kind, String(key));
        return keys.length;
      }),
  };
};

const rowOf = (raw: Raw): WrittenRow => ({ ...placeOf(raw), text: textOf(raw) });

const writtenRowOf = (raw: Raw): LedgerText => ({ ...placeOf(raw), text: bytesOf(raw) });

const placeOf = (raw: Raw): Omit<LedgerRow, "body"> => ({
  kind: String(raw.kind),
  key: String(raw.key),
  site: String(raw.site),
  ts: timestamp(Number(raw.ts)),
  revision: Number(raw.revision),
  at: timestamp(Number(raw.at)),
});

const textOf = ({ body, packed }: Raw): string =>
  packed instanceof Uint8Array ? Buffer.from(unpack(packed)).toString() : String(body);

/** In memory of its own, which can be handed over. */
const bytesOf = ({ body, packed }: Raw): Uint8Array => {
  if (!(packed instanceof Uint8Array)) return encoder.encode(String(body));
  const bytes = unpack(packed);
  return bytes.buffer.byteLength > bytes.length + 1 ? new Uint8Array(bytes) : bytes;
};

// RFC 8878 §3.1.1: magic number, descriptor, window (not of a single segment), dictionary, content size.
const descriptorAt = 4;
const isSingleSegment = 0x20;
const hasDictionary = 0x03;
// Of rows from before, which do not say it.
const usualRoom = 128 * 1024;
// A frame that lies must not take all memory.
const mostUnpacked = 16 * 1024 * 1024;

/** One byte more than the frame says that it holds: then it is unpacked in one go. */
const roomFor = (packed: Uint8Array): number => {
  const descriptor = packed[descriptorAt] ?? 0;
  const sizeForm = descriptor >> 6;
  const at = descriptorAt + 1;
  if ((descriptor & isSingleSegment) === 0 || (descriptor & hasDictionary) !== 0) return usualRoom;
  const view = new DataView(packed.buffer, packed.byteOffset, packed.length);
  if (sizeForm === 1 && packed.length > at + 2) return view.getUint16(at, true) + 256 + 1;
  if (sizeForm === 2 && packed.length > at + 4) return Math.min(view.getUint32(at, true), mostUnpacked) + 1;
  return usualRoom;
};
