import { once } from "node:events";
import { getPriority } from "node:os";
import { Worker } from "node:worker_threads";
import { expect, test } from "vitest";

test.runIf(process.platform === "linux")("a thread that gives way leaves the others as they are", async () => {
  const main = getPriority(process.pid);
  const worker = new Worker(new URL("./give-way.fixture.ts", import.meta.url), { execArgv: [] });
  const [{ before, after }] = (await once(worker, "message")) as [{ before: number; after: number }];
  await once(worker, "exit");
  expect(after).toBe(Math.max(before, Math.min(19, main + 5)));
  expect(getPriority(process.pid)).toBe(main);
});
