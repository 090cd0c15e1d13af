import { expect, test } from "vitest";
import { refusal } from "./check.ts";
import type { Reading } from "./reading.ts";
import { timestamp } from "./unit.ts";

const reading = (change: Partial<Reading> = {}): Reading => ({
  site: "demo",
  device: "r-1",
  ts: timestamp(1_795_219_200_000),
  received: timestamp(1_795_219_200_005),
  quantities: { power_w: 4213.5 },
  flags: [],
  ...change,
});
const refuses = (change: Partial<Reading>, reason: string) => expect(refusal(reading(change))).toBe(reason);

test("an ordinary reading is taken", () => expect(refusal(reading())).toBeNull());
test("a site must be a name", () => refuses({ site: "a/b" }, 'site "a/b" is not a name'));
test("a device must be a name", () => refuses({ device: "" }, 'device "" is not a name'));
test("a quantity must be a name", () => refuses({ quantities: { "Power W": 1 } }, 'quantity "Power W" is not a name'));
test("a value must be finite", () =>
  refuses({ quantities: { power_w: Number.POSITIVE_INFINITY } }, 'power_w "Infinity" is not a finite number'));
test("a time must be whole milliseconds", () =>
  refuses({ ts: timestamp(1.5) }, 'ts "1.5" is not a time in milliseconds'));
test("a time must be one that every store can hold", () =>
  refuses({ received: timestamp(1e16) }, 'received "10000000000000000" is not a time in milliseconds'));
test("a reading without quantities says nothing", () => refuses({ quantities: {} }, "reading has no quantity"));
test("a refusal is bounded however long the name", () =>
  expect(refusal(reading({ site: "x".repeat(1000) }))?.length).toBeLessThan(110));
