import type { DatabaseSync } from "node:sqlite";
import type { Tail } from "./tail.ts";

// device, from, to ─▶ runs that reach into the range (one look-up each) ─┐
//                  └▶ tail in memory ─────────────────────────────────────┴▶ times and sequences, oldest first

/** Where a device's readings are: equal lengths, oldest first, of each time the row that holds its newest state. */
export interface Places {
  readonly ts: readonly number[];
  readonly seq: readonly number[];
}

/** Rows up to `seq` with a time before `ts` are pruned, though their chunks may still hold younger ones. */
export interface Horizon {
  readonly ts: number;
  readonly seq: number;
}

export const createHorizonReader = (db: DatabaseSync): (() => Horizon) => {
  const select = db.prepare("SELECT value FROM meta WHERE name = 'horizon'");
  return () => {
    const [ts = 0, seq = 0] = String(select.get()?.value).split(" ").map(Number);
    return { ts, seq };
  };
};

/** A run's part of one device: times as f64, then each row's distance from the run's first as u32. */
export const encodePlaces = (ts: readonly number[], seq: readonly number[], first: number): Uint8Array => {
  const bytes = new Uint8Array(ts.length * 12);
  new Float64Array(bytes.buffer, 0, ts.length).set(ts);
  const rows = new Uint32Array(bytes.buffer, ts.length * 8, ts.length);
  for (const [index, at] of seq.entries()) rows[index] = at - first;
  return bytes;
};

export interface PlaceFinder {
  /** Places in `[from, to)`; with `after`, only rows behind that sequence. */
  find(tails: readonly Tail[], device: number, from: number, to: number, after?: number): Places;
  /** The newest row of exactly that time; undefined when there is none. */
  one(tails: readonly Tail[], device: number, ts: number): number | undefined;
}

export const createPlaceFinder = (db: DatabaseSync): PlaceFinder => {
  const readHorizon = createHorizonReader(db);
  const runs = db.prepare(
    `SELECT run.first, place.at FROM run CROSS JOIN place ON place.run = run.last AND place.device = ?1
     WHERE run.max_ts >= ?2 AND run.min_ts < ?3 AND run.last > ?4 ORDER BY run.last`,
  );
  const find: PlaceFinder["find"] = (tails, device, from, to, after = 0) => {
    const horizon = readHorizon();
    let ts: number[] = [];
    let seq: number[] = [];
    let sorted = true;
    const add = (at: number, number: number) => {
      if (number <= after || (at < horizon.ts && number <= horizon.seq)) return;
      if (sorted && at <= (ts.at(-1) ?? Number.NEGATIVE_INFINITY)) sorted = false;
      ts.push(at);
      seq.push(number);
    };
    for (const raw of runs.iterate(device, from, to, after)) {
      if (!(raw.at instanceof Uint8Array)) throw new Error("BUG: places are not a blob");
      const bytes = raw.at.byteOffset % 8 === 0 ? raw.at : raw.at.slice();
      const count = bytes.length / 12;
      const times = new Float64Array(bytes.buffer, bytes.byteOffset, count);
      const rows = new Uint32Array(bytes.buffer, bytes.byteOffset + count * 8, count);
      const first = Number(raw.first);
      for (let index = 0; index < count; index += 1) {
        const at = times[index] ?? 0;
        if (at >= to) break;
        if (at >= from) add(at, first + (rows[index] ?? 0));
      }
    }
    for (const tail of tails) {
      const found: number[] = [];
      tail.each(device, from, to, (at, number) => found.push(number, at));
      for (let index = found.length - 1; index > 0; index -= 2) add(found[index] ?? 0, found[index - 1] ?? 0);
    }
    if (!sorted) {
      // Late rows lie in later runs; of equal times the newest row wins.
      const order = ts.map((_, index) => index);
      order.sort((a, b) => (ts[a] ?? 0) - (ts[b] ?? 0) || (seq[a] ?? 0) - (seq[b] ?? 0));
      const kept = order.filter((place, index) => {
        const next = order[index + 1];
        return next === undefined || ts[next] !== ts[place];
      });
      [ts, seq] = [kept.map((place) => ts[place] ?? 0), kept.map((place) => seq[place] ?? 0)];
    }
    return { ts, seq };
  };
  return { find, one: (tails, device, ts) => find(tails, device, ts, ts + 1).seq.at(-1) };
};
