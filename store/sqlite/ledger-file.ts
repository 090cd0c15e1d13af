import type { DatabaseSync } from "node:sqlite";
import { expiredCursor, formatCursor, parseCount, parseCursor } from "../cursor.ts";
import { StoreRefusedError } from "../errors.ts";
import { keptOf, keptText, type WrittenBody } from "../kept.ts";
import type { KeptRow, LedgerChange, LedgerFollow, LedgerQuery, LedgerRow } from "../ledger.ts";
import type { Page } from "../readings.ts";
import { timestamp } from "../unit.ts";
import { type FileKind, transact } from "./file.ts";

export const ledgerKind: FileKind = {
  applicationId: 0x57544c31, // "WTL1"
  version: 3,
  // What 2 packed is JSON; since 3 a body may stand there as a table.
  upgrades: { 1: "ALTER TABLE row ADD COLUMN packed BLOB", 2: "SELECT 1" },
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

// Bodies cross between the threads as JSON text or packed: an account of 400 racks is cloned in milliseconds, its bytes
// at once. Long ones are handed over and let go as soon as they are packed.

/** A change whose body is written already; a body to be packed as UTF-8. */
export type WrittenChange =
  | (Omit<Extract<LedgerChange, { readonly op: "put" }>, "body"> & { readonly body: WrittenBody })
  | Extract<LedgerChange, { readonly op: "delete" }>;

/** What a commit adds to its puts, in their order. */
export type Place = Pick<LedgerRow, "revision" | "at">;

/** `body`: JSON, or as it is kept. */
export type WrittenRow = Omit<LedgerRow, "body"> & { readonly body: string | Uint8Array };

/** What the ledger's worker answers. */
export interface LedgerCalls {
  commit(argument: { readonly changes: readonly WrittenChange[]; readonly at: number }): readonly Place[];
  get(argument: { readonly kind: string; readonly key: string; readonly asOf: number | null }): WrittenRow | null;
  getAll(argument: { readonly kind: string; readonly keys: readonly string[] }): readonly (WrittenRow | null)[];
  list(query: LedgerQuery): Page<WrittenRow>;
  listKept(query: LedgerQuery): Page<KeptRow>;
  history(argument: { readonly kind: string; readonly key: string }): readonly WrittenRow[];
  follow(query: Omit<LedgerFollow, "signal">): { readonly rows: readonly WrittenRow[]; readonly cursor: string };
  followKept(query: Omit<LedgerFollow, "signal">): { readonly rows: readonly KeptRow[]; readonly cursor: string };
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
/** The memory that goes over with them. */
export const givenWith = (changes: readonly WrittenChange[]): readonly ArrayBuffer[] =>
  changes.flatMap((change) => {
    if (change.op === "delete" || typeof change.body === "string") return [];
    return [change.body instanceof Uint8Array ? change.body.buffer : change.body.payload.buffer];
  });

// Keys in one transaction of pruning: some 10 ms, so that commits go in between.
const pruneKeys = 500;

/** The memory of a page's bodies, to hand it over instead of copying it. */
export const buffersOf = ({ rows }: { readonly rows: readonly KeptRow[] }): readonly ArrayBuffer[] =>
  rows.flatMap(({ kept }) => (kept.buffer instanceof ArrayBuffer ? [kept.buffer] : []));

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
    const kept = keptOf(change.body);
    outdate.run(kind, key, revision);
    const [body, packed] = typeof kept === "string" ? [kept, null] : ["", kept];
    insert.run(kind, key, change.site, change.ts, revision + 1, time, body, packed);
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

    listKept: (query) => pageOf(query, keptRowOf),

    history: ({ kind, key }) => all.all(kind, key).map(rowOf),

    follow: (query) => followed(query, rowOf),

    followKept: (query) => followed(query, keptRowOf),

    head: () => cursorAt(headSeq()),

    prune: ({ kind, before }) =>
      transact(db, "IMMEDIATE", () => {
        const keys = aged.all(kind, before, pruneKeys);
        for (const { key } of keys) remove.run(kind, String(key));
        return keys.length;
      }),
  };
};

const rowOf = (raw: Raw): WrittenRow => ({ ...placeOf(raw), body: bodyOf(raw) });

const keptRowOf = (raw: Raw): KeptRow => ({ ...placeOf(raw), kept: bytesOf(raw) });

const placeOf = (raw: Raw): Omit<LedgerRow, "body"> => ({
  kind: String(raw.kind),
  key: String(raw.key),
  site: String(raw.site),
  ts: timestamp(Number(raw.ts)),
  revision: Number(raw.revision),
  at: timestamp(Number(raw.at)),
});

const bodyOf = ({ body, packed }: Raw): string | Uint8Array => {
  if (!(packed instanceof Uint8Array)) return String(body);
  const text = keptText(packed);
  return text === null ? packed : Buffer.from(text.buffer, text.byteOffset, text.byteLength).toString();
};

/** In memory of its own, which can be handed over; whoever asked unpacks it. */
const bytesOf = ({ body, packed }: Raw): Uint8Array =>
  packed instanceof Uint8Array ? packed : encoder.encode(String(body));

const encoder = new TextEncoder();
