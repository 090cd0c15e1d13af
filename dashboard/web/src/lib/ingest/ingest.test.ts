import { expect, test } from "vitest";
import { isMetered } from "./metered.ts";
import { perMinute } from "./rate.ts";

test("a device without power or energy has nothing to model", () => {
  expect(isMetered({ quantities: ["outdoor_c"] })).toBe(false);
  expect(isMetered({ quantities: ["outdoor_c", "power_w"] })).toBe(true);
});

test("a rate needs two looks, and a restart is not a negative rate", () => {
  expect(perMinute(undefined, { readings: 5, at: 10 })).toBeNull();
  expect(perMinute({ readings: 5, at: 0 }, { readings: 15, at: 30_000 })).toBe(20);
  expect(perMinute({ readings: 500, at: 0 }, { readings: 2, at: 30_000 })).toBe(0);
});
