import type { RowColumns } from "./follow-columns.ts";
import type { Log } from "./log.ts";
import { type Places, rowOf } from "./places.ts";
import { readingBits, type Shapes } from "./row.ts";

// devices, one after the other ─▶ their places in the range ─▶ columns

/** For the thread that asked: numbers are places in the lists of names beside them. */
export interface ReadRows extends RowColumns {
  readonly devices: readonly string[];
  readonly shapes: readonly (readonly string[])[];
}

export interface ColumnReadDeps {
  readonly log: Log;
  readonly shapes: Shapes;
  /** Where the readings of a device are, oldest first. */
  readonly find: (device: number) => Places;
}

export const readRows = (
  devices: readonly { readonly id: number; readonly name: string }[],
  { log, shapes, find }: ColumnReadDeps,
): ReadRows => {
  const found = devices.map(({ id }) => find(id));
  const rows = found.reduce((sum, { ts }) => sum + ts.length, 0);
  const device = new Int32Array(rows);
  const shape = new Int32Array(rows);
  const ts = new Float64Array(rows);
  const received = new Float64Array(rows);
  const flags = new Uint8Array(rows);
  let value = new Float64Array(rows * 8);
  let [count, values] = [0, 0];
  const names: (readonly string[])[] = [];
  const numbers = new Map<number, number>();
  const numberOf = (id: number): number => {
    const known = numbers.get(id);
    if (known !== undefined) return known;
    numbers.set(id, names.length);
    return names.push(shapes.names(id)) - 1;
  };
  for (const [number, places] of found.entries())
    for (let index = 0; index < places.ts.length; index += 1) {
      const place = rowOf(log, places, index);
      if (place === undefined) throw new Error(`BUG: no chunk holds row ${places.seq[index]}`);
      const { columns, row } = place;
      const form = numberOf(columns.shape[row] ?? 0);
      const size = names[form]?.length ?? 0;
      if (values + size > value.length) {
        const larger = new Float64Array(2 * value.length + size);
        larger.set(value);
        value = larger;
      }
      device[count] = number;
      shape[count] = form;
      ts[count] = columns.ts[row] ?? Number.NaN;
      received[count] = columns.received(row);
      flags[count] = (columns.flags[row] ?? 0) & readingBits;
      const start = columns.start[row] ?? 0;
      for (let at = start; at < start + size; at += 1) value[values++] = columns.value[at] ?? Number.NaN;
      count += 1;
    }
  return {
    ...{ devices: devices.map(({ name }) => name), shapes: names, device, shape, ts, received, flags },
    value: value.slice(0, values),
  };
};
