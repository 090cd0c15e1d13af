import type { DatabaseSync } from "node:sqlite";
import type { FileKind } from "./file.ts";

// Readings lie in chunks in commit order, so that writing appends and following is a scan. Where a device's readings are
// is kept in memory while they are new, and written once per run of some 260,000 rows: an entry of an index for each
// reading would touch a page of its own when the next reading of that device is one of 345,400 others away.
// Windows are clustered by time: writing appends, pruning takes from the front, and a range is look-ups at known starts.
const rollupTable = (name: string) => `
    CREATE TABLE ${name}(
      start INTEGER NOT NULL, device INTEGER NOT NULL, shape INTEGER NOT NULL, value BLOB NOT NULL,
      PRIMARY KEY(start, device)
    ) STRICT, WITHOUT ROWID;`;

export const readingsKind: FileKind = {
  applicationId: 0x57545231, // "WTR1"
  version: 2,
  schema: `
    CREATE TABLE meta(name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
    INSERT INTO meta VALUES ('id', lower(hex(randomblob(8)))), ('rolled', '0'), ('horizon', '0 0');
    CREATE TABLE device(
      id INTEGER PRIMARY KEY, site TEXT NOT NULL, device TEXT NOT NULL,
      first_ts INTEGER, last_ts INTEGER, received INTEGER, readings INTEGER NOT NULL DEFAULT 0,
      newest TEXT NOT NULL DEFAULT '{}', UNIQUE(site, device)
    ) STRICT;
    CREATE TABLE shape(id INTEGER PRIMARY KEY, names TEXT NOT NULL UNIQUE) STRICT;
    CREATE TABLE chunk(last INTEGER PRIMARY KEY, rows INTEGER NOT NULL, received INTEGER NOT NULL, bytes BLOB NOT NULL)
    STRICT;
    CREATE TABLE run(
      last INTEGER PRIMARY KEY, first INTEGER NOT NULL, min_ts INTEGER NOT NULL, max_ts INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE place(
      run INTEGER NOT NULL, device INTEGER NOT NULL, at BLOB NOT NULL, PRIMARY KEY(run, device)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE correction(
      id INTEGER PRIMARY KEY, device INTEGER NOT NULL, ts INTEGER NOT NULL, quantity TEXT NOT NULL,
      was REAL NOT NULL, replaced INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX correction_at ON correction(device, ts);
    ${rollupTable("rollup_1m")}${rollupTable("rollup_15m")}${rollupTable("rollup_1h")}`,
};

export type Raw = Readonly<Record<string, unknown>>;

/** The sequence up to which roll-ups and the devices' summaries are written; what comes after is the tail. */
export const readRolled = (db: DatabaseSync): number => Number(readMeta(db, "rolled"));

export const readMeta = (db: DatabaseSync, name: string): string =>
  String(db.prepare("SELECT value FROM meta WHERE name = ?").get(name)?.value);
