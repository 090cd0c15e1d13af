import fc from "fast-check";
import { expect, test } from "vitest";
import { createPieces } from "./pieces.ts";

test("pieces of any size make the whole again", () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 9000, size: "max" }), { maxLength: 20 }), (parts) => {
      const pieces = createPieces();
      for (const part of parts) pieces.add(Buffer.from(part));
      expect(pieces.whole()).toEqual(Buffer.concat(parts));
    }),
  );
});

test("a large piece is kept, not copied, and a view on something larger is copied, not kept", () => {
  const own = Buffer.alloc(60_000, 1);
  const view = Buffer.alloc(60_000, 2).subarray(0, 3000);
  const pieces = createPieces();
  pieces.add(own);
  pieces.add(view);
  own[0] = 7;
  view[0] = 7;
  const whole = pieces.whole();
  expect(whole).toHaveLength(63_000);
  expect([whole[0], whole[60_000]]).toEqual([7, 2]);
});
