import { expect, test } from "vitest";
import { benchmarkEfficiency, coalEquivalent, computeAt, computeEfficiency, standardRacks } from "./rating.ts";

const operations = [865618, 786688, 698051, 607826, 521391, 436757, 345919, 262071, 176061, 86784, 0];
const watts = [258, 242, 224, 204, 185, 170, 157, 146, 135, 121, 80];

test("TV-SPEC-1: eleven levels are 4,787,166 operations on 1,922 W, 2,490.72 per watt", () => {
  const levels = operations.map((done, index) => ({ operations: done, powerW: watts[index] ?? Number.NaN }));
  expect(levels.reduce((sum, level) => sum + level.operations, 0)).toBe(4_787_166);
  expect(levels.reduce((sum, level) => sum + level.powerW, 0)).toBe(1922);
  expect(benchmarkEfficiency(levels)).toBeCloseTo(2490.72, 2);
  expect(benchmarkEfficiency([])).toBeNull();
});
test("TV-G500-1: 357.23 MFLOPS/W at 31.10 kW are 11.110 TFLOPS", () => {
  expect(computeAt(357.23, 31.1) / 1000).toBeCloseTo(11.11, 3);
});
test("TV-G500-2: 336.21 MFLOPS/W at 497.60 kW are 167.30 TFLOPS", () => {
  expect(computeAt(336.21, 497.6) / 1000).toBeCloseTo(167.3, 2);
});
test("TV-CE-1: 20,000 TFLOPS of FP32 on 800 kW are 25 GFLOPS/W", () => {
  expect(computeEfficiency(20_000_000, 800_000)).toBe(25);
  expect(computeEfficiency(1, 0)).toBeNull();
});
test("TV-RACK-1: 36 MW are 14,400 standard racks, two groups 81,171.07", () => {
  expect(standardRacks([{ count: 1, ratedKw: 36_000 }])).toBe(14_400);
  const groups = [
    { count: 480, ratedKw: 14.4 },
    { count: 7056, ratedKw: 27.78 },
  ];
  expect(standardRacks(groups)).toBeCloseTo(81_171.07, 2);
});
test("TV-TCE-1: 378,183,500 kWh are 46,478.75 t of coal equivalent", () => {
  expect(coalEquivalent(37_818.35e4)).toBeCloseTo(46_478.75, 2);
});
