import type { Samples } from "../rollup.ts";
import type { Log } from "./log.ts";
import type { Places } from "./places.ts";
import type { Shapes } from "./row.ts";

/** The raw samples at some places of a device, by quantity; with `only`, that quantity alone. */
export const samplesAt = (
  log: Log,
  shapes: Shapes,
  { ts, seq }: Places,
  only?: string,
): ReadonlyMap<string, Samples> => {
  const found = new Map<string, { ts: number[]; value: number[] }>();
  for (const [index, number] of seq.entries()) {
    const chunk = log.at(number);
    if (chunk === undefined) continue;
    const row = number - chunk.first;
    const start = chunk.start[row] ?? 0;
    for (const [at, name] of shapes.names(chunk.shape[row] ?? 0).entries()) {
      if (only !== undefined && only !== name) continue;
      let samples = found.get(name);
      if (samples === undefined) {
        samples = { ts: [], value: [] };
        found.set(name, samples);
      }
      samples.ts.push(ts[index] ?? 0);
      samples.value.push(chunk.value[start + at] ?? Number.NaN);
    }
  }
  return found;
};
