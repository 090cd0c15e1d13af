import { expect, test } from "vitest";
import { billedDemand, demandProjection, demandWindows, loadFactor, maxDemand } from "./demand.ts";

const minuteMs = 60_000;
const minutes = (kw: number, count: number): number[] => new Array<number>(count).fill((kw * 1000) / 60);
const vector = [...minutes(1000, 10), ...minutes(1600, 15), ...minutes(1000, 5)];

test("TV-DEM-1: fixed blocks of 15 minutes give 1,400 kW, sliding ones 1,600 kW", () => {
  expect(demandWindows(vector, 15, "fixed").map((w) => Math.round(w ?? 0))).toEqual([1_200_000, 1_400_000]);
  expect(maxDemand(vector, 15, "fixed")).toBeCloseTo(1_400_000, 3);
  expect(maxDemand(vector, 15, "sliding")).toBeCloseTo(1_600_000, 3);
});
test("TV-DEM-3: after nine minutes and 240 kWh the window ends at 1,640 kW unless 350 kW go", () => {
  const projection = demandProjection({
    energySoFarWh: 240_000,
    elapsedMs: 9 * minuteMs,
    windowMs: 15 * minuteMs,
    nowW: 1_700_000,
    limitW: 1_500_000,
  });
  expect(projection.projectedW).toBeCloseTo(1_640_000, 6);
  expect(projection.allowedW).toBeCloseTo(1_350_000, 6);
  expect(projection.shedW).toBeCloseTo(350_000, 6);
  expect(projection.elapsed).toBeCloseTo(0.6, 9);
});
test("a load below what is allowed has nothing to shed", () => {
  const calm = { energySoFarWh: 0, elapsedMs: 0, windowMs: 15 * minuteMs, nowW: 10, limitW: 100 };
  expect(demandProjection(calm).shedW).toBe(0);
});
test("a window that is over allows nothing more", () => {
  const over = { energySoFarWh: 100, elapsedMs: 15 * minuteMs, windowMs: 15 * minuteMs, nowW: 10, limitW: 100 };
  expect(demandProjection(over)).toEqual({ projectedW: 400, allowedW: null, shedW: null, elapsed: 1 });
});
test("a missing minute makes its window unknown, never lower", () => {
  expect(demandWindows([...minutes(60, 14), null], 15, "fixed")).toEqual([null]);
  expect(maxDemand([null, ...minutes(60, 14)], 15, "fixed")).toBeNull();
});
test("TV-DEM-2: the rolling value at 2:20 is the mean of what was read at 2:10, 2:15 and 2:20", () => {
  // Readings of five minutes each, labelled at their end, from 2:00.
  const readings = [900, 1000, 1300, 1500, 1700];
  const windows = demandWindows(
    readings.flatMap((kw) => minutes(kw, 5)),
    15,
    "sliding",
  );
  const endingAt = (minutesAfter155: number) => (windows[minutesAfter155 - 15] ?? 0) / 1000;
  expect(endingAt(25)).toBeCloseTo((1300 + 1500 + 1700) / 3, 6);
});
test("TV-DEM-4: 9,000 kW on a contract of 8,000 kW bill 9,600 kW, 384,000 yuan at 40", () => {
  expect(billedDemand(9000, 8000, "contract")).toBe(9600);
  expect(billedDemand(9000, 8000, "contract") * 40).toBe(384_000);
});
test("TV-DEM-4: the other reading of the rule bills 368,000 yuan, by the maximum alone 360,000", () => {
  expect(billedDemand(9000, 8000, "contract_twice") * 40).toBe(368_000);
  expect(billedDemand(9000, 8000, "actual") * 40).toBe(360_000);
});
test("billed by capacity a month costs its kVA, whatever the maximum", () => {
  expect([100, 9000].map((kw) => billedDemand(kw, 8000, "capacity"))).toEqual([8000, 8000]);
});
test("demand up to 105 % of the contract bills the contract", () => {
  expect(billedDemand(8400, 8000, "contract")).toBe(8000);
  expect(billedDemand(100, 8000, "contract_twice")).toBe(8000);
});
test("TV-SHAVE-1: shaving is worth the difference of two bills, 64,000 yuan or nothing", () => {
  const bill = (kw: number) => billedDemand(kw, 8000, "contract") * 40;
  expect(bill(9000) - bill(8400)).toBe(64_000);
  expect(bill(8300) - bill(8000)).toBe(0);
});
test("TV-LF-1: 8,760 MWh in 8,760 hours at a peak of 1,600 kW are a load factor of 0.625", () => {
  const { numerator = 0, denominator = 1 } = loadFactor(8_760_000, 8760, 1600) ?? {};
  expect(numerator / denominator).toBe(0.625);
  expect(loadFactor(10, 1, 0)).toBeNull();
});
