import fc from "fast-check";
import { expect, test } from "vitest";
import { openColumns, packColumns } from "./number-columns.ts";

const number = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0),
  fc.constantFrom(0, 1e-7, 5e-324, 1e300, 2 ** 52, 2 ** 53 - 1, -(2 ** 52), Number.NaN),
  fc.integer({ min: -99, max: 99 }),
  fc.integer({ min: -40_000, max: 40_000 }).map((value) => value / 10),
  fc.integer().map((value) => value / 1000),
);
const column = fc.oneof(
  fc.array(number, { maxLength: 40 }),
  fc.tuple(number, fc.nat(300)).map(([value, length]) => new Array<number>(length).fill(value)),
  fc.array(fc.option(fc.integer({ min: 0, max: 70_000 }), { nil: Number.NaN, freq: 9 }), { maxLength: 400 }),
  fc.array(fc.integer({ min: -(2 ** 31), max: 2 ** 31 }), { maxLength: 20 }),
);

test("columns come back bit for bit, whichever is read first", () =>
  fc.assert(
    fc.property(fc.array(column, { maxLength: 6 }), fc.boolean(), (drawn, isTwice) => {
      const columns = [...drawn, ...(isTwice ? drawn : [])].map((one) => Float64Array.from(one));
      const packed = openColumns(
        packColumns(columns),
        columns.map(({ length }) => length),
      );
      for (const [place, values] of [...columns.entries()].toReversed()) {
        const into = new Float64Array(values.length + 1).fill(77);
        packed.read(place, into);
        expect([...into]).toEqual([...values, 77]);
      }
    }),
    { numRuns: 500 },
  ));

test("whole numbers, tenths, gaps and what repeats take few bytes", () => {
  const sizeOf = (...columns: number[][]) => packColumns(columns.map((one) => Float64Array.from(one))).length;
  const many = Array.from({ length: 500 }, (_, index) => index);
  expect(sizeOf(many.map(() => 1))).toBe(9);
  expect(sizeOf(many.map((index) => 60 + (index % 9)))).toBe(511);
  expect(sizeOf(many.map((index) => (index === 3 ? Number.NaN : 400 + index / 10)))).toBe(1011);
  expect(sizeOf(many.map(Math.sqrt))).toBe(4001);
  expect(sizeOf(many, many)).toBe(1013);
});

test("bytes of other columns are refused", () => {
  const bytes = packColumns([Float64Array.of(1, 2), Float64Array.of(0.1, Math.PI)]);
  expect(() => openColumns(bytes, [2])).toThrow(SyntaxError);
  expect(() => openColumns(bytes, [2, 3])).toThrow(SyntaxError);
  expect(() => openColumns(Uint8Array.of(9), [1])).toThrow(SyntaxError);
  expect(() => openColumns(Uint8Array.of(3, 0), [1]).read(0, new Float64Array(1))).toThrow(SyntaxError);
});
