import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createSampleBlocks } from "./sample-blocks.ts";

type Move =
  | { readonly move: "insert"; readonly slot: number; readonly ts: number; readonly value: number }
  | { readonly move: "shift"; readonly slot: number; readonly share: number };

const slots = 3;
// Close together, days apart and months apart; a fraction of a millisecond too.
const time = fc.oneof(
  fc.integer({ min: 0, max: 200_000 }),
  fc.integer({ min: 0, max: 2 ** 41 }),
  fc.constantFrom(0.5, 1_795_000_000_000.25),
);
const insert = fc.record({
  move: fc.constant("insert" as const),
  slot: fc.nat(slots - 1),
  ts: time,
  value: fc.double({ noNaN: true }),
});
const shift = fc.record({
  move: fc.constant("shift" as const),
  slot: fc.nat(slots - 1),
  share: fc.double({ min: 0, max: 1, noNaN: true }),
});
const moves: fc.Arbitrary<Move> = fc.oneof({ weight: 12, arbitrary: insert }, { weight: 1, arbitrary: shift });

describe("blocks of samples", () => {
  test("hold what plain arrays would hold, whatever comes in whatever order", () => {
    fc.assert(
      fc.property(fc.array(moves, { maxLength: 200 }), (all) => {
        const blocks = createSampleBlocks(slots);
        const plain = Array.from({ length: slots }, () => ({ ts: [] as number[], value: [] as number[] }));
        for (const one of all) {
          const { ts, value } = plain[one.slot] ?? { ts: [], value: [] };
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
