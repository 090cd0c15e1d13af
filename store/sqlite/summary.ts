import type { DatabaseSync } from "node:sqlite";
import type { RowColumns } from "./page.ts";
import type { Raw } from "./readings-file.ts";
import { countedFlag, type Shapes } from "./row.ts";

/** What is known of a device without looking at its readings. */
export interface Summary {
  readonly id: number;
  readonly site: string;
  readonly device: string;
  firstTs: number;
  lastTs: number;
  received: number;
  readings: number;
  /** Sequence of the newest row that is in here. */
  seq: number;
  readonly newest: Map<string, { value: number; ts: number }>;
}

export const summaryOf = (raw: Raw): Summary => {
  const newest = JSON.parse(String(raw.newest)) as Record<string, [value: number, ts: number]>;
  return {
    id: Number(raw.id),
    site: String(raw.site),
    device: String(raw.device),
    firstTs: Number(raw.first_ts ?? Number.MAX_SAFE_INTEGER),
    lastTs: Number(raw.last_ts ?? -1),
    received: Number(raw.received ?? 0),
    readings: Number(raw.readings),
    seq: Number(raw.seq),
    newest: new Map(Object.entries(newest).map(([name, [value, ts]]) => [name, { value, ts }])),
  };
};

/** Adds the row of that sequence, unless it is in already; rows must come in the order of their sequence. */
export const addRow = (summary: Summary, columns: RowColumns, row: number, seq: number, shapes: Shapes): void => {
  if (seq <= summary.seq) return;
  countRow(summary, columns, row, seq);
  const ts = columns.ts[row] ?? 0;
  let at = columns.start[row] ?? 0;
  for (const name of shapes.names(columns.shape[row] ?? 0)) {
    const value = columns.value[at++] ?? Number.NaN;
    const known = summary.newest.get(name);
    if (known === undefined) summary.newest.set(name, { value, ts });
    else if (known.ts <= ts) {
      known.value = value;
      known.ts = ts;
    }
  }
  if (ts >= summary.lastTs) {
    summary.lastTs = ts;
    summary.received = columns.received(row);
  }
};

/** Adds that there was a row. */
export const countRow = (summary: Summary, columns: RowColumns, row: number, seq: number): void => {
  if (seq <= summary.seq) return;
  summary.seq = seq;
  const ts = columns.ts[row] ?? 0;
  if (((columns.flags[row] ?? 0) & countedFlag) === 0) summary.readings++;
  if (ts < summary.firstTs) summary.firstTs = ts;
};

/** A summary on its way into the file. */
export interface SavedSummary {
  readonly id: number;
  readonly firstTs: number;
  readonly lastTs: number;
  readonly received: number;
  readonly readings: number;
  readonly seq: number;
  readonly newest: string;
}

export const savedOf = ({ id, firstTs, lastTs, received, readings, seq, newest }: Summary): SavedSummary => ({
  ...{ id, firstTs, lastTs, received, readings, seq },
  newest: JSON.stringify(Object.fromEntries([...newest].map(([name, { value, ts }]) => [name, [value, ts]]))),
});

export const saveSummary = (db: DatabaseSync): ((summary: SavedSummary) => void) => {
  const update = db.prepare(
    "UPDATE device SET first_ts = ?, last_ts = ?, received = ?, readings = ?, newest = ?, seq = ? WHERE id = ?",
  );
  return ({ id, firstTs, lastTs, received, readings, newest, seq }) => {
    update.run(firstTs, lastTs, received, readings, newest, seq, id);
  };
};
