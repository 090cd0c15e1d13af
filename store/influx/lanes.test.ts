import { HttpError } from "@influxdata/influxdb-client";
import { expect, test, vi } from "vitest";
import { waitAfter } from "./back-off.ts";
import { createLanes, laneCount } from "./lanes.ts";

const never = new AbortController().signal;

/** Requests that wait for the test to answer them. */
const setUp = () => {
  const open = new Map<string, PromiseWithResolvers<void>>();
  const sent: string[] = [];
  const done: number[] = [];
  const lanes = createLanes<string>({
    ended: never,
    send: async (lines) => {
      const name = lines.join("+");
      sent.push(name);
      const answer = Promise.withResolvers<void>();
      open.set(name, answer);
      await answer.promise;
      return [];
    },
    done: async ({ next }) => {
      done.push(next);
    },
  });
  const started = (...names: string[]) =>
    vi.waitFor(() => expect(sent).toEqual(expect.arrayContaining(names)), { timeout: 60_000, interval: 5 });
  return { lanes, sent, done, started, answer: (name: string) => open.get(name)?.resolve(), open };
};

test("four requests are under way at once, and a lane's second one waits for its first", async () => {
  const { lanes, sent, answer, started } = setUp();
  lanes.add(10, [[["a1"], ["a2"]], [["b1"]], [["c1"]], [["d1"]]]);
  await started("a1", "b1", "c1", "d1");
  expect(sent).toHaveLength(laneCount);
  answer("b1");
  answer("a1");
  await started("a2");
});

test("the cursor goes over windows in order, whichever is done first", async () => {
  const { lanes, done, answer, started } = setUp();
  lanes.add(10, [[["a"]]]);
  lanes.add(20, [[], [["b"]]]);
  await started("a", "b");
  answer("b");
  await Promise.resolve();
  expect(done).toEqual([]);
  answer("a");
  await lanes.below(1);
  expect(done).toEqual([10, 20]);
});

test("after a failure nothing new is sent, what is under way is waited for, the cursor stays before it", async () => {
  const { lanes, sent, done, answer, started, open } = setUp();
  lanes.add(10, [[["a"]], [["b"]]]);
  lanes.add(20, [[["c"]]]);
  await started("a", "b");
  open.get("a")?.reject(new Error("gone"));
  const ended = lanes.end();
  answer("b");
  await expect(ended).rejects.toThrow("gone");
  expect(sent).toEqual(["a", "b"]);
  expect(done).toEqual([]);
});

test("room is told when a window is done", async () => {
  const { lanes, answer, started } = setUp();
  lanes.add(10, [[["a"]]]);
  lanes.add(20, []);
  let room = "none";
  const waiting = lanes.below(1).then(() => {
    room = "there";
  });
  await started("a");
  expect(room).toBe("none");
  answer("a");
  await waiting;
});

test("waits double, are spread by half, and end at the most", () => {
  const backOff = { firstMs: 500, mostMs: 15_000 };
  const after = (failures: number, random: number) =>
    waitAfter(new Error("away"), { failures, random, now: 0 }, backOff);
  expect([0, 1, 2, 9].map((failures) => after(failures, 0))).toEqual([250, 500, 1000, 7500]);
  expect([0, 1, 2, 9].map((failures) => after(failures, 1))).toEqual([500, 1000, 2000, 15_000]);
});

test("Retry-After is kept to, in seconds and as a date, up to five minutes", () => {
  const now = Date.UTC(2026, 10, 21);
  const after = (retry: string) => {
    const error = new HttpError(503, "", "", retry, "", "", { "retry-after": retry });
    return waitAfter(error, { failures: 0, random: 0, now }, { firstMs: 500, mostMs: 15_000 });
  };
  expect(after("7")).toBe(7000);
  expect(after(new Date(now + 9000).toUTCString())).toBe(9000);
  expect(after("86400")).toBe(300_000);
  expect(after("soon")).toBe(250);
});
