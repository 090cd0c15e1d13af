import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type BusPower, balance, chainLimit, ctLimit, nodeLimit } from "./balance.ts";
import type { CtClass, NodeRole } from "./model.ts";

const bus = (role: NodeRole, kw: number | null, meterClass: number, ctClass: CtClass | null = null): BusPower => ({
  role,
  powerW: kw === null ? null : kw * 1000,
  ratingW: null,
  meters: [{ meterClass, ctClass }],
  slopeWPerS: 0,
  skewS: 2,
});
const r01 = [
  bus("grid", 1200, 0.5, "0.5"),
  bus("source", 300, 1, "0.5"),
  bus("load", 1150, 1),
  bus("load", 260, 1, "0.5"),
  bus("load", 60, 1, "0.5"),
];

describe("the balance of a bus", () => {
  test("TV-UNC-1: the vector of R01 has u 8.649 kW and opens at 25.95 kW", () => {
    const { residualW, uncertaintyW, toleranceW } = balance(r01, 2_000_000);
    expect(residualW).toBe(30_000);
    expect((uncertaintyW ?? 0) / 1000).toBeCloseTo(8.649, 3);
    expect((2 * (uncertaintyW ?? 0)) / 1000).toBeCloseTo(17.3, 2);
    expect((toleranceW ?? 0) / 1000).toBeCloseTo(25.95, 2);
  });
  test("half a per cent of a large bus is the floor", () => {
    expect(balance([bus("grid", 10, 1), bus("load", 10, 1)], 4_000_000).toleranceW).toBe(20_000);
  });
  test("two kilowatts are the floor of a small bus", () => {
    expect(balance([bus("grid", 10, 1), bus("load", 10, 1)], 50_000).toleranceW).toBe(2000);
  });
  test("discharge and import supply, charge and export take away", () => {
    const { supplyW } = balance([bus("grid", -5, 1), bus("storage", 20, 1), bus("load", 15, 1)], 1000);
    expect(supplyW).toBe(15_000);
  });
  test("one missing power leaves everything unknown", () => {
    const empty = { supplyW: null, loadW: null, residualW: null, uncertaintyW: null, toleranceW: null };
    expect(balance([bus("grid", 10, 1), bus("load", null, 1)], 1000)).toEqual(empty);
    expect(balance([], 1000)).toEqual(empty);
  });
  test("a ramp is uncertain by the skew of the meter's clock", () => {
    const ramping = { ...bus("grid", 0, 1), slopeWPerS: 1000 };
    expect(balance([ramping], 1000).uncertaintyW).toBeCloseTo(2000 / Math.sqrt(3), 6);
  });
});

describe("the limit of a transformer", () => {
  test("a class 0.5 transformer is worst where a new hall runs", () => {
    expect(ctLimit("0.5", 100, 100)).toBe(0.5);
    expect(ctLimit("0.5", 20, 100)).toBe(0.75);
    expect(ctLimit("0.5", 5, 100)).toBe(1.5);
    expect(ctLimit("0.5", 1, 100)).toBe(1.5);
  });
  test("between two loads of its class it is interpolated", () => {
    expect(ctLimit("0.5", 60, 100)).toBeCloseTo(0.625, 9);
    expect(ctLimit("0.5S", 12.5, 100)).toBeCloseTo(0.625, 9);
    expect(ctLimit("0.2", 12.5, 100)).toBeCloseTo(0.55, 9);
    expect(ctLimit("0.2S", 3, 100)).toBeCloseTo(0.55, 9);
    expect(ctLimit("1", 20, 100)).toBe(1.5);
  });
  test("an S class keeps its name from a fifth of its rating", () => {
    expect(ctLimit("0.5S", 20, 100)).toBe(0.5);
  });
  test("without a rating the name plate is used, without a transformer nothing is added", () => {
    expect(ctLimit("0.5", 1, null)).toBe(0.5);
    expect(ctLimit(null, 1, 100)).toBe(0);
  });
  test("the direction of the power does not matter", () => {
    expect(ctLimit("0.5", -20, 100)).toBe(0.75);
  });
  test("meter and transformer combine as squares", () => {
    expect(chainLimit({ meterClass: 0.2, ctClass: "0.5" }, 100, 100)).toBeCloseTo(0.539, 3);
  });
  test("a node is as uncertain as its widest meter", () => {
    const point = { meterClass: 0.5, ctClass: null };
    const points = [point, { ...point, meterClass: 2 }] as unknown as Parameters<typeof nodeLimit>[0]["points"];
    expect(nodeLimit({ points, ratingW: null }, 10)).toBe(2);
  });
});

describe("laws of the balance", () => {
  const power = fc.integer({ min: -1e6, max: 1e6 });
  const anyBus = fc.record({
    role: fc.constantFrom<NodeRole>("grid", "source", "storage", "load"),
    powerW: power,
    meterClass: fc.constantFrom(0.2, 0.5, 1, 2),
  });
  const buses = fc
    .array(anyBus, { minLength: 1, maxLength: 12 })
    .map((list) => list.map(({ role, powerW, meterClass }) => ({ ...bus(role, 0, meterClass), powerW })));
  test("supplied less consumed is the residual", () => {
    fc.assert(
      fc.property(buses, (list) => {
        const { supplyW, loadW, residualW } = balance(list, 1e6);
        expect(residualW).toBeCloseTo((supplyW ?? 0) - (loadW ?? 0), 6);
      }),
    );
  });
  test("twice the power has twice the residual and twice the uncertainty", () => {
    fc.assert(
      fc.property(buses, (list) => {
        const once = balance(list, 1e6);
        const twice = balance(
          list.map((one) => ({ ...one, powerW: one.powerW * 2 })),
          1e6,
        );
        expect(twice.residualW).toBeCloseTo(2 * (once.residualW ?? 0), 6);
        expect(twice.uncertaintyW).toBeCloseTo(2 * (once.uncertaintyW ?? 0), 6);
      }),
    );
  });
  test("the order of the meters does not matter", () => {
    fc.assert(
      fc.property(buses, (list) => {
        const there = balance(list, 1e6);
        const back = balance([...list].reverse(), 1e6);
        expect(back.residualW).toBeCloseTo(there.residualW ?? 0, 6);
        expect(back.uncertaintyW).toBeCloseTo(there.uncertaintyW ?? 0, 6);
      }),
    );
  });
});
