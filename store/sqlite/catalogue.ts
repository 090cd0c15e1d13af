import { readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { StoreRefusedError } from "../errors.ts";
import type { PageRows } from "./page.ts";
import { openPartition, type Partition } from "./partition.ts";
import { readMeta } from "./readings-file.ts";

// readings.db           the newest rows, in commit order, and this catalogue
// readings/1-262144.db  a partition: older rows, by device
//
// A file gets its name before the catalogue knows it, and loses its place here before it is unlinked: whatever a crash
// leaves in between is a file that nobody needs, and is swept away when the store is opened.

/** What is known of a partition without opening it. */
export interface PartitionInfo {
  readonly first: number;
  readonly last: number;
  readonly minTs: number;
  readonly maxTs: number;
  readonly bytes: number;
}

export interface Catalogue extends Disposable {
  /** Partitions in commit order, as of the last `refresh`. */
  list(): readonly PartitionInfo[];
  /** Sequence up to which rows are in partitions, whether or not those were pruned since. */
  sealed(): number;
  /** Looks what other threads changed; at the start of every snapshot. Partitions that went are closed. */
  refresh(): void;
  open(info: PartitionInfo): Partition;
  /** The rows of a device in that partition, oldest first. */
  rowsOf(info: PartitionInfo, device: number): readonly PageRows[];
  add(info: PartitionInfo): void;
  remove(info: PartitionInfo): void;
}

// A day of 5,000 devices every 10 s is 165 partitions; an open one takes some 80 KB.
const mostOpen = 192;
// Late and repeated readings look up the same device again and again: these rows take some 4 MB.
const mostFound = 50_000;

export const partitionFolder = (path: string): string => path.replace(/\.db$/, "");

export const partitionPath = (path: string, { first, last }: Pick<PartitionInfo, "first" | "last">): string =>
  join(partitionFolder(path), `${first}-${last}.db`);

/** The partitions of the main file `db` at `path`. */
export const createCatalogue = (db: DatabaseSync, path: string, sizeOf: (shape: number) => number): Catalogue => {
  const select = db.prepare('SELECT first, last, min_ts, max_ts, bytes FROM "partition" ORDER BY last');
  const version = db.prepare("SELECT value FROM meta WHERE name = 'catalogue'");
  const bump = db.prepare("UPDATE meta SET value = CAST(value AS INTEGER) + 1 WHERE name = 'catalogue'");
  const setSealed = db.prepare("UPDATE meta SET value = ? WHERE name = 'sealed'");
  const insert = db.prepare('INSERT INTO "partition"(last, first, min_ts, max_ts, bytes) VALUES (?, ?, ?, ?, ?)');
  const remove = db.prepare('DELETE FROM "partition" WHERE last = ?');
  // In the order of their last use.
  const opened = new Map<string, Partition>();
  const found = new Map<string, readonly PageRows[]>();
  let foundRows = 0;
  let known = "";
  let infos: PartitionInfo[] = [];
  let sealed = 0;

  const refresh = () => {
    const now = String(version.get()?.value);
    if (now === known) return;
    known = now;
    sealed = Number(readMeta(db, "sealed"));
    infos = select.all().map((raw) => ({
      first: Number(raw.first),
      last: Number(raw.last),
      minTs: Number(raw.min_ts),
      maxTs: Number(raw.max_ts),
      bytes: Number(raw.bytes),
    }));
    const named = new Set(infos.map((info) => partitionPath(path, info)));
    for (const [name, partition] of opened) {
      if (named.has(name)) continue;
      opened.delete(name);
      partition[Symbol.dispose]();
    }
  };

  const open = (info: PartitionInfo): Partition => {
    const name = partitionPath(path, info);
    const partition = opened.get(name) ?? openPartition(name, info.first, sizeOf);
    opened.delete(name);
    opened.set(name, partition);
    const [oldest] = opened;
    if (opened.size > mostOpen && oldest !== undefined) {
      opened.delete(oldest[0]);
      oldest[1][Symbol.dispose]();
    }
    return partition;
  };

  refresh();
  return {
    list: () => infos,
    sealed: () => sealed,
    refresh,
    open,
    rowsOf: (info, device) => {
      const key = `${info.last}/${device}`;
      const known = found.get(key);
      if (known !== undefined) return known;
      const rows = open(info).of(device);
      foundRows += rows.reduce((sum, page) => sum + page.rows, 1);
      if (foundRows > mostFound) {
        found.clear();
        foundRows = 0;
      }
      found.set(key, rows);
      return rows;
    },
    add: ({ first, last, minTs, maxTs, bytes }) => {
      insert.run(last, first, minTs, maxTs, bytes);
      setSealed.run(String(last));
      bump.run();
    },
    remove: ({ last }) => {
      remove.run(last);
      bump.run();
    },
    [Symbol.dispose]: () => {
      for (const partition of opened.values()) partition[Symbol.dispose]();
      opened.clear();
    },
  };
};

/** Unlinks every file beside the main one that is not of `infos`; what an open handle holds fast stays for later. */
export const sweep = (path: string, infos: readonly Pick<PartitionInfo, "first" | "last">[]): number => {
  const named = new Set(infos.map((info) => partitionPath(path, info)));
  const folder = partitionFolder(path);
  if (statSync(folder, { throwIfNoEntry: false }) === undefined) return 0;
  let swept = 0;
  for (const entry of readdirSync(folder)) {
    const name = join(folder, entry);
    if (named.has(name.replace(/\.draft(-journal)?$/, "")) || !/^\d+-\d+\.db(\.draft(-journal)?)?$/.test(entry))
      continue;
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

/** Throws `StoreRefusedError` when a partition's file is not what the catalogue says. */
export const checkPartitions = (path: string, infos: readonly PartitionInfo[]): void => {
  for (const info of infos) {
    const name = partitionPath(path, info);
    const size = statSync(name, { throwIfNoEntry: false })?.size;
    if (size === info.bytes) continue;
    const what = size === undefined ? "is missing" : `has ${size} bytes instead of ${info.bytes}`;
    throw new StoreRefusedError(`${name} ${what}; put it back from a copy, or move the whole DATA_DIR away`, {
      code: "STORE_CORRUPT",
    });
  }
};
