import type { DatabaseSync } from "node:sqlite";
import { type Catalogue, type PartitionInfo, partitionPath, sweep } from "./catalogue.ts";
import { transact } from "./file.ts";
import type { Log } from "./log.ts";
import type { Sealer, Stretch } from "./sealer.ts";
import { stretchesOf } from "./sorter.ts";

// full tail ─▶ file written, durable, named ─▶ in the catalogue ─▶ its chunks go, some at a time
//                 (another thread)              (one commit)        (once followers had time)
//
// A crash after any arrow leaves every row in the log or in a named partition, and what is too much is swept at opening.

/** Moves rows out of the main file. */
export interface Mover {
  /** Writes the next partition, if there is one to write; whether it did. */
  seal(write: (stretch: Stretch) => PartitionInfo | Promise<PartitionInfo>): Promise<boolean>;
  /** Removes some chunks that are in partitions; whether there may be more. */
  trim(): boolean;
  /** Unlinks files that the catalogue does not name, but one in the making; how many. */
  sweep(making?: string | null): number;
}

export interface MoverParts {
  readonly path: string;
  readonly log: Log;
  readonly catalogue: Catalogue;
  readonly sealer: Sealer;
  /** Rows that stay in the log after they got a partition: followers find them in commit order. */
  readonly keepRows: number;
}

// Some 2 MB: a few milliseconds.
const trimChunks = 500;

export const createMover = (db: DatabaseSync, { path, log, catalogue, sealer, keepRows }: MoverParts): Mover => {
  let writing: Stretch | null = null;
  return {
    seal: async (write) => {
      const next = sealer.next();
      if (next === null || writing !== null) return false;
      writing = next;
      try {
        adopt(db, catalogue, await write(next));
      } finally {
        writing = null;
      }
      sealer.done(next.last);
      return true;
    },
    trim: () => {
      const end = catalogue.sealed() - keepRows;
      return end > 0 && transact(db, "IMMEDIATE", () => log.trim(end, trimChunks));
    },
    sweep: (making = null) => {
      const stay = new Set(catalogue.paths());
      if (writing !== null) stay.add(partitionPath(path, writing));
      if (making !== null) stay.add(making);
      return sweep(path, stay);
    },
  };
};

const adopt = (db: DatabaseSync, catalogue: Catalogue, info: PartitionInfo) => {
  transact(db, "IMMEDIATE", () => catalogue.add(info));
  catalogue.refresh();
};

/** Moves what a file of an earlier version holds beyond one run into partitions, before anybody reads or writes it. */
export const moveOld = (
  db: DatabaseSync,
  catalogue: Catalogue,
  rows: number,
  write: (stretch: Stretch) => PartitionInfo,
): void => {
  for (const stretch of stretchesOf(db, catalogue.sealed(), rows)) adopt(db, catalogue, write(stretch));
};
