import type { DatabaseSync } from "node:sqlite";
import type { FileKind } from "./file.ts";

// One row per reading in commit order: the sequence is the row's address, so that following is a scan and writing
// appends. The names of its quantities are a shape, its values 8 bytes each: about 70 bytes for six values.
// Windows are clustered by time: writing appends, pruning takes from the front, and a range is look-ups at known starts.
const rollupTable = (name: string) => `
    CREATE TABLE ${name}(
      start INTEGER NOT NULL, device INTEGER NOT NULL, shape INTEGER NOT NULL, value BLOB NOT NULL,
      PRIMARY KEY(start, device)
    ) STRICT, WITHOUT ROWID;`;

export const readingsKind: FileKind = {
  applicationId: 0x57545231, // "WTR1"
  version: 1,
  schema: `
    CREATE TABLE meta(name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
    INSERT INTO meta VALUES ('id', lower(hex(randomblob(8)))), ('rolled', '0');
    CREATE TABLE device(
      id INTEGER PRIMARY KEY, site TEXT NOT NULL, device TEXT NOT NULL,
      first_ts INTEGER, last_ts INTEGER, received INTEGER, readings INTEGER NOT NULL DEFAULT 0,
      newest TEXT NOT NULL DEFAULT '{}', UNIQUE(site, device)
    ) STRICT;
    CREATE TABLE shape(id INTEGER PRIMARY KEY, names TEXT NOT NULL UNIQUE) STRICT;
    CREATE TABLE reading(
      seq INTEGER PRIMARY KEY, device INTEGER NOT NULL, ts INTEGER NOT NULL, delay INTEGER NOT NULL,
      flags INTEGER NOT NULL, shape INTEGER NOT NULL, value BLOB NOT NULL
    ) STRICT;
    CREATE UNIQUE INDEX reading_at ON reading(device, ts);
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
