import type { DatabaseSync } from "node:sqlite";
import type { Raw } from "./readings-file.ts";
import { countedFlag, decodeValues, type Shapes } from "./row.ts";

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
export const addRow = (summary: Summary, raw: Raw, shapes: Shapes): void => {
  const ts = Number(raw.ts);
  const values = decodeValues(raw.value);
  for (const [index, name] of shapes.names(Number(raw.shape)).entries()) {
    const known = summary.newest.get(name);
    if (known === undefined || known.ts <= ts) summary.newest.set(name, { value: values[index] ?? Number.NaN, ts });
  }
  if ((Number(raw.flags) & countedFlag) === 0) summary.readings++;
  if (ts < summary.firstTs) summary.firstTs = ts;
  if (ts >= summary.lastTs) {
    summary.lastTs = ts;
    summary.received = ts + Number(raw.delay);
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
