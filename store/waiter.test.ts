import { expect, test } from "vitest";
import { createWaiter, followWith } from "./waiter.ts";

const follow = (
  waiter: ReturnType<typeof createWaiter>,
  look: (cursor: string | null) => Promise<{ items: number[]; cursor: string }>,
  waitMs = 20_000,
) =>
  followWith({ cursor: null, waitMs }, { waiter, look, isEmpty: (found) => found.items.length === 0, pollMs: 20_000 });

test("a commit between looking and sleeping is not lost", async () => {
  const waiter = createWaiter();
  let committed = false;
  const found = await follow(waiter, async () => {
    const items = committed ? [1] : [];
    committed = true;
    waiter.wake();
    return { items, cursor: "1" };
  });
  expect(found.items).toEqual([1]);
});

test("what was passed over is not looked at again", async () => {
  const waiter = createWaiter();
  const asked: (string | null)[] = [];
  await follow(waiter, async (cursor) => {
    asked.push(cursor);
    waiter.wake();
    return { items: asked.length === 3 ? [1] : [], cursor: String(asked.length) };
  });
  expect(asked).toEqual([null, "1", "2"]);
});

test("without patience there is one look", async () => {
  let looks = 0;
  const found = await follow(createWaiter(), async () => ({ items: [], cursor: String(++looks) }), 0);
  expect(found.cursor).toBe("1");
});

test("closing wakes everybody, for good", async () => {
  const waiter = createWaiter();
  const sleeping = waiter.wait(waiter.generation(), 20_000);
  waiter.close();
  await sleeping;
  await waiter.wait(waiter.generation(), 20_000);
  expect(waiter.closed()).toBe(true);
});
