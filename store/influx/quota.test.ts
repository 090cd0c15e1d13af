import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { storeSchema } from "../config.ts";
import { StoreUnavailableError } from "../errors.ts";
import { createMemoryLedger } from "../memory/index.ts";
import type { Reading } from "../reading.ts";
import { timestamp } from "../unit.ts";
import { dialects, startStub } from "./contract.ts";
import { openInflux } from "./index.ts";

const patience = { timeout: 60_000, interval: 10 };
let stack: AsyncDisposableStack;
beforeEach(() => {
  stack = new AsyncDisposableStack();
});
afterEach(() => stack.disposeAsync());

let state = 1;
/** Values that no compression makes small. */
const noise = (): number => {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
  return state / 7;
};
const batch = (number: number): Reading[] =>
  Array.from({ length: 200 }, (_, device) => ({
    site: "demo",
    device: `r-${device}`,
    ts: timestamp(1_795_219_200_000 + number * 1000),
    received: timestamp(1_795_219_200_000 + number * 1000),
    quantities: { power_w: noise(), voltage_v: noise(), energy_import_wh: noise() },
    flags: [],
  }));

/** A spool of 1 MB in front of a server that is too busy until it is told not to be. */
const open = async (policy: "refuse" | "drop-oldest") => {
  const [dialect] = dialects;
  if (dialect === undefined) throw new Error("no dialect");
  let busy = true;
  const stub = stack.use(await startStub(dialect, () => (busy ? dialect.busy : null)));
  const dir = await mkdtemp(join(tmpdir(), "wattlas-quota-"));
  stack.defer(() => rm(dir, { recursive: true, force: true }));
  const ledger = createMemoryLedger();
  const codes: string[] = [];
  const settings = storeSchema.parse({
    STORE_URL: stub.url,
    DATA_DIR: dir,
    STORE_SPOOL_MB: "1",
    STORE_SPOOL_POLICY: policy,
  });
  const deps = {
    ledger,
    onError: (_: unknown, { code }: { readonly code: string }) => codes.push(code),
    backOff: { firstMs: 10, mostMs: 50 },
  };
  const readings = stack.use(await openInflux(settings, { ...deps, role: "writer" }));
  const reader = stack.use(await openInflux(settings, { ...deps, role: "reader" }));
  const served = () => {
    busy = false;
    return vi.waitFor(async () => expect((await readings.health()).pendingReadings).toBe(0), patience);
  };
  return { stub, readings, reader, ledger, codes, served };
};

test("refuse: alarm at 80 %, no acknowledgement at 100 %, and nothing acknowledged is lost", async () => {
  const { stub, readings, reader, codes, served } = await open("refuse");
  let written = 0;
  while (!codes.includes("STORE_SPOOL_FILLING")) await readings.write(batch(written++));
  for (const instance of [readings, reader])
    expect(await instance.health()).toMatchObject({
      state: "degraded",
      reason: expect.stringMatching(/the spool is 8\d % full .* nothing more is acknowledged/),
    });
  await expect(
    (async () => {
      for (;;) {
        await readings.write(batch(written));
        written += 1;
      }
    })(),
  ).rejects.toBeInstanceOf(StoreUnavailableError);
  expect(await readings.health()).toMatchObject({ state: "full" });
  expect(codes.filter((code) => code === "STORE_SPOOL_FILLING")).toHaveLength(1);
  await served();
  await vi.waitFor(() => readings.write(batch(written)), patience);
  written += 1;
  await served();
  expect(new Set(stub.lines).size).toBe(written * 200);
  expect(await readings.health()).toMatchObject({ state: "ok", reason: "" });
});

test("drop-oldest: everything is acknowledged, what was given up is counted, said and listed", async () => {
  const { stub, readings, codes, ledger, served } = await open("drop-oldest");
  const batches = 400;
  for (let number = 0; number < batches; number++) await readings.write(batch(number));
  expect(codes).toContain("STORE_SPOOL_DROPPED");
  expect(await readings.health()).toMatchObject({ state: "degraded", reason: expect.stringContaining("given up") });
  await served();
  const letters = await vi.waitFor(async () => {
    const { items } = await ledger.list({ kind: "dead-letter", limit: 100 });
    expect(items.length).toBe(codes.filter((code) => code === "STORE_SPOOL_DROPPED").length);
    return items;
  }, patience);
  const lost = letters.reduce((sum, { body }) => sum + Number(/(\d+) readings/.exec(JSON.stringify(body))?.[1]), 0);
  expect(new Set(stub.lines).size).toBe(batches * 200 - lost);
  expect(stub.lines.some((line) => line.endsWith(` ${1_795_219_200_000 + (batches - 1) * 1000}`))).toBe(true);
});
