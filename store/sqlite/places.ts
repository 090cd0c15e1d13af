import type { DatabaseSync } from "node:sqlite";
import type { Catalogue } from "./catalogue.ts";
import type { Log } from "./log.ts";
import type { RowColumns } from "./page.ts";
import type { Tail } from "./tail.ts";

// device, from, to ─▶ partitions that reach into the range ─┐
//                  └▶ tail in memory ────────────────────────┴▶ times and rows, oldest first

/** Where a device's readings are: equal lengths, oldest first, of each time the row that holds its newest state. */
export interface Places {
  readonly ts: readonly number[];
  readonly seq: readonly number[];
  /** Null for a row of the log. */
  readonly columns: readonly (RowColumns | null)[];
  readonly row: readonly number[];
}

export interface Place {
  readonly columns: RowColumns;
  readonly row: number;
}

/** Rows up to `seq` with a time before `ts` are pruned, though their partition may still hold younger ones. */
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

/** The row at that place; undefined when it was pruned. */
export const rowOf = (log: Log, { seq, columns, row }: Places, index: number): Place | undefined => {
  const own = columns[index] ?? null;
  if (own !== null) return { columns: own, row: row[index] ?? 0 };
  const number = seq[index] ?? 0;
  const chunk = log.at(number);
  return chunk === undefined ? undefined : { columns: chunk, row: number - chunk.first };
};

export interface FindMore {
  /** Only rows behind that sequence. */
  readonly after?: number;
  /** Pruned rows as well, while they are there. */
  readonly pruned?: boolean;
}

export interface PlaceFinder {
  /** Places in `[from, to)`. */
  find(tails: readonly Tail[], device: number, from: number, to: number, more?: FindMore): Places;
  /** The newest row of exactly that time; undefined when there is none. `flush` makes sure that the log has it. */
  one(tails: readonly Tail[], device: number, ts: number, flush: () => void): Place | undefined;
}

export const createPlaceFinder = (db: DatabaseSync, catalogue: Catalogue, log: Log): PlaceFinder => {
  const readHorizon = createHorizonReader(db);
  const find: PlaceFinder["find"] = (tails, device, from, to, { after = 0, pruned = false } = {}) => {
    const horizon = pruned ? { ts: 0, seq: 0 } : readHorizon();
    const found = {
      ts: [] as number[],
      seq: [] as number[],
      columns: [] as (RowColumns | null)[],
      row: [] as number[],
    };
    let sorted = true;
    const add = (at: number, number: number, columns: RowColumns | null, row: number) => {
      if (number <= after || (at < horizon.ts && number <= horizon.seq)) return;
      if (sorted && at <= (found.ts.at(-1) ?? Number.NEGATIVE_INFINITY)) sorted = false;
      found.ts.push(at);
      found.seq.push(number);
      found.columns.push(columns);
      found.row.push(row);
    };
    for (const info of catalogue.list()) {
      if (info.maxTs < from || info.minTs >= to || info.last <= after) continue;
      for (const rows of catalogue.rowsOf(info, device)) {
        for (let row = 0; row < rows.rows; row += 1) {
          const at = rows.ts[row] ?? 0;
          if (at >= to) break;
          if (at >= from) add(at, rows.seq[row] ?? 0, rows, row);
        }
      }
    }
    for (const tail of tails) {
      const newest: number[] = [];
      tail.each(device, from, to, (at, number) => newest.push(number, at));
      for (let index = newest.length - 1; index > 0; index -= 2)
        add(newest[index] ?? 0, newest[index - 1] ?? 0, null, 0);
    }
    return sorted ? found : newestOfEach(found);
  };
  return {
    find,
    one: (tails, device, ts, flush) => {
      const places = find(tails, device, ts, ts + 1);
      const last = places.ts.length - 1;
      if (last < 0) return undefined;
      if (places.columns[last] === null) flush();
      const place = rowOf(log, places, last);
      if (place === undefined) throw new Error(`BUG: no chunk holds row ${places.seq[last]}`);
      return place;
    },
  };
};

// Late rows lie in later partitions; of equal times the newest row wins.
const newestOfEach = ({ ts, seq, columns, row }: Places): Places => {
  const order = ts.map((_, index) => index);
  order.sort((a, b) => (ts[a] ?? 0) - (ts[b] ?? 0) || (seq[a] ?? 0) - (seq[b] ?? 0));
  const kept = order.filter((place, index) => {
    const next = order[index + 1];
    return next === undefined || ts[next] !== ts[place];
  });
  return {
    ts: kept.map((place) => ts[place] ?? 0),
    seq: kept.map((place) => seq[place] ?? 0),
    columns: kept.map((place) => columns[place] ?? null),
    row: kept.map((place) => row[place] ?? 0),
  };
};
