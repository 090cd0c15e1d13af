import fc from "fast-check";
import { expect, test } from "vitest";
import { parseSeries } from "./series.ts";

const samples = (text: string) => {
  const parsed = parseSeries(text);
  return parsed.ok ? parsed.samples : parsed.message;
};

test("numbers, gaps, ramps and words stand side by side", () => {
  expect(samples("0 _ _ 1+1x5 stale")).toEqual([0, null, null, 1, 2, 3, 4, 5, "stale"]);
});
test("a count is the number of samples", () => expect(samples("7x3 _x2")).toEqual([7, 7, 7, null, null]));
test("a ramp can fall, below zero too", () => expect(samples("1-1x3 -2.5")).toEqual([1, 0, -1, -2.5]));
test("words repeat and carry a severity", () =>
  expect(samples("OK ACTIVE/MAJORx2")).toEqual(["OK", "ACTIVE/MAJOR", "ACTIVE/MAJOR"]));
test("nothing is no samples", () => expect(samples("  ")).toEqual([]));
test("a count of nought is nothing", () => expect(samples("5x0 6")).toEqual([6]));
test("what is no sample is named with its place", () =>
  expect(samples("1 2 1+x3")).toBe('"1+x3" at position 3 is no sample, expected 5, 5x3, 5+1x3, _ or a word'));
test("a mistyped count is refused", () =>
  expect(samples("1 2x1000000")).toBe("more than 100000 samples at position 2"));
test("written out and shortened, whole numbers are the same series", () =>
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.integer({ min: -99, max: 99 }), fc.integer({ min: 0, max: 9 }))), (runs) => {
      const short = runs.map(([value, count]) => `${value}x${count}`).join(" ");
      const long = runs.flatMap(([value, count]) => Array.from({ length: count }, () => `${value}`)).join(" ");
      expect(samples(short)).toEqual(samples(long));
    }),
  ));
