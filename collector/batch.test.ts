import fc from "fast-check";
import { expect, test } from "vitest";
import { createBatch } from "./batch.ts";

const limits = { readings: 3, bytes: 100, ageMs: 10 };

test("a group goes when its count is full", () => {
  const batch = createBatch<string>(limits);
  expect(batch.add("a", 1, 1, 0)).toBeNull();
  expect(batch.add("b", 1, 1, 0)).toBeNull();
  expect(batch.add("c", 1, 1, 0)).toEqual(["a", "b", "c"]);
  expect(batch.take()).toEqual([]);
});

test("a group goes when its bytes are full", () => {
  const batch = createBatch<string>(limits);
  expect(batch.add("a", 1, 99, 0)).toBeNull();
  expect(batch.add("b", 1, 1, 0)).toEqual(["a", "b"]);
});

test("a group is due by the age of its first item", () => {
  const batch = createBatch<string>(limits);
  expect(batch.dueAt()).toBeNull();
  batch.add("a", 1, 1, 5);
  batch.add("b", 1, 1, 9);
  expect(batch.dueAt()).toBe(15);
  expect(batch.take()).toEqual(["a", "b"]);
  expect(batch.dueAt()).toBeNull();
});

test("an item larger than a group goes whole", () => {
  const batch = createBatch<string>(limits);
  expect(batch.add("a", 50, 5000, 0)).toEqual(["a"]);
});

test("whatever the weights, every item comes out once and in order", () => {
  const weights = fc.record({ readings: fc.nat(4), bytes: fc.nat(120) });
  fc.assert(
    fc.property(fc.array(weights), (all) => {
      const batch = createBatch<number>(limits);
      const out = all.flatMap(({ readings, bytes }, index) => batch.add(index, readings, bytes, index) ?? []);
      expect([...out, ...batch.take()]).toEqual(all.map((_, index) => index));
    }),
  );
});
