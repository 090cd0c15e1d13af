import type { Samples } from "../rollup.ts";
import type { Log } from "./log.ts";
import { type Places, rowOf } from "./places.ts";
import type { Shapes } from "./row.ts";

/** The raw samples at some places of a device, by quantity; with `only`, that quantity alone. */
export const samplesAt = (log: Log, shapes: Shapes, places: Places, only?: string): ReadonlyMap<string, Samples> => {
  const found = new Map<string, { ts: number[]; value: number[] }>();
  for (const [index, time] of places.ts.entries()) {
    const place = rowOf(log, places, index);
    if (place === undefined) continue;
    const { columns, row } = place;
    const start = columns.start[row] ?? 0;
    for (const [at, name] of shapes.names(columns.shape[row] ?? 0).entries()) {
      if (only !== undefined && only !== name) continue;
      let samples = found.get(name);
      if (samples === undefined) {
        samples = { ts: [], value: [] };
        found.set(name, samples);
      }
      samples.ts.push(time);
      samples.value.push(columns.value[start + at] ?? Number.NaN);
    }
  }
  return found;
};
