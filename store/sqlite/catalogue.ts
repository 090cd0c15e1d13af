import { readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { StoreRefusedError } from "../errors.ts";
import { steps } from "../readings.ts";
import { type MinuteFile, openMinutes } from "./minutes.ts";
import type { PageRows } from "./page.ts";
import { openPartition, type Partition } from "./partition.ts";
import { type Raw, readMeta } from "./readings-file.ts";

// readings.db                    the newest rows, in commit order, and this catalogue
// readings/1-262144.db           a partition: older rows, by device
// readings/1m-1795219200000.db   the minutes of one hour, by device
//
// A file gets its name before the catalogue knows it, and loses its place here before it is unlinked: whatever a crash
// leaves in between is a file that nobody needs, and is swept away when the store is opened.

/** What is known of a partition without opening it. */
export interface PartitionInfo {
  readonly first: number;
  readonly last: number;
  readonly minTs: number;
  readonly maxTs: number;
  /** The newest of its receive times. */
  readonly received: number;
  /** Rows of each hour of event time that it has some of. */
  readonly hours: ReadonlyMap<number, number>;
  readonly bytes: number;
}

export interface Catalogue extends Disposable {
  /** Partitions in commit order, as of the last `refresh`. */
  list(): readonly PartitionInfo[];
  /** Sequence up to which rows are in partitions, whether or not those were pruned since. */
  sealed(): number;
  /** Hours whose roll-ups are written, with the bytes of their file; 0 when they have none. */
  hours(): ReadonlyMap<number, number>;
  /** Looks what other threads changed; at the start of every snapshot. Files that went are closed. */
  refresh(): void;
  open(info: PartitionInfo): Partition;
  /** The rows of a device in that partition, oldest first. */
  rowsOf(info: PartitionInfo, device: number): readonly PageRows[];
  minutes(hour: number): MinuteFile;
  add(info: PartitionInfo): void;
  remove(info: PartitionInfo): void;
  setHour(start: number, bytes: number): void;
  /** Bytes of all files but the main one. */
  bytes(): number;
  /** Paths of all files but the main one. */
  paths(): ReadonlySet<string>;
}

// A day of 5,000 devices every 10 s is 165 partitions; an open one takes some 80 KB.
const mostOpen = 192;
// Late and repeated readings look up the same device again and again: these rows take some 4 MB.
const mostFound = 50_000;

export const partitionFolder = (path: string): string => path.replace(/\.db$/, "");

export const partitionPath = (path: string, { first, last }: Pick<PartitionInfo, "first" | "last">): string =>
  join(partitionFolder(path), `${first}-${last}.db`);

export const minutesPath = (path: string, hour: number): string => join(partitionFolder(path), `1m-${hour}.db`);

export const hourOf = (ts: number): number => Math.floor(ts / steps["1h"]) * steps["1h"];

/** The files beside the main file `db` at `path`. */
export const createCatalogue = (db: DatabaseSync, path: string, sizeOf: (shape: number) => number): Catalogue => {
  const lasts = db.prepare('SELECT last FROM "partition" ORDER BY last');
  const one = db.prepare('SELECT * FROM "partition" WHERE last = ?');
  const hourRows = db.prepare("SELECT start, bytes FROM hour");
  const version = db.prepare("SELECT value FROM meta WHERE name = 'catalogue'");
  const bump = db.prepare("UPDATE meta SET value = CAST(value AS INTEGER) + 1 WHERE name = 'catalogue'");
  const setSealed = db.prepare("UPDATE meta SET value = ? WHERE name = 'sealed'");
  const insert = db.prepare(
    `INSERT INTO "partition"(last, first, min_ts, max_ts, received, hours, bytes) VALUES (?, ?, ?, ?, ?, ?, ?)`,
  );
  const remove = db.prepare('DELETE FROM "partition" WHERE last = ?');
  const setHour = db.prepare("INSERT OR REPLACE INTO hour(start, bytes) VALUES (?, ?)");
  // In the order of their last use.
  const opened = new Map<string, Partition | MinuteFile>();
  const found = new Map<string, readonly PageRows[]>();
  let foundRows = 0;
  let known = "";
  let infos: PartitionInfo[] = [];
  let hours: ReadonlyMap<number, number> = new Map();
  let sealed = 0;

  const paths = () =>
    new Set([
      ...infos.map((info) => partitionPath(path, info)),
      ...[...hours].flatMap(([start, bytes]) => (bytes > 0 ? [minutesPath(path, start)] : [])),
    ]);

  const refresh = () => {
    const now = String(version.get()?.value);
    if (now === known) return;
    known = now;
    sealed = Number(readMeta(db, "sealed"));
    const before = new Map(infos.map((info) => [info.last, info]));
    infos = lasts.all().map((raw) => before.get(Number(raw.last)) ?? infoOf(one.get(Number(raw.last)) ?? {}));
    hours = new Map(hourRows.all().map((raw) => [Number(raw.start), Number(raw.bytes)]));
    const named = paths();
    for (const [name, file] of opened) {
      if (named.has(name)) continue;
      opened.delete(name);
      file[Symbol.dispose]();
    }
  };

  const use = <File extends Partition | MinuteFile>(name: string, start: () => File): File => {
    // A name says which of the two it is.
    const file = (opened.get(name) as File | undefined) ?? start();
    opened.delete(name);
    opened.set(name, file);
    const [oldest] = opened;
    if (opened.size > mostOpen && oldest !== undefined) {
      opened.delete(oldest[0]);
      oldest[1][Symbol.dispose]();
    }
    return file;
  };
  const open = (info: PartitionInfo): Partition => {
    const name = partitionPath(path, info);
    return use(name, () => openPartition(name, info.first, sizeOf));
  };

  refresh();
  return {
    list: () => infos,
    sealed: () => sealed,
    hours: () => hours,
    refresh,
    open,
    rowsOf: (info, device) => {
      const key = `${info.last}/${device}`;
      const cached = found.get(key);
      if (cached !== undefined) return cached;
      const rows = open(info).of(device);
      foundRows += rows.reduce((sum, page) => sum + page.rows, 1);
      if (foundRows > mostFound) {
        found.clear();
        foundRows = 0;
      }
      found.set(key, rows);
      return rows;
    },
    minutes: (hour) => {
      const name = minutesPath(path, hour);
      return use(name, () => openMinutes(name, hour));
    },
    add: ({ first, last, minTs, maxTs, received, hours: own, bytes }) => {
      insert.run(last, first, minTs, maxTs, received, JSON.stringify([...own]), bytes);
      setSealed.run(String(last));
      bump.run();
    },
    remove: ({ last }) => {
      remove.run(last);
      bump.run();
    },
    setHour: (start, bytes) => {
      setHour.run(start, bytes);
      bump.run();
    },
    bytes: () => {
      const ofPartitions = infos.reduce((sum, { bytes }) => sum + bytes, 0);
      return [...hours.values()].reduce((sum, bytes) => sum + bytes, ofPartitions);
    },
    paths,
    [Symbol.dispose]: () => {
      for (const file of opened.values()) file[Symbol.dispose]();
      opened.clear();
    },
  };
};

const infoOf = (raw: Raw): PartitionInfo => ({
  first: Number(raw.first),
  last: Number(raw.last),
  minTs: Number(raw.min_ts),
  maxTs: Number(raw.max_ts),
  received: Number(raw.received),
  hours: new Map(JSON.parse(String(raw.hours)) as [number, number][]),
  bytes: Number(raw.bytes),
});

/** Unlinks every file beside the main one that is not to stay; what an open handle holds fast is left for later. */
export const sweep = (path: string, stay: ReadonlySet<string>): number => {
  const folder = partitionFolder(path);
  if (statSync(folder, { throwIfNoEntry: false }) === undefined) return 0;
  let swept = 0;
  for (const entry of readdirSync(folder)) {
    const name = join(folder, entry);
    if (stay.has(name.replace(/\.draft(-journal)?$/, ""))) continue;
    if (!/^(\d+|1m)-\d+\.db(\.draft(-journal)?)?$/.test(entry)) continue;
    try {
      rmSync(name);
      swept += 1;
    } catch (error) {
      // Windows unlinks nothing that is open; a full or failing disk is met again by whoever writes.
      if (!(error instanceof Error && "code" in error)) throw error;
    }
  }
  return swept;
};

/** Throws `StoreRefusedError` when a file is not what the catalogue says. */
export const checkFiles = (path: string, catalogue: Catalogue): void => {
  const check = (name: string, bytes: number) => {
    const size = statSync(name, { throwIfNoEntry: false })?.size;
    if (size === bytes) return;
    const what = size === undefined ? "is missing" : `has ${size} bytes instead of ${bytes}`;
    throw new StoreRefusedError(`${name} ${what}; put it back from a copy, or move the whole DATA_DIR away`, {
      code: "STORE_CORRUPT",
    });
  };
  for (const info of catalogue.list()) check(partitionPath(path, info), info.bytes);
  for (const [start, bytes] of catalogue.hours()) if (bytes > 0) check(minutesPath(path, start), bytes);
};
