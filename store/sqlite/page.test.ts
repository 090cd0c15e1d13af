import fc from "fast-check";
import { expect, test } from "vitest";
import type { Chunk } from "./chunk.ts";
import { decodePage, encodePage, type RowColumns } from "./page.ts";
import { sortRows } from "./partition.ts";

const sizes = [1, 2, 6];
const sizeOf = (shape: number) => sizes[shape] ?? 0;

const chunkOf = (first: number, rows: readonly Row[]): Chunk => {
  const starts: number[] = [];
  const values: number[] = [];
  for (const { shape, seed } of rows) {
    starts.push(values.length);
    for (let index = 0; index < sizeOf(shape); index += 1) values.push(seed * (index + 1));
  }
  const column = (read: (row: Row) => number) => rows.map(read);
  return {
    first,
    rows: rows.length,
    device: Int32Array.from(column(({ device }) => device)),
    shape: Int32Array.from(column(({ shape }) => shape)),
    ts: Float64Array.from(column(({ ts }) => ts)),
    flags: Uint8Array.from(column(({ flags }) => flags)),
    value: Float64Array.from(values),
    start: Uint32Array.from(starts),
    received: (row) => rows[row]?.received ?? 0,
  };
};

const row = fc.record({
  device: fc.constantFrom(1, 2, 7, 345_400),
  shape: fc.nat({ max: 2 }),
  ts: fc.oneof(
    fc.nat({ max: 9 }),
    fc.maxSafeNat().map((ms) => ms % 9_223_372_036_854),
  ),
  received: fc.maxSafeNat().map((ms) => ms % 9_223_372_036_854),
  flags: fc.nat({ max: 255 }),
  seed: fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e12, max: 1e12 }),
});
type Row = ReturnType<typeof row.generate>["value"] extends infer Value ? Value : never;

const rowsIn = (columns: RowColumns, seq: (row: number) => number) =>
  Array.from({ length: columns.rows }, (_, at) => ({
    seq: seq(at),
    device: columns.device[at],
    shape: columns.shape[at],
    ts: columns.ts[at],
    received: columns.received(at),
    flags: columns.flags[at],
    values: [...columns.value.subarray(columns.start[at], (columns.start[at] ?? 0) + sizeOf(columns.shape[at] ?? 0))],
  }));

test("a page gives back its rows, by device, time and commit", () => {
  fc.assert(
    fc.property(fc.array(row, { minLength: 1, maxLength: 60 }), fc.nat(), (rows, first) => {
      const chunk = chunkOf(first, rows);
      const expected = rowsIn(chunk, (at) => first + at).sort(
        (a, b) => (a.device ?? 0) - (b.device ?? 0) || (a.ts ?? 0) - (b.ts ?? 0) || a.seq - b.seq,
      );
      const bytes = encodePage(chunk, sortRows(chunk), 0, rows.length, sizeOf);
      const page = decodePage(bytes, first, sizeOf);
      expect(rowsIn(page, (at) => page.seq[at] ?? 0)).toEqual(expected);
      for (const device of [1, 3, 7, 345_400]) {
        const own = decodePage(bytes, first, sizeOf, device);
        expect(rowsIn(own, (at) => own.seq[at] ?? 0)).toEqual(expected.filter((one) => one.device === device));
      }
    }),
  );
});
