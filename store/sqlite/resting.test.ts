import { expect, test } from "vitest";
import type { Remote } from "./remote.ts";
import { startResting } from "./resting.ts";

interface Calls {
  double(argument: number): number;
}

const startFake = () => {
  const log: string[] = [];
  let failing = false;
  const start = async (): Promise<Remote<Calls>> => {
    if (failing) throw new Error("no");
    log.push("started");
    return {
      call: async (_name, argument) => (2 * argument) as never,
      [Symbol.asyncDispose]: async () => {
        log.push("ended");
      },
    };
  };
  return {
    log,
    start,
    fail: (value: boolean) => {
      failing = value;
    },
  };
};

const until = async (isSo: () => boolean) => {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 1));
};

test("a worker that nobody asks ends, and the next call starts another", async () => {
  const { log, start } = startFake();
  const remote = await startResting(start, 5);
  expect(await remote.call("double", 2)).toBe(4);
  await until(() => log.length === 2);
  expect(log).toEqual(["started", "ended"]);
  expect(await Promise.all([remote.call("double", 3), remote.call("double", 4)])).toEqual([6, 8]);
  await until(() => log.length === 4);
  expect(log).toEqual(["started", "ended", "started", "ended"]);
  await remote[Symbol.asyncDispose]();
  expect(log).toHaveLength(4);
});

test("a start that fails is told to whoever asked, and tried again with the next call", async () => {
  const { log, start, fail } = startFake();
  fail(true);
  await expect(startResting(start, 5)).rejects.toThrow("no");
  fail(false);
  const remote = await startResting(start, 1);
  await until(() => log.includes("ended"));
  fail(true);
  await expect(remote.call("double", 1)).rejects.toThrow("no");
  fail(false);
  expect(await remote.call("double", 1)).toBe(2);
  await remote[Symbol.asyncDispose]();
});

test("after closing nothing starts any more", async () => {
  const { log, start } = startFake();
  const remote = await startResting(start, 60_000);
  await remote[Symbol.asyncDispose]();
  await expect(remote.call("double", 1)).rejects.toThrow("closed");
  expect(log).toEqual(["started", "ended"]);
});
