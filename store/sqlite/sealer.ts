import type { DatabaseSync } from "node:sqlite";
import { transact } from "./file.ts";
import { encodePlaces } from "./places.ts";
import { createTail, type Tail } from "./tail.ts";

// rows ─▶ open tail ─(full)─▶ tail being sealed ─▶ places of each device in a run     (a part of the devices at a time)
// A crash in between loses nothing: the tail is read again from the chunks that no run covers.

/** The rows that no run covers, and their way into runs. */
export interface Sealer {
  tails(): readonly Tail[];
  add(device: number, ts: number, seq: number): void;
  /** Begins anew with the rows after `first - 1`. */
  reset(first: number): void;
  /** Works for about `partMs`; whether there is more to do. */
  seal(partMs: number): boolean;
}

// A tail of this many rows takes some 6 MB and is sealed in a second or less.
const runRows = 1 << 18;

export const createSealer = (db: DatabaseSync, rows: number = runRows): Sealer => {
  const insertPlace = db.prepare("INSERT OR REPLACE INTO place(run, device, at) VALUES (?, ?, ?)");
  const insertRun = db.prepare("INSERT INTO run(last, first, min_ts, max_ts) VALUES (?, ?, ?, ?)");
  let full: { readonly tail: Tail; readonly first: number; devices: number[] | null }[] = [];
  let first = 1;
  let open = createTail(first);

  const place = (tail: Tail, from: number, device: number) => {
    const ts: number[] = [];
    const seq: number[] = [];
    tail.each(device, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY, (at, number) => {
      // of equal times the newest row comes first: the others are history
      if (at === ts.at(-1)) return;
      ts.push(at);
      seq.push(number);
    });
    insertPlace.run(tail.last(), device, encodePlaces(ts.reverse(), seq.reverse(), from));
  };

  return {
    tails: () => [...full.map(({ tail }) => tail), open],
    add: (device, ts, seq) => {
      if (open.rows() >= rows) {
        full.push({ tail: open, first, devices: null });
        first = seq;
        open = createTail(first);
      }
      open.add(device, ts, seq);
    },
    reset: (from) => {
      full = [];
      first = from;
      open = createTail(first);
    },
    seal: (partMs) => {
      const [job] = full;
      if (job === undefined) return false;
      const waiting = job.devices ?? [...job.tail.devices()];
      // what this part takes is put back when its transaction fails
      const taken = waiting.length;
      const end = performance.now() + partMs;
      let left = taken;
      transact(db, "IMMEDIATE", () => {
        while (left > 0 && performance.now() < end) {
          left -= 1;
          place(job.tail, job.first, waiting[left] ?? 0);
        }
        if (left > 0) return;
        const { from, to } = job.tail.bounds();
        insertRun.run(job.tail.last(), job.first, from, to);
      });
      waiting.length = left;
      job.devices = waiting;
      if (left === 0) full = full.filter((one) => one !== job);
      return full.length > 0;
    },
  };
};
