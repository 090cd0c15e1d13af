import type { DatabaseSync } from "node:sqlite";
import type { Samples } from "../rollup.ts";
import { decodeValues, type Shapes } from "./row.ts";

/** Reads the raw samples of a device in `[from, to)`, by quantity. */
export const createSampleReader = (db: DatabaseSync, shapes: Shapes) => {
  const select = db.prepare("SELECT ts, shape, value FROM reading WHERE device = ? AND ts >= ? AND ts < ? ORDER BY ts");
  return (device: number, from: number, to: number, only?: string): ReadonlyMap<string, Samples> => {
    const found = new Map<string, { ts: number[]; value: number[] }>();
    for (const raw of select.iterate(device, from, to)) {
      const ts = Number(raw.ts);
      const names = shapes.names(Number(raw.shape));
      const values = decodeValues(raw.value);
      for (const [index, name] of names.entries()) {
        if (only !== undefined && only !== name) continue;
        const samples = found.get(name) ?? { ts: [], value: [] };
        if (samples.ts.length === 0) found.set(name, samples);
        samples.ts.push(ts);
        samples.value.push(values[index] ?? Number.NaN);
      }
    }
    return found;
  };
};
