import type { DatabaseSync } from "node:sqlite";
import type { FileKind } from "./file.ts";

// New readings lie in chunks in commit order, so that writing appends and following is a scan. Where a device's readings
// are is kept in memory; after some 260,000 rows they move, by device, into a partition: an index entry for each reading
// would touch a page of its own when the next reading of that device is one of 345,400 others away.
// An hour's minutes are computed when its data is complete, all devices in one pass, into a file of their own; what comes
// later changes single windows, which lie here. Windows are clustered by time: writing appends, pruning takes from the
// front, and a range is look-ups at known starts. An hour that is not listed is computed from raw readings when asked for.
const rollupTable = (name: string) => `
    CREATE TABLE ${name}(
      start INTEGER NOT NULL, device INTEGER NOT NULL, shape INTEGER NOT NULL, value BLOB NOT NULL,
      PRIMARY KEY(start, device)
    ) STRICT, WITHOUT ROWID;`;

const partitionTable = `
    CREATE TABLE "partition"(
      last INTEGER PRIMARY KEY, first INTEGER NOT NULL, min_ts INTEGER NOT NULL, max_ts INTEGER NOT NULL,
      received INTEGER NOT NULL, hours TEXT NOT NULL, bytes INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE hour(start INTEGER PRIMARY KEY, bytes INTEGER NOT NULL) STRICT;
    INSERT INTO meta VALUES ('sealed', '0'), ('catalogue', '0'), ('from_1m', '0'), ('from_15m', '0'), ('from_1h', '0');`;

// Version 2 kept all rows in chunks, and where each device's rows are beside them: they are moved into partitions when
// the writer opens the file.
const upgradeFrom2 = `
    ${partitionTable}
    ALTER TABLE device ADD COLUMN seq INTEGER NOT NULL DEFAULT 0;
    UPDATE device SET seq = (SELECT CAST(value AS INTEGER) FROM meta WHERE name = 'rolled');
    INSERT INTO hour SELECT DISTINCT start, 0 FROM rollup_1h WHERE start < (SELECT max(start) FROM rollup_1h);
    DROP TABLE place; DROP TABLE run;`;

export const readingsKind: FileKind = {
  applicationId: 0x57545231, // "WTR1"
  version: 3,
  upgrades: { 2: upgradeFrom2 },
  schema: `
    CREATE TABLE meta(name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
    INSERT INTO meta VALUES ('id', lower(hex(randomblob(8)))), ('rolled', '0'), ('horizon', '0 0');
    CREATE TABLE device(
      id INTEGER PRIMARY KEY, site TEXT NOT NULL, device TEXT NOT NULL,
      first_ts INTEGER, last_ts INTEGER, received INTEGER, readings INTEGER NOT NULL DEFAULT 0,
      newest TEXT NOT NULL DEFAULT '{}', seq INTEGER NOT NULL DEFAULT 0, UNIQUE(site, device)
    ) STRICT;
    CREATE TABLE shape(id INTEGER PRIMARY KEY, names TEXT NOT NULL UNIQUE) STRICT;
    CREATE TABLE chunk(last INTEGER PRIMARY KEY, rows INTEGER NOT NULL, received INTEGER NOT NULL, bytes BLOB NOT NULL)
    STRICT;
    ${partitionTable}
    CREATE TABLE correction(
      id INTEGER PRIMARY KEY, device INTEGER NOT NULL, ts INTEGER NOT NULL, quantity TEXT NOT NULL,
      was REAL NOT NULL, replaced INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX correction_at ON correction(device, ts);
    ${rollupTable("rollup_1m")}${rollupTable("rollup_15m")}${rollupTable("rollup_1h")}`,
};

export type Raw = Readonly<Record<string, unknown>>;

/** The sequence up to which rows are in the devices' summaries and in the roll-ups of listed hours. */
export const readRolled = (db: DatabaseSync): number => Number(readMeta(db, "rolled"));

export const readMeta = (db: DatabaseSync, name: string): string =>
  String(db.prepare("SELECT value FROM meta WHERE name = ?").get(name)?.value);
