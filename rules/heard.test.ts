import fc from "fast-check";
import { expect, test } from "vitest";
import { formatHeard, parseHeard } from "./heard.ts";

test("what was heard comes back as it was saved", () => {
  const device = fc.stringMatching(/^[A-Za-z0-9._-]{1,64}$/);
  const ts = fc.option(fc.integer({ min: 0, max: 8.64e15 }));
  const heard = fc.uniqueArray(fc.tuple(device, ts, fc.nat()), { selector: ([name]) => name });
  fc.assert(
    fc.property(heard, (entries) => {
      expect([...parseHeard(formatHeard(entries))]).toEqual(entries);
    }),
  );
});

test("what an earlier version saved is still understood", () => {
  expect([...parseHeard({ a: [1795219200000, 3], b: [null, 0] })]).toEqual([
    ["a", 1795219200000, 3],
    ["b", null, 0],
  ]);
});

test("a device heard a moment ago takes a few letters", () => {
  const base = 1795219200000;
  const text = formatHeard([
    ["r-1", base, 12],
    ["r-2", base - 3217, 12],
    ["r-3", null, 0],
  ]);
  expect(text).toBe(`${base.toString(36)};r-1,0,c;r-2,2hd,c;r-3,,`);
});
