import { expect, test } from "vitest";
import { breakGaps, extentOf, joinColumns, linePath, ratioOfSums, toCsv } from "./columns.ts";

test("a hole in time becomes an empty point", () => {
  expect(breakGaps({ ts: [0, 60, 240], values: [1, 2, 3] }, 60)).toEqual({
    ts: [0, 60, 120, 240],
    values: [1, 2, null, 3],
  });
});

test("windows side by side have no hole between them", () => {
  expect(breakGaps({ ts: [0, 60, 120], values: [1, null, 3] }, 60).ts).toEqual([0, 60, 120]);
});

test("columns on one axis keep their own times", () => {
  const joined = joinColumns([
    { ts: [1, 2], values: [10, 20] },
    { ts: [2, 3], values: [200, 300] },
  ]);
  expect(joined).toEqual({
    ts: [1, 2, 3],
    values: [
      [10, 20, null],
      [null, 200, 300],
    ],
  });
});

test("what is not known does not count in least, greatest and mean", () => {
  expect(extentOf([null, 2, 4, null])).toEqual({ min: 2, max: 4, mean: 3, last: 4, count: 2 });
  expect(extentOf([null])).toBeNull();
});

test("the pen is lifted over a gap", () => {
  const box = { from: 0, to: 2, low: 0, high: 10, width: 20, height: 10 };
  expect(linePath({ ts: [0, 1, 2], values: [0, null, 10] }, box)).toBe("M0.0,10.0M20.0,0.0");
});

test("a file has a byte-order mark, UTC times and empty cells for what is not known", () => {
  expect(toCsv(["time", 'a "b", c'], [0, 1000], [[1.5, null]])).toBe(
    '\uFEFFtime,"a ""b"", c"\r\n1970-01-01T00:00:00.000Z,1.5\r\n1970-01-01T00:00:01.000Z,\r\n',
  );
});

// TV-AGG-1
test("a ratio over two windows is 1.28, the quotient of sums, and not 1.6, the mean of ratios", () => {
  const trend = { value: [2, 1.2, null], numerator: [200, 1080, 5], denominator: [100, 900, 1] };
  expect(ratioOfSums(trend)).toBe(1.28);
  expect(ratioOfSums({ value: [null], numerator: [1], denominator: [1] })).toBeNull();
});
