import type { DatabaseSync } from "node:sqlite";
import type { Chunk } from "./chunk.ts";
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
    newest: new Map(Object.entries(newest).map(([name, [value, ts]]) => [name, { value, ts }])),
  };
};

/** Adds one row of the tail; rows must come in the order of their sequence. */
export const addRow = (summary: Summary, chunk: Chunk, row: number, shapes: Shapes): void => {
  const ts = chunk.ts[row] ?? 0;
  let at = chunk.start[row] ?? 0;
  for (const name of shapes.names(chunk.shape[row] ?? 0)) {
    const value = chunk.value[at++] ?? Number.NaN;
    const known = summary.newest.get(name);
    if (known === undefined) summary.newest.set(name, { value, ts });
    else if (known.ts <= ts) {
      known.value = value;
      known.ts = ts;
    }
  }
  if (((chunk.flags[row] ?? 0) & countedFlag) === 0) summary.readings++;
  if (ts < summary.firstTs) summary.firstTs = ts;
  if (ts >= summary.lastTs) {
    summary.lastTs = ts;
    summary.received = chunk.received(row);
  }
};

export const saveSummary = (db: DatabaseSync): ((summary: Summary) => void) => {
  const update = db.prepare(
    "UPDATE device SET first_ts = ?, last_ts = ?, received = ?, readings = ?, newest = ? WHERE id = ?",
  );
  return ({ id, firstTs, lastTs, received, readings, newest }) => {
    const text = JSON.stringify(Object.fromEntries([...newest].map(([name, { value, ts }]) => [name, [value, ts]])));
    update.run(firstTs, lastTs, received, readings, text, id);
  };
};
