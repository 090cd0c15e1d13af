import fc from "fast-check";
import { expect, test } from "vitest";
import { createDueList } from "./due.ts";

test("entries come out soonest first, names in order where times are equal, whatever order they went in", () =>
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.integer({ min: 0, max: 20 }), fc.constantFrom("a", "b", "c"))), (entries) => {
      const list = createDueList();
      for (const [at, name] of entries) list.push(at, name);
      const out: string[] = [];
      for (let entry = list.pop(99); entry !== null; entry = list.pop(99)) out.push(`${entry.at + 100}${entry.name}`);
      expect(out).toEqual([...out].sort());
      expect(out).toHaveLength(entries.length);
    }),
  ));
test("an entry at this very moment is not yet over", () => {
  const list = createDueList();
  list.push(10, "a");
  expect([list.pop(10), list.pop(11)]).toEqual([null, { at: 10, name: "a" }]);
});
test("a cleared list is empty", () => {
  const list = createDueList();
  list.push(10, "a");
  list.clear();
  expect([list.size(), list.pop(99)]).toEqual([0, null]);
});
