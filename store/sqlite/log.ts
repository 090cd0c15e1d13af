import type { DatabaseSync } from "node:sqlite";
import { flagsOf } from "../columns.ts";
import type { Reading } from "../reading.ts";
import { timestamp } from "../unit.ts";
import { type Chunk, decodeChunk } from "./chunk.ts";
import type { RowColumns } from "./page.ts";
import type { Raw } from "./readings-file.ts";
import type { Shapes } from "./row.ts";

/** The chunks of a file. */
export interface Log {
  /** Chunks with rows after `seq`, in commit order; each is good until the next is asked for. */
  after(seq: number): Iterable<Chunk>;
  /** The chunk that holds the row, or undefined when it was pruned. */
  at(seq: number): Chunk | undefined;
  /** The row as a reading. */
  reading(columns: RowColumns, row: number, site: string, device: string): Reading;
  /** Sequence of the newest row; 0 when there is none. */
  last(): number;
  /** Sequence of the oldest row that is still here; undefined when there is none. */
  first(): number | undefined;
  /** Removes some chunks with no row behind `seq`, oldest first; whether there are more. */
  trim(seq: number, limit: number): boolean;
  /** Forgets what was read of a transaction that failed. */
  forget(): void;
}

// Neighbouring sequences lie in the same chunks: blocks of 64 find them without asking SQLite.
const blockRows = 64;

/** `cached` chunks of about 5 KB stay decoded. */
export const createLog = (db: DatabaseSync, shapes: Shapes, cached: number): Log => {
  const after = db.prepare("SELECT last, rows, received, bytes FROM chunk WHERE last > ? ORDER BY last");
  const holding = db.prepare("SELECT last, rows, received, bytes FROM chunk WHERE last >= ? ORDER BY last LIMIT 1");
  const newest = db.prepare("SELECT max(last) AS last FROM chunk");
  const head = db.prepare("SELECT last, rows FROM chunk ORDER BY last LIMIT 1");
  const oldest = db.prepare("SELECT last FROM chunk WHERE last <= ? ORDER BY last LIMIT ?");
  const remove = db.prepare("DELETE FROM chunk WHERE last <= ?");
  const blocks = new Map<number, Chunk[]>();
  let kept = 0;

  const forget = () => {
    blocks.clear();
    kept = 0;
  };
  const decode = ({ last, rows, received, bytes }: Raw): Chunk => {
    if (!(bytes instanceof Uint8Array)) throw new Error("BUG: a chunk is not a blob");
    return decodeChunk(
      Number(last),
      { rows: Number(rows), received: Number(received), bytes },
      (shape) => shapes.names(shape).length,
    );
  };
  const keep = (chunk: Chunk) => {
    if (kept >= cached) forget();
    kept += 1;
    const lastBlock = Math.floor((chunk.first + chunk.rows - 1) / blockRows);
    for (let block = Math.floor(chunk.first / blockRows); block <= lastBlock; block += 1) {
      const chunks = blocks.get(block);
      if (chunks === undefined) blocks.set(block, [chunk]);
      else chunks.push(chunk);
    }
  };

  return {
    *after(seq) {
      for (const raw of after.iterate(seq)) {
        const chunk = decode(raw);
        try {
          yield chunk;
        } finally {
          // Thousands a minute in a thread with little other garbage: each would lie about for long.
          const { buffer } = chunk.value;
          if (buffer instanceof ArrayBuffer) buffer.transfer(0);
        }
      }
    },
    at: (seq) => {
      const holds = (chunk: Chunk) => seq >= chunk.first && seq < chunk.first + chunk.rows;
      const known = blocks.get(Math.floor(seq / blockRows))?.find(holds);
      if (known !== undefined) return known;
      const raw = holding.get(seq);
      if (raw === undefined) return undefined;
      const chunk = decode(raw);
      if (!holds(chunk)) return undefined;
      keep(chunk);
      return chunk;
    },
    reading: (columns, row, site, device) => {
      const flags = columns.flags[row] ?? 0;
      const start = columns.start[row] ?? 0;
      const quantities: Record<string, number> = {};
      for (const [index, name] of shapes.names(columns.shape[row] ?? 0).entries())
        quantities[name] = columns.value[start + index] ?? Number.NaN;
      return {
        site,
        device,
        ts: timestamp(columns.ts[row] ?? Number.NaN),
        received: timestamp(columns.received(row)),
        quantities,
        flags: flagsOf(flags),
      };
    },
    last: () => Number(newest.get()?.last ?? 0),
    first: () => {
      const raw = head.get();
      return raw === undefined ? undefined : Number(raw.last) - Number(raw.rows) + 1;
    },
    trim: (seq, limit) => {
      const found = oldest.all(seq, limit);
      const end = found.at(-1);
      if (end !== undefined) remove.run(Number(end.last));
      return found.length === limit;
    },
    forget,
  };
};
