import type { DatabaseSync } from "node:sqlite";
import { type PartitionInfo, partitionPath } from "./catalogue.ts";
import type { Log } from "./log.ts";
import { joinChunks, writePartition } from "./partition.ts";
import type { Shapes } from "./row.ts";
import type { Stretch } from "./sealer.ts";

/** What moves rows from commit order into the order of devices. */
export interface Sorter {
  /** Writes the partition of these rows, durable; the catalogue does not know it yet. */
  seal(stretch: Stretch): PartitionInfo;
}

export const createSorter = (
  path: string,
  { log, shapes }: { readonly log: Log; readonly shapes: Shapes },
): Sorter => ({
  seal: ({ first, last }) => {
    const chunks = [];
    for (const chunk of log.after(first - 1)) {
      if (chunk.first > last) break;
      chunks.push(chunk);
    }
    const rows = joinChunks(chunks, first, last);
    let [minTs, maxTs] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    for (const ts of rows.ts) {
      if (ts < minTs) minTs = ts;
      if (ts > maxTs) maxTs = ts;
    }
    const bytes = writePartition(partitionPath(path, { first, last }), rows, (shape) => shapes.names(shape).length);
    return { first, last, minTs, maxTs, bytes };
  },
});

/** Stretches of up to about `rows` rows after `sealed`, without a hole in between; all but the newest `rows`. */
export const stretchesOf = (db: DatabaseSync, sealed: number, rows: number): readonly Stretch[] => {
  const found: Stretch[] = [];
  let [begin, end] = [0, 0];
  for (const raw of db.prepare("SELECT last, rows FROM chunk WHERE last > ? ORDER BY last").iterate(sealed)) {
    const last = Number(raw.last);
    const first = Math.max(sealed, last - Number(raw.rows)) + 1;
    if (begin === 0) begin = first;
    else if (end + 1 < first || last - begin >= rows) {
      found.push({ first: begin, last: end });
      begin = first;
    }
    end = last;
  }
  return found;
};
