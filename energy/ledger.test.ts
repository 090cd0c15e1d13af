import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { emptyMix, emptyStore, type Mix, mixTotal, reconcileStorage, type StorageFlow, stepStorage } from "./ledger.ts";

const lossless = { charge: 1, discharge: 1 };
const usual = { charge: 0.95, discharge: 0.95 };
const charge = (mix: Partial<Mix>, carbonG = 0, cost = 0): StorageFlow => ({
  charge: { ...emptyMix, ...mix },
  carbonG,
  cost,
  discharge: 0,
});
const discharge = (energy: number): StorageFlow => ({ charge: emptyMix, carbonG: 0, cost: 0, discharge: energy });

describe("a battery", () => {
  test("gives back the mix, the carbon and the cost that it was charged with", () => {
    const { store } = stepStorage(emptyStore, charge({ renewable: 75, grid: 25 }, 10_000, 20), lossless);
    const { out, store: rest } = stepStorage(store, discharge(40), lossless);
    expect(out).toEqual({ mix: { renewable: 30, grid: 10, unknown: 0 }, carbonG: 4000, cost: 8, loss: 0 });
    expect(rest).toEqual({ mix: { renewable: 45, grid: 15, unknown: 0 }, carbonG: 6000, cost: 12 });
  });
  test("charged from the grid at night is not green, whatever the naive rule says", () => {
    const { store } = stepStorage(emptyStore, charge({ grid: 100 }, 50_000), usual);
    const { out } = stepStorage(store, discharge(50), usual);
    expect(out.mix.renewable).toBe(0);
    // 90.25 of 100 come out, so each carries the carbon of what was lost too.
    expect(out.carbonG / 50).toBeCloseTo(500 / 0.9025, 9);
  });
  test("TV-SC-1: 105.263 charged and 95 discharged lose 10.2632", () => {
    const flow = { ...charge({ renewable: 100 / 0.95 }), discharge: 95 };
    const { out, store } = stepStorage(emptyStore, flow, usual);
    expect(out.loss).toBeCloseTo(10.2632, 4);
    expect(mixTotal(store.mix)).toBeCloseTo(0, 9);
  });
  test("that gives more than the ledger holds gives it from an unknown source", () => {
    const { store } = stepStorage(emptyStore, charge({ renewable: 10 }), lossless);
    expect(stepStorage(store, discharge(15), lossless).out.mix).toEqual({ renewable: 10, grid: 0, unknown: 5 });
  });
  test("is brought to its state of charge with its mix kept", () => {
    const { store } = stepStorage(emptyStore, charge({ renewable: 60, grid: 40 }, 7), lossless);
    const down = reconcileStorage(store, 90);
    expect(down).toMatchObject({ factor: 0.9, loss: 10, found: 0 });
    expect(down.store.mix).toEqual({ renewable: 54, grid: 36, unknown: 0 });
    expect(down.store.carbonG).toBe(7);
    expect(reconcileStorage(store, 110)).toMatchObject({ factor: 1.1, loss: 0, found: 10 });
    expect(reconcileStorage(emptyStore, 50).store.mix).toEqual({ renewable: 0, grid: 0, unknown: 50 });
  });
});

describe("nothing appears or is lost on the way", () => {
  const amount = fc.integer({ min: 0, max: 100_000 });
  const flow = fc.record({
    charge: fc.record({ renewable: amount, grid: amount, unknown: amount }),
    carbonG: amount,
    cost: fc.integer({ min: -1000, max: 100_000 }),
    discharge: amount,
  });
  const oneWay = fc.double({ min: 0.5, max: 1, noNaN: true });
  const near = (a: number, b: number) => expect(Math.abs(a - b)).toBeLessThanOrEqual(1e-6 * Math.max(1, Math.abs(a)));
  test("energy, carbon and cost in are those out, lost and left, over any flows and reconciliations", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(flow, fc.option(fc.double({ min: 0.1, max: 1.5, noNaN: true }))), { maxLength: 30 }),
        oneWay,
        (steps, efficiency) => {
          let store = emptyStore;
          const sums = {
            in: 0,
            out: 0,
            beyond: 0,
            loss: 0,
            found: 0,
            carbonIn: 0,
            carbonOut: 0,
            costIn: 0,
            costOut: 0,
          };
          for (const [one, factor] of steps) {
            const held = mixTotal(store.mix) + efficiency * mixTotal(one.charge);
            const step = stepStorage(store, one, { charge: efficiency, discharge: efficiency });
            near(mixTotal(step.out.mix), one.discharge);
            sums.in += mixTotal(one.charge);
            sums.out += one.discharge;
            sums.beyond += Math.max(0, one.discharge - held * efficiency);
            sums.loss += step.out.loss;
            sums.carbonIn += one.carbonG;
            sums.carbonOut += step.out.carbonG;
            sums.costIn += one.cost;
            sums.costOut += step.out.cost;
            store = step.store;
            if (factor === null) continue;
            const reconciled = reconcileStorage(store, factor * mixTotal(store.mix));
            sums.loss += reconciled.loss;
            sums.found += reconciled.found;
            store = reconciled.store;
          }
          near(sums.in + sums.beyond + sums.found, sums.out + sums.loss + mixTotal(store.mix));
          near(sums.carbonIn, sums.carbonOut + store.carbonG);
          near(sums.costIn, sums.costOut + store.cost);
          for (const part of Object.values(store.mix)) expect(part).toBeGreaterThanOrEqual(0);
        },
      ),
    );
  });
  test("a store of one source gives that source only", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1e6 }), oneWay, (energy, efficiency) => {
        const both = { charge: efficiency, discharge: efficiency };
        const { store } = stepStorage(emptyStore, charge({ renewable: energy }), both);
        const { out } = stepStorage(store, discharge(energy * efficiency ** 2 * 0.5), both);
        near(out.mix.renewable, mixTotal(out.mix));
      }),
    );
  });
});
