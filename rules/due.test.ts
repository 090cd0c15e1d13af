import fc from "fast-check";
import { expect, test } from "vitest";
import { createDueList } from "./due.ts";

test("entries come out soonest first, the least number first where times are equal, whatever order they went in", () =>
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.integer({ min: 0, max: 20 }), fc.integer({ min: 0, max: 9 }))), (entries) => {
      const list = createDueList();
      for (const [at, item] of entries) list.push(at, item);
      const out: string[] = [];
      for (let entry = list.pop(99); entry !== null; entry = list.pop(99)) out.push(`${entry.at + 100}${entry.item}`);
      expect(out).toEqual([...out].sort());
      expect(out).toHaveLength(entries.length);
    }),
  ));
test("an entry at this very moment is not yet over", () => {
  const list = createDueList();
  list.push(10, 7);
  expect([list.pop(10), list.pop(11)]).toEqual([null, { at: 10, item: 7 }]);
});
test("a cleared list is empty", () => {
  const list = createDueList();
  list.push(10, 7);
  list.clear();
  expect([list.size(), list.pop(99)]).toEqual([0, null]);
});
