import fc from "fast-check";
import { expect, test } from "vitest";
import { formatCursor, parseCount, parseCursor } from "./cursor.ts";

test("a cursor gives back the parts it was made of", () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: "grapheme" }), { minLength: 1 }), (parts) => {
      expect(parseCursor(formatCursor(parts), parts.length)).toEqual(parts);
    }),
  );
});

test("what is no cursor is refused as expired", () => {
  const expired = expect.objectContaining({ code: "STORE_CURSOR_EXPIRED" });
  expect(() => parseCursor("a~b", 3)).toThrow(expired);
  expect(() => parseCursor("%E0%A4%A", 1)).toThrow(expired);
  expect(() => parseCount("", "x")).toThrow(expired);
  expect(() => parseCount("-1", "x")).toThrow(expired);
  expect(() => parseCount(undefined, "x")).toThrow(expired);
  expect(parseCount("12", "x")).toBe(12);
});
