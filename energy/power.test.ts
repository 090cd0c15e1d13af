import fc from "fast-check";
import { expect, test } from "vitest";
import { integratePower, meanBetween, valueAt } from "./power.ts";

const minuteMs = 60_000;
const window = { start: 0, end: minuteMs };
const gauge = (...pairs: readonly (readonly [number, number])[]) => ({
  ts: pairs.map(([ts]) => ts),
  value: pairs.map(([, value]) => value),
});

test("a kilowatt for a minute is a sixtieth of a kilowatt-hour", () => {
  const power = integratePower(gauge([0, 1000], [minuteMs, 1000]), window, 1, 150_000);
  expect(power.forwardWh).toBeCloseTo(1000 / 60, 9);
  expect(power).toMatchObject({ reverseWh: 0, goodMs: minuteMs, meanW: 1000, minW: 1000, maxW: 1000 });
});
test("a power that turns gives energy in both directions", () => {
  const power = integratePower(gauge([0, 600], [minuteMs, -600]), window, 1, 150_000);
  expect(power.forwardWh).toBeCloseTo(2.5, 9);
  expect(power.reverseWh).toBeCloseTo(2.5, 9);
  expect(power.meanW).toBeCloseTo(0, 9);
});
test("a reversed meter is turned round", () => {
  const power = integratePower(gauge([0, 600], [minuteMs, 600]), window, -1, 150_000);
  expect(power.reverseWh).toBeCloseTo(10, 9);
  expect(power.meanW).toBe(-600);
});
test("samples around the window give its borders", () => {
  const power = integratePower(gauge([-30_000, 0], [30_000, 600], [90_000, 600]), window, 1, 150_000);
  expect(power.firstW).toBe(300);
  expect(power.lastW).toBe(600);
  expect(power.goodMs).toBe(minuteMs);
});
test("a gap is not bridged", () => {
  const power = integratePower(gauge([-600_000, 100], [600_000, 100]), window, 1, 150_000);
  expect(power).toMatchObject({ goodMs: 0, meanW: null, minW: null });
});
test("the mean is over the good time only", () => {
  expect(meanBetween(gauge([0, 100], [30_000, 100]), window, 150_000)).toBe(100);
  expect(meanBetween(gauge(), window, 150_000)).toBeNull();
});
test("a value holds until it is too old", () => {
  expect(valueAt(gauge([0, 7]), 1000, 1000)).toBe(7);
  expect(valueAt(gauge([0, 7]), 1001, 1000)).toBeNull();
  expect(valueAt(gauge([5, 7]), 4, 1000)).toBeNull();
  expect(valueAt(undefined, 4, 1000)).toBeNull();
});
test("forward less reverse is the mean over the good time", () => {
  const values = fc.array(fc.integer({ min: -5000, max: 5000 }), { minLength: 2, maxLength: 20 });
  fc.assert(
    fc.property(values, (powers) => {
      const data = gauge(...powers.map((value, index) => [index * 7000, value] as const));
      const power = integratePower(data, window, 1, 150_000);
      const net = power.forwardWh - power.reverseWh;
      expect(net).toBeCloseTo(((power.meanW ?? 0) * power.goodMs) / 3_600_000, 6);
      expect(power.forwardWh).toBeGreaterThanOrEqual(0);
      expect(power.reverseWh).toBeGreaterThanOrEqual(0);
    }),
  );
});
