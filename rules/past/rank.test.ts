import fc from "fast-check";
import { expect, test } from "vitest";
import { dearerBy, type Loss, lossOf, wasteKeys } from "./rank.ts";

const sorted = (by: (typeof wasteKeys)[number], losses: Readonly<Record<string, Loss>>) =>
  Object.entries(losses)
    .sort(([, a], [, b]) => dearerBy(by)(a, b))
    .map(([name]) => name);

const losses = {
  nothing: lossOf({}),
  warm: lossOf({ energyWh: 9000, carbonG: 10 }),
  dear: lossOf({ energyWh: 10, cost: 80, carbonG: 5 }),
  fine: lossOf({ cost: 50 }),
  free: lossOf({ energyWh: 20, cost: 0, carbonG: 900 }),
  earned: lossOf({ energyWh: 30, cost: -5 }),
};

test("by money those with a price come first, then by energy, and what has no figure comes last", () => {
  expect(sorted("money", losses)).toEqual(["dear", "fine", "free", "earned", "warm", "nothing"]);
});

test("by energy a loss of money alone comes after every energy, and before no figure", () => {
  expect(sorted("energy", losses)).toEqual(["warm", "earned", "free", "dear", "fine", "nothing"]);
});

test("by carbon what has none follows by its energy, then by its money", () => {
  expect(sorted("carbon", losses)).toEqual(["free", "warm", "dear", "earned", "fine", "nothing"]);
});

test("the order is one, whatever it begins with", () => {
  const figure = fc.option(fc.integer({ min: -3, max: 3 }));
  const loss = fc.record({ energyWh: figure, cost: figure, carbonG: figure }).map(lossOf);
  fc.assert(
    fc.property(fc.constantFrom(...wasteKeys), loss, loss, loss, (by, a, b, c) => {
      const order = dearerBy(by);
      expect(Math.sign(order(a, b)) + Math.sign(order(b, a))).toBe(0);
      if (order(a, b) <= 0 && order(b, c) <= 0) expect(order(a, c)).toBeLessThanOrEqual(0);
    }),
  );
});
