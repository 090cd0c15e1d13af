import fc from "fast-check";
import { expect, test } from "vitest";
import type { RollupRow } from "../rollup.ts";
import { decodeBundle, encodeBundle } from "./bundle.ts";

const start = 1_795_219_200_000;
const value = fc.double({ noNaN: true, noDefaultInfinity: true });
const offset = fc.integer({ min: 0, max: 3_600_000 });
const full: fc.Arbitrary<RollupRow> = fc
  .record({ count: fc.nat(100_000), sum: value, min: value, max: value, first: value, last: value, integral: value })
  .chain((row) =>
    fc.record({ firstTs: offset, lastTs: offset, goodMs: offset }).map((times) => ({
      start,
      ...row,
      firstTs: start + times.firstTs,
      lastTs: start + times.lastTs,
      goodMs: times.goodMs,
    })),
  );
const single: fc.Arbitrary<RollupRow> = fc.tuple(value, value, offset, offset).map(([sum, integral, goodMs, at]) => ({
  ...{ start, count: 1, sum, min: sum, max: sum, first: sum, last: sum, integral, goodMs },
  ...{ firstTs: start + at, lastTs: start + at },
}));

test("a bundle gives back the windows it was made of", () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(full, single), { maxLength: 8 }), (rows) => {
      const bundle = new Map(rows.map((row, index) => [`q_${index}`, row]));
      const bytes = encodeBundle(bundle);
      expect(decodeBundle(bytes, [...bundle.keys()], start)).toEqual(bundle);
      if (rows.length > 2)
        expect(decodeBundle(bytes, [...bundle.keys()], start, "q_2")).toEqual(new Map([["q_2", rows[2]]]));
    }),
  );
});

test("windows of one sample are small", () => {
  const [row] = fc.sample(single, 1);
  if (row === undefined) throw new Error("BUG: no sample");
  expect(encodeBundle(new Map([["power_w", row]]))).toHaveLength(25);
});
