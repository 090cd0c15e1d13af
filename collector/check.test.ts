import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { quantities, quantityPattern } from "#store";
import { type Bounds, check, createReceiveClock } from "./check.ts";
import type { Candidate } from "./decoders/decoder.ts";

const received = Date.UTC(2026, 10, 21);
const bounds = (more: Partial<Bounds> = {}): Bounds => ({
  received,
  aheadMs: 3_600_000,
  mayNot: () => null,
  clock: createReceiveClock(),
  ...more,
});
const candidate = (more: Partial<Candidate> = {}): Candidate => ({
  site: "north",
  device: "r-101",
  ts: received,
  values: [["power_w", 1]],
  ...more,
});

test("both ends of a hard range are possible, one step further is not", () => {
  for (const { name, min, max } of quantities) {
    expect(check(candidate({ values: [[name, min]] }), bounds()).reading?.quantities).toEqual({ [name]: min });
    expect(check(candidate({ values: [[name, max]] }), bounds()).reading?.quantities).toEqual({ [name]: max });
    const past = max + Math.max(1, Math.abs(max) * 1e-9);
    expect(check(candidate({ values: [[name, past]] }), bounds()).rejected[0]?.code).toBe(
      "COLLECTOR_VALUE_OUT_OF_RANGE",
    );
  }
});

test("each value is kept or rejected, and a kept reading is one the store takes", () => {
  const value = fc.oneof(fc.double(), fc.integer(), fc.string(), fc.constant(null), fc.boolean());
  const name = fc.oneof(fc.constantFrom("power_w", "inlet_c", "__proto__", "constructor", "pump_rpm"), fc.string());
  const ts = fc.oneof(fc.constant(undefined), fc.integer(), fc.double(), fc.string(), fc.constant(received));
  fc.assert(
    fc.property(
      fc.string(),
      fc.uniqueArray(fc.tuple(name, value), { selector: ([key]) => key }),
      ts,
      (device, values, at) => {
        const { reading, rejected } = check(candidate({ device, ts: at, values }), bounds());
        expect(reading !== null || rejected.length > 0).toBe(true);
        if (reading === null) return;
        expect(Object.keys(reading.quantities).length + rejected.length).toBe(values.length);
        expect(Number.isSafeInteger(reading.ts)).toBe(true);
        for (const [key, number] of Object.entries(reading.quantities)) {
          expect(key).toMatch(quantityPattern);
          expect(Number.isFinite(number)).toBe(true);
        }
      },
    ),
  );
});

test("a sender that may not speak for a device is told why", () => {
  const { reading, rejected } = check(candidate(), bounds({ mayNot: (site, device) => `not ${site}/${device}` }));
  expect(reading).toBeNull();
  expect(rejected).toEqual([{ code: "COLLECTOR_DEVICE_INVALID", reason: "not north/r-101", site: "north" }]);
});

describe("readings without a time", () => {
  test("get receive times that strictly increase per device", () => {
    const clock = createReceiveClock();
    const times = [10, 10, 10, 11, 20, 5].map((at) => clock.next("s", "d", at));
    expect(times).toEqual([10, 11, 12, 13, 20, 21]);
    expect(clock.next("s", "e", 10)).toBe(10);
    expect(clock.next("t", "d", 10)).toBe(10);
  });

  test("increase strictly in any burst, and never run before the clock", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(50)), (arrivals) => {
        const clock = createReceiveClock();
        let last = -1;
        for (const at of arrivals) {
          const ts = clock.next("s", "d", at);
          expect(ts).toBeGreaterThan(last);
          expect(ts).toBeGreaterThanOrEqual(at);
          last = ts;
        }
      }),
    );
  });

  test("are remembered only while it matters", () => {
    const clock = createReceiveClock();
    for (let device = 0; device < 60_000; device += 1) clock.next("s", `d${device}`, 1000 + device);
    expect(clock.next("s", "d59999", 60_999)).toBe(61_000);
  });
});
