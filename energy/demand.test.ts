import { expect, test } from "vitest";
import { demandProjection, demandWindows, maxDemand } from "./demand.ts";

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
