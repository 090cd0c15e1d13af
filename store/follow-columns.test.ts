import { expect, test } from "vitest";
import { readingsOf } from "./columns.ts";
import { shareFollow } from "./follow-columns.ts";
import { createMemoryReadings } from "./memory/index.ts";
import type { Reading } from "./reading.ts";
import type { FollowQuery, Readings } from "./readings.ts";
import { timestamp } from "./unit.ts";

const limits = { gatherMs: 1, keptRows: 100, followers: 3 };
const sites = ["demo"];

const reading = (power_w: number): Reading => ({
  site: "demo",
  device: `r-${power_w}`,
  ts: timestamp(power_w * 1000),
  received: timestamp(power_w * 1000),
  quantities: { power_w },
  flags: [],
});
const write = (readings: Readings, from: number, count: number) =>
  readings.write(Array.from({ length: count }, (_, index) => reading(from + index)));

/** A store that counts how often its pages were read, and one that shares them. */
const start = (more: Partial<typeof limits> = {}) => {
  const looks: FollowQuery[] = [];
  const memory = createMemoryReadings({ gapMs: 150_000 });
  const counted: Readings = {
    ...memory,
    follow: (query) => {
      looks.push(query);
      return memory.follow(query);
    },
  };
  const shared = shareFollow(counted, { ...limits, ...more });
  const columns = (query: Partial<FollowQuery>) =>
    shared.followColumns?.({ cursor: null, sites, limit: 10, waitMs: 0, ...query }) ??
    Promise.reject(new Error("BUG: shared readings follow in columns"));
  return { memory, looks, columns };
};

test("the second follower gets the page of the first, not what came meanwhile", async () => {
  const { memory, looks, columns } = start();
  await write(memory, 1, 3);
  const first = await columns({});
  await write(memory, 4, 2);
  const second = await columns({});
  expect(readingsOf(second.columns)).toEqual(readingsOf(first.columns));
  expect(second.cursor).toBe(first.cursor);
  expect(looks).toHaveLength(1);
  const next = await columns({ cursor: second.cursor });
  expect(readingsOf(next.columns).map(({ device }) => device)).toEqual(["r-4", "r-5"]);
});

test("a kept page says that its follower is behind when the next one is kept too", async () => {
  const { memory, columns } = start();
  await write(memory, 1, 1);
  const first = await columns({});
  expect(first.behind).toBe(false);
  await write(memory, 2, 1);
  await columns({ cursor: first.cursor });
  expect((await columns({})).behind).toBe(true);
});

test("two who wait at one place are woken by one look", async () => {
  const { memory, looks, columns } = start();
  const cursor = await memory.head();
  const waiting = [columns({ cursor, waitMs: 20_000 }), columns({ cursor, waitMs: 5000 })];
  await write(memory, 1, 1);
  for (const page of await Promise.all(waiting)) expect(readingsOf(page.columns)).toHaveLength(1);
  expect(looks).toHaveLength(1);
});

test("one who leaves does not end the wait of the other", async () => {
  const { memory, columns } = start();
  const cursor = await memory.head();
  const leave = new AbortController();
  const left = columns({ cursor, waitMs: 20_000, signal: leave.signal });
  const stays = columns({ cursor, waitMs: 20_000 });
  leave.abort();
  expect(await left).toMatchObject({ cursor, behind: false });
  await write(memory, 1, 1);
  expect(readingsOf((await stays).columns)).toHaveLength(1);
});

test("the wait ends when the last one leaves, and another may wait there again", async () => {
  const { memory, looks, columns } = start();
  const cursor = await memory.head();
  const leave = new AbortController();
  const left = columns({ cursor, waitMs: 20_000, signal: leave.signal });
  await Promise.resolve();
  leave.abort();
  await left;
  expect(looks.at(-1)?.signal?.aborted ?? true).toBe(true);
  const again = columns({ cursor, waitMs: 20_000 });
  await write(memory, 1, 1);
  expect(readingsOf((await again).columns)).toHaveLength(1);
});

test("pages beyond the bound are let go, and who is that far behind reads them again, in order", async () => {
  const { memory, looks, columns } = start({ keptRows: 20 });
  await write(memory, 1, 50);
  const all = async (): Promise<string[]> => {
    const found: string[] = [];
    for (let [cursor, behind] = [null as string | null, true]; behind; ) {
      const page = await columns({ cursor });
      found.push(...readingsOf(page.columns).map(({ device }) => device));
      ({ cursor, behind } = page);
    }
    return found;
  };
  const first = await all();
  const before = looks.length;
  expect(await all()).toEqual(first);
  expect(first).toHaveLength(50);
  expect(looks.length).toBeGreaterThan(before);
});

test("a page that all have had is let go, and a further one reads the same from the store", async () => {
  const { memory, looks, columns } = start({ followers: 2 });
  await write(memory, 1, 3);
  const first = await columns({});
  const second = await columns({});
  expect(second.columns).toBe(first.columns);
  expect(looks).toHaveLength(1);
  const third = await columns({});
  expect(looks).toHaveLength(2);
  expect(third.columns).not.toBe(first.columns);
  expect(readingsOf(third.columns)).toEqual(readingsOf(first.columns));
});

test("a follower never gets more than its limit", async () => {
  const { memory, columns } = start();
  await write(memory, 1, 8);
  expect((await columns({})).columns.device).toHaveLength(8);
  expect((await columns({ limit: 3 })).columns.device).toHaveLength(3);
});

test("followers of other sites have pages of their own", async () => {
  const { memory, columns } = start();
  await write(memory, 1, 2);
  expect((await columns({})).columns.device).toHaveLength(2);
  expect((await columns({ sites: ["other"] })).columns.device).toHaveLength(0);
});
