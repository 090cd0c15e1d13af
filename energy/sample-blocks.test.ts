import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createSampleBlocks } from "./sample-blocks.ts";

type Move =
  | { readonly move: "insert"; readonly slot: number; readonly ts: number; readonly value: number }
  | { readonly move: "remove"; readonly slot: number; readonly share: number }
  | { readonly move: "shift"; readonly slot: number; readonly share: number };

const slots = 20;
// Close together, days apart and months apart; a fraction of a millisecond too.
const time = fc.oneof(
  fc.integer({ min: 0, max: 200_000 }),
  fc.integer({ min: 0, max: 2 ** 41 }),
  fc.constantFrom(0.5, 1_795_000_000_000.25),
);
const decimals = (most: number, scale: number) => fc.integer({ min: -most, max: most }).map((steps) => steps / scale);
// What meters show: whole watts, decimals of kilowatts, registers of long ago, and now and then nonsense.
const shown = fc.oneof(decimals(1e6, 1), decimals(1e6, 10), decimals(2e9, 1000), decimals(2 ** 52, 1));
const odd = fc.oneof(fc.double({ noNaN: true }), fc.constantFrom(-0, 1e300, 0.1 + 0.2));
const near = fc.oneof({ weight: 40, arbitrary: fc.integer({ min: 0, max: 300_000 }) }, { weight: 1, arbitrary: time });
const insertOf = (value: fc.Arbitrary<number>, ts: fc.Arbitrary<number>) =>
  fc.record({ move: fc.constant("insert" as const), slot: fc.nat(slots - 1), ts, value });
const shift = fc.record({
  move: fc.constant("shift" as const),
  slot: fc.nat(slots - 1),
  share: fc.double({ min: 0, max: 1, noNaN: true }),
});
const remove = fc.record({
  move: fc.constant("remove" as const),
  slot: fc.nat(slots - 1),
  share: fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
});
const movesOf = (value: fc.Arbitrary<number>, ts = time): fc.Arbitrary<readonly Move[]> => {
  const move = fc.oneof(
    { weight: 12, arbitrary: insertOf(value, ts) },
    { weight: 1, arbitrary: shift },
    { weight: 1, arbitrary: remove },
  );
  return fc.array<Move>(move, { maxLength: 300 });
};
// What most blocks hold: meters that move a little from one reading to the next, and now and then a jump.
const steady = fc.oneof(
  { weight: 20, arbitrary: decimals(15_000, 1).map((value) => 4e9 + value) },
  { weight: 1, arbitrary: decimals(15_000, 10).map((value) => 4e9 + value) },
  { weight: 1, arbitrary: decimals(1e6, 1) },
);
const moves = fc.oneof(
  movesOf(shown),
  movesOf(steady, near),
  movesOf(shown, near),
  movesOf(odd),
  movesOf(fc.oneof({ weight: 30, arbitrary: shown }, { weight: 1, arbitrary: odd })),
);

describe("blocks of samples", () => {
  test("hold what plain arrays would hold, whatever comes in whatever order", () => {
    fc.assert(
      fc.property(moves, (all) => {
        const blocks = createSampleBlocks(slots);
        const plain = Array.from({ length: slots }, () => ({ ts: [] as number[], value: [] as number[] }));
        for (const one of all) {
          const { ts, value } = plain[one.slot] ?? { ts: [], value: [] };
          if (one.move === "remove") {
            if (ts.length === 0) continue;
            const index = Math.floor(one.share * ts.length);
            blocks.remove(one.slot, index);
            ts.splice(index, 1);
            value.splice(index, 1);
            continue;
          }
          if (one.move === "shift") {
            const count = Math.floor(one.share * ts.length);
            if (count === 0) continue;
            blocks.shift(one.slot, count);
            ts.splice(0, count);
            value.splice(0, count);
            continue;
          }
          const index = blocks.firstFrom(one.slot, one.ts);
          expect(index).toBe(ts.filter((at) => at < one.ts).length);
          if (ts[index] === one.ts) {
            blocks.replace(one.slot, index, one.value);
            value[index] = one.value;
          } else {
            blocks.insert(one.slot, index, one.ts, one.value);
            ts.splice(index, 0, one.ts);
            value.splice(index, 0, one.value);
          }
        }
        for (const [slot, { ts, value }] of plain.entries()) {
          expect(blocks.count(slot)).toBe(ts.length);
          expect(blocks.read(slot)).toEqual(ts.length === 0 ? undefined : { ts, value });
          expect(ts.map((_, index) => blocks.ts(slot, index))).toEqual(ts);
          expect(value.map((_, index) => blocks.value(slot, index))).toEqual(value);
        }
      }),
    );
  });

  test("take the clocks and the values of slow and of large meters in, and go on with them", () => {
    const blocks = createSampleBlocks(20);
    const tsOf = (index: number) => 1_795_000_000_000 + index * 3_600_000;
    const valueAt = (slot: number, index: number) => slot * 1e6 + index * 123_456.5;
    for (let index = 0; index < 60; index++)
      for (let slot = 0; slot < 20; slot++) {
        blocks.insert(slot, blocks.count(slot), tsOf(index), valueAt(slot, index));
        if (blocks.count(slot) > 10) blocks.shift(slot, 1);
      }
    for (let slot = 0; slot < 20; slot++)
      for (let index = 0; index < 10; index++) {
        expect(blocks.ts(slot, index)).toBe(tsOf(50 + index));
        expect(blocks.value(slot, index)).toBe(valueAt(slot, 50 + index));
      }
    const into = { ts: new Float64Array(20), value: new Float64Array(20) };
    expect(blocks.around(3, { start: tsOf(53), end: tsOf(55), before: 1, after: 1 }, into)).toBe(4);
    expect([...into.ts.slice(0, 4)]).toEqual([52, 53, 54, 55].map(tsOf));
    expect([...into.value.slice(0, 4)]).toEqual([52, 53, 54, 55].map((index) => valueAt(3, index)));
  });

  test("take a fast device in and back again without a loss", () => {
    const blocks = createSampleBlocks(2);
    const fill = (from: number, to: number) => {
      for (let at = from; at < to; at++) blocks.insert(1, blocks.count(1), 1_795_000_000_000 + at * 1000, at);
    };
    blocks.insert(0, 0, 5, 7);
    fill(0, 100);
    blocks.shift(1, 90);
    fill(100, 105);
    expect(blocks.read(1)?.value).toEqual([90, 91, 92, 93, 94, 95, 96, 97, 98, 99, 100, 101, 102, 103, 104]);
    expect(blocks.read(1)?.ts.at(-1)).toBe(1_795_000_000_000 + 104_000);
    expect(blocks.read(0)).toEqual({ ts: [5], value: [7] });
  });
});
