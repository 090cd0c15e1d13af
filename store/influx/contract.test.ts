// Against a stub of documented answers (see contract.ts), not against these versions themselves.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { storeSchema } from "../config.ts";
import { createMemoryLedger } from "../memory/index.ts";
import type { Reading } from "../reading.ts";
import { timestamp } from "../unit.ts";
import { type Answer, dialects, type Stub, startStub } from "./contract.ts";
import { openInflux } from "./index.ts";

const patience = { timeout: 60_000, interval: 20 }; // a busy machine and a server that asks for a second of rest
let stack: AsyncDisposableStack;
beforeEach(() => {
  stack = new AsyncDisposableStack();
});
afterEach(() => stack.disposeAsync());

const reading = (device: number, after: number, value = after): Reading => ({
  site: "demo",
  device: `r-${device}`,
  ts: timestamp(1_795_219_200_000 + after),
  received: timestamp(1_795_219_200_000 + after),
  quantities: { power_w: value },
  flags: [],
});
const sample = Array.from({ length: 200 }, (_, index) => reading(index % 10, Math.floor(index / 10) * 1000));

const open = async (stub: Stub) => {
  const dir = await mkdtemp(join(tmpdir(), "wattlas-contract-"));
  stack.defer(() => rm(dir, { recursive: true, force: true }));
  const ledger = createMemoryLedger();
  const codes: string[] = [];
  const readings = stack.use(
    await openInflux(storeSchema.parse({ STORE_URL: stub.url, DATA_DIR: dir }), {
      role: "writer",
      ledger,
      onError: (_, { code }) => codes.push(code),
      backOff: { firstMs: 10, mostMs: 50 },
    }),
  );
  const sent = () => vi.waitFor(async () => expect((await readings.health()).pendingReadings).toBe(0), patience);
  const letters = async () => (await ledger.list({ kind: "dead-letter", limit: 100 })).items;
  return { readings, codes, sent, letters };
};

const stubOf = async (...args: Parameters<typeof startStub>): Promise<Stub> => stack.use(await startStub(...args));

describe.each(dialects)("as $name is documented to answer", (dialect) => {
  test("readings are written with /write, gzip and milliseconds, and its version is learned", async () => {
    const stub = await stubOf(dialect, () => null);
    const { readings, sent } = await open(stub);
    await readings.write(sample);
    await sent();
    expect(stub.lines).toHaveLength(200);
    for (const { path, encoding } of stub.requests) {
      expect(path).toBe("/write?db=wattlas&precision=ms");
      expect(encoding).toBe("gzip");
    }
    expect((await readings.health()).version).toContain(dialect.name.split(" ")[0]);
  });

  test.each(["typeConflict", "unparsable"] as const)(
    "the poison line of a batch (%s) is found and buried",
    async (kind) => {
      const poison = (line: string) => line.includes("device=r-7,") && line.endsWith("000005000");
      const stub = await stubOf(dialect, (lines) => {
        const bad = lines.find(poison);
        return bad === undefined ? null : dialect[kind](bad);
      });
      const { readings, sent, letters, codes } = await open(stub);
      await readings.write(
        sample.map((of) => ({ ...of, ts: timestamp(of.ts - 1_795_219_200_000 + 1_795_000_000_000) })),
      );
      await sent();
      expect((await letters()).map(({ body }) => body)).toMatchObject([
        { code: "STORE_LINE_REFUSED", payload: expect.stringContaining("device=r-7,") },
      ]);
      expect(new Set(stub.lines).size).toBe(199);
      expect(codes).toContain("STORE_LINE_REFUSED");
    },
  );

  test("413 halves, and the next batch is small at once", async () => {
    const stub = await stubOf(dialect, (lines) => (lines.length > 60 ? dialect.tooLarge : null));
    const { readings, sent, letters } = await open(stub);
    await readings.write(sample);
    await sent();
    const before = stub.requests.length;
    await readings.write(sample.map((of) => ({ ...of, ts: timestamp(of.ts + 1e6) })));
    await sent();
    expect(stub.lines).toHaveLength(400);
    expect(stub.requests.slice(before).every(({ lines }) => lines <= 60)).toBe(true);
    expect(await letters()).toEqual([]);
  });

  test.each(["busy", "wrongPassword", "noDatabase"] as const)(
    "%s loses nothing: the same is sent again",
    async (kind) => {
      const stub = await stubOf(dialect, (_, number): Answer | null => (number <= 2 ? dialect[kind] : null));
      const { readings, sent, letters, codes } = await open(stub);
      await readings.write(sample);
      await vi.waitFor(() => expect(stub.requests.length).toBeGreaterThanOrEqual(1), patience);
      await sent();
      expect(new Set(stub.lines).size).toBe(200);
      expect(await letters()).toEqual([]);
      expect(codes).toEqual(["STORE_UNREACHABLE"]);
    },
  );
});

test("a long backlog goes in four requests of up to 5,000 lines at once, each device's lines in their order", async () => {
  const [dialect] = dialects;
  if (dialect === undefined) throw new Error("no dialect");
  let away = true;
  // Slower and quicker answers mix, so that requests overtake each other.
  const stub = await stubOf(
    dialect,
    (_, number) => (away || number % 23 === 3 ? dialect.busy : null),
    (number) => setTimeout((number * 13) % 40),
  );
  const { readings, sent } = await open(stub);
  const [devices, times] = [40, 1500];
  for (let time = 0; time < times; time += 100) {
    const batch = Array.from({ length: 100 }, (_, step) =>
      Array.from({ length: devices }, (__, device) => reading(device, (time + step) * 1000)),
    );
    await readings.write(batch.flat());
  }
  away = false;
  const live = readings.write(Array.from({ length: devices }, (_, device) => reading(device, times * 1000)));
  await live;
  await sent();
  expect(stub.mostAtOnce()).toBe(4);
  expect(Math.max(...stub.requests.map(({ lines }) => lines))).toBeLessThanOrEqual(5000);
  const firstTime = new Map<string, number[]>();
  const seen = new Set<string>();
  for (const line of stub.lines) {
    if (seen.has(line)) continue;
    seen.add(line);
    const device = /device=([^,]+)/.exec(line)?.[1] ?? "";
    firstTime.set(device, [...(firstTime.get(device) ?? []), Number(line.split(" ").at(-1))]);
  }
  expect(seen.size).toBe(devices * (times + 1));
  for (const times of firstTime.values()) expect(times).toEqual([...times].sort((a, b) => a - b));
});

test("corrections of a backlog end with the newest value, each old one kept under its own number", async () => {
  const [dialect] = dialects;
  if (dialect === undefined) throw new Error("no dialect");
  let away = true;
  const stub = await stubOf(
    dialect,
    () => (away ? dialect.busy : null),
    (number) => setTimeout((number * 13) % 40),
  );
  const { readings, sent } = await open(stub);
  const all = Array.from({ length: 6000 }, (_, index) => reading(index % 30, Math.floor(index / 30) * 1000, 1));
  await readings.write(all);
  await readings.write(all.map((of) => ({ ...of, quantities: { power_w: 2 } })));
  away = false;
  await sent();
  const last = new Map<string, string>();
  for (const line of stub.lines) {
    if (!line.startsWith("reading,")) continue;
    const [series = "", fields = "", ts = ""] = line.split(" ");
    last.set(`${series} ${ts}`, /power_w=(\d+)/.exec(fields)?.[1] ?? "");
  }
  expect(last.size).toBe(6000);
  expect(new Set(last.values())).toEqual(new Set(["2"]));
  expect(new Set(stub.lines.filter((line) => line.startsWith("superseded,"))).size).toBe(6000);
});
