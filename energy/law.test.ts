import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { countBetween, type Samples } from "./meter.ts";

const minuteMs = 60_000;
const limits = { bridgeMs: 60 * minuteMs, gapMs: 5 * minuteMs };
const free = { modulus: null, resolution: 1, maxPerHour: 1e6 };

/** A register read once in about a minute, with what it counted in between. */
const registers = fc
  .array(fc.record({ waitMs: fc.integer({ min: 1000, max: 2 * minuteMs }), wh: fc.integer({ min: 0, max: 15 }) }), {
    minLength: 4,
    maxLength: 60,
  })
  .map((steps): Samples => {
    const ts = [0];
    const value = [1000];
    for (const { waitMs, wh } of steps) {
      ts.push((ts.at(-1) ?? 0) + waitMs);
      value.push((value.at(-1) ?? 0) + wh);
    }
    return { ts, value };
  });
const cut = (samples: Samples, share: number): number => Math.round((samples.ts.at(-1) ?? 0) * share);
const shares = fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.double({ min: 0, max: 1, noNaN: true }));

describe("laws of a register", () => {
  test("a window that is split adds up to the whole", () => {
    fc.assert(
      fc.property(registers, shares, (samples, [a, b]) => {
        const [start, middle, end] = [0, cut(samples, Math.min(a, b)), cut(samples, Math.max(a, b))];
        const amount = (from: number, to: number) =>
          countBetween(samples, { start: from, end: to }, free, limits).amount;
        expect((amount(start, middle) ?? 0) + (amount(middle, end) ?? 0)).toBeCloseTo(amount(start, end) ?? 0, 6);
      }),
    );
  });

  test("a register in another unit counts the same energy in that unit", () => {
    fc.assert(
      fc.property(registers, shares, fc.constantFrom(0.001, 1000, 3600), (samples, [a, b], scale) => {
        const window = { start: cut(samples, Math.min(a, b)), end: cut(samples, Math.max(a, b)) };
        const scaled = { ts: samples.ts, value: samples.value.map((value) => value * scale) };
        const terms = { modulus: null, resolution: scale, maxPerHour: 1e6 * scale };
        const before = countBetween(samples, window, free, limits);
        const after = countBetween(scaled, window, terms, limits);
        expect((after.amount ?? 0) / scale).toBeCloseTo(before.amount ?? 0, 6);
        expect(after.goodMs).toBe(before.goodMs);
      }),
    );
  });

  test("the short way of a register that only rises and the long way agree", () => {
    fc.assert(
      fc.property(registers, shares, (samples, [a, b]) => {
        const window = { start: cut(samples, Math.min(a, b)), end: cut(samples, Math.max(a, b)) };
        // A flicker at the very end, after the window, makes it walk the curve.
        const last = samples.ts.at(-1) ?? 0;
        const flicker = {
          ts: [...samples.ts, last + 1000],
          value: [...samples.value, (samples.value.at(-1) ?? 0) - 1],
        };
        const [short, long] = [
          countBetween(samples, window, free, limits),
          countBetween(flicker, window, free, limits),
        ];
        expect(long.amount === null).toBe(short.amount === null);
        expect(long.amount ?? 0).toBeCloseTo(short.amount ?? 0, 6);
        expect(long.goodMs).toBe(short.goodMs);
      }),
    );
  });

  test("energy that rolls over is conserved", () => {
    fc.assert(
      fc.property(registers, (samples) => {
        const modulus = 1100;
        const rolling = { ts: samples.ts, value: samples.value.map((value) => value % modulus) };
        const window = { start: 0, end: samples.ts.at(-1) ?? 0 };
        const terms = { modulus, resolution: 0, maxPerHour: 60_000 };
        // A register may not pass itself between two readings.
        const whole = countBetween(samples, window, { ...terms, modulus: null }, limits);
        const rolled = countBetween(rolling, window, terms, limits);
        if (whole.codes.length === 0 && !rolled.codes.includes("COUNTER_FAULT") && !rolled.codes.includes("RESET"))
          expect(rolled.amount ?? 0).toBeCloseTo(whole.amount ?? 0, 6);
      }),
    );
  });
});
