import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { Worker } from "node:worker_threads";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { storeSchema } from "../config.ts";
import type { Ledger } from "../ledger.ts";
import { createMemoryLedger, createMemoryReadings } from "../memory/index.ts";
import type { Reading } from "../reading.ts";
import type { Readings } from "../readings.ts";
import { timestamp } from "../unit.ts";
import { openInflux } from "./index.ts";
import { type Influxd, influxdIsThere, startInfluxd } from "./influxd.ts";

const patience = { timeout: 60_000, interval: 10 };
const noon = Date.UTC(2026, 5, 1, 12);
const allTime = { from: timestamp(0), to: timestamp(Date.UTC(2100, 0, 1)), limit: 10_000 };

const reading = (
  device: string,
  after: number,
  quantities: Record<string, number>,
  receivedAfter = after,
): Reading => ({
  site: "demo",
  device,
  ts: timestamp(noon + after),
  received: timestamp(noon + receivedAfter),
  quantities,
  flags: [],
});

describe.skipIf(!influxdIsThere())("an InfluxDB that is away", () => {
  let influxd: Influxd;
  let dir: string;
  let ledger: Ledger;
  let codes: string[];
  const opened: Readings[] = [];

  beforeEach(async () => {
    influxd = await startInfluxd({ started: "later" });
    dir = await mkdtemp(join(tmpdir(), "wattlas-outage-"));
    ledger = createMemoryLedger();
    codes = [];
  });
  afterEach(async () => {
    for (const readings of opened.splice(0)) await readings[Symbol.asyncDispose]();
    await influxd[Symbol.asyncDispose]();
    await rm(dir, { recursive: true, force: true });
  });

  const open = async (role: "writer" | "reader" = "writer"): Promise<Readings> => {
    const readings = await openInflux(storeSchema.parse({ STORE_URL: influxd.url("wattlas"), DATA_DIR: dir }), {
      role,
      ledger,
      onError: (_, at) => codes.push(at.code),
      backOff: { firstMs: 20, mostMs: 100 },
    });
    opened.push(readings);
    return readings;
  };
  const allSent = async (readings: Readings) => {
    await vi.waitFor(async () => expect(await readings.health()).toMatchObject({ state: "ok", pendingReadings: 0 }), {
      ...patience,
    });
  };
  /** Asks the server itself, past our own code. */
  const ask = async (query: string): Promise<unknown[][]> => {
    const url = `http://127.0.0.1:${influxd.port}/query?db=wattlas&epoch=ms&q=${encodeURIComponent(query)}`;
    const answer = (await (await fetch(url)).json()) as { results: { series?: { values: unknown[][] }[] }[] };
    return answer.results[0]?.series?.flatMap((series) => series.values) ?? [];
  };
  const stored = async (readings: Readings, device = "r-1") =>
    (await readings.read({ site: "demo", device, ...allTime })).items;

  test("at the start keeps nothing from being acknowledged, read and followed, and gets it all later", async () => {
    const readings = await open();
    const batch = Array.from({ length: 100 }, (_, index) => reading("r-1", index * 1000, { power_w: index }));
    expect(await readings.write(batch)).toMatchObject({ accepted: 100, rejected: [] });
    expect(await stored(readings)).toEqual(batch);
    expect((await readings.follow({ cursor: null, limit: 1000, waitMs: 0 })).readings).toEqual(batch);
    expect((await readings.latest({ site: "demo" }))[0]?.quantities).toEqual({
      power_w: { value: 99, ts: noon + 99_000 },
    });
    const reader = await open("reader");
    expect(await stored(reader)).toEqual(batch);
    const away = {
      ...{ state: "unreachable", pendingReadings: 100 },
      reason: expect.stringContaining("ECONNREFUSED"),
    };
    for (const each of [readings, reader])
      await vi.waitFor(async () => expect(await each.health()).toMatchObject(away), patience);

    await influxd.start();
    await allSent(readings);
    expect(await ask('SELECT count("power_w") FROM "reading"')).toEqual([[0, 100]]);
    await vi.waitFor(async () => expect((await readings.health()).version).toMatch(/^1\./), patience);
    expect(await stored(readings)).toEqual(batch);
    expect(codes).toContain("STORE_UNREACHABLE");
  });

  test("killed while we write, nothing is lost and nothing comes twice", async () => {
    await influxd.start();
    const readings = await open();
    const batches = Array.from({ length: 60 }, (_, index) =>
      Array.from({ length: 50 }, (_, device) => reading(`r-${device}`, index * 1000, { power_w: index, inlet_c: 20 })),
    );
    for (const [index, batch] of batches.entries()) {
      if (index === 20) await influxd.stop("SIGKILL");
      if (index === 40) await influxd.start();
      expect(await readings.write(batch)).toMatchObject({ accepted: 100, duplicates: 0, corrections: 0 });
    }
    await allSent(readings);
    expect(await ask('SELECT count("power_w") FROM "reading"')).toEqual([[0, 3000]]);
    expect(await ask('SELECT count("was") FROM "superseded"')).toEqual([]);
    const counts = async () => (await readings.devices("demo")).map((device) => device.readings);
    await vi.waitFor(async () => expect(await counts()).toEqual(Array(50).fill(60)), patience);
    const followed = await readings.follow({ cursor: null, limit: 10_000, waitMs: 0 });
    expect(followed.readings).toEqual(batches.flat());
  });

  test("what merges, repeats or corrects while it is away is decided when it is back", async () => {
    await influxd.start();
    const before = await open();
    await before.write([reading("r-1", 0, { power_w: 1, voltage_v: 230 }), reading("r-1", 9000, { power_w: 5 })]);
    await allSent(before);
    // A new process remembers nothing that is sent.
    await before[Symbol.asyncDispose]();
    await influxd.stop("SIGKILL");
    const readings = await open();
    await readings.write([reading("r-1", 0, { power_w: 2, inlet_c: 20 }, 20_000)]);
    await readings.write([reading("r-1", 0, { power_w: 3 }, 21_000)]);
    await readings.write([reading("r-1", 9000, { power_w: 5 }, 22_000)]);
    expect((await stored(readings))[0]?.quantities).toMatchObject({ power_w: 3, inlet_c: 20 });
    await influxd.start();
    await allSent(readings);
    expect((await stored(readings)).map((item) => item.quantities)).toEqual([
      { power_w: 3, voltage_v: 230, inlet_c: 20 },
      { power_w: 5 },
    ]);
    const corrections = (await readings.corrections({ site: "demo", ...allTime })).items;
    expect(corrections.map(({ was, replaced }) => [was, replaced - noon])).toEqual([
      [1, 20_000],
      [2, 21_000],
    ]);
    await vi.waitFor(async () => expect((await readings.devices())[0]?.readings).toBe(2), patience);
  });

  test("the process killed meanwhile, everything acknowledged is there when it is opened again", async () => {
    const index = new URL("./index.ts", import.meta.url).href;
    const code = `
      const { openInflux } = await import(${JSON.stringify(index)});
      const readings = await openInflux(JSON.parse(process.argv[1]), { role: "writer", onError() {}, ledger: {} });
      for (let n = 0; ; n++) {
        const { accepted } = await readings.write([{ site: "demo", device: "r-1", ts: ${noon} + n, received: ${noon} + n, quantities: { power_w: n }, flags: [] }]);
        if (accepted !== 1) throw new Error("not accepted");
        process.stdout.write(n + "\\n");
      }`;
    const settings = storeSchema.parse({ STORE_URL: influxd.url("wattlas"), DATA_DIR: dir });
    const child = spawn(process.execPath, ["--input-type=module", "-e", code, JSON.stringify(settings)], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const gone = once(child, "exit");
    let acknowledged = 0;
    for await (const line of createInterface(child.stdout)) {
      acknowledged = Number(line) + 1;
      if (acknowledged === 150) child.kill("SIGKILL");
    }
    await gone;
    const readings = await open();
    const found = await stored(readings);
    expect(acknowledged).toBeGreaterThanOrEqual(150);
    expect(found.length).toBeGreaterThanOrEqual(acknowledged);
    expect(found.map((item) => item.quantities.power_w)).toEqual(found.map((_, n) => n));
    await influxd.start();
    await allSent(readings);
    expect(await ask('SELECT count("power_w") FROM "reading"')).toEqual([[0, found.length]]);
  });

  test("a value that it refuses becomes a dead letter, its neighbours are kept", async () => {
    await influxd.start();
    const readings = await open();
    await readings.write([reading("r-0", 0, { voltage_v: 1 })]);
    await allSent(readings);
    const url = `http://127.0.0.1:${influxd.port}/write?db=wattlas&precision=ms`;
    expect((await fetch(url, { method: "POST", body: `reading,site=x,device=x power_w=1i ${noon}` })).status).toBe(204);
    const good = Array.from({ length: 20 }, (_, n) => reading("r-2", n, { voltage_v: n }));
    await readings.write([...good.slice(0, 9), reading("r-1", 0, { power_w: 4, voltage_v: 230 }), ...good.slice(9)]);
    await allSent(readings);
    expect((await stored(readings)).map((item) => item.quantities)).toEqual([{ voltage_v: 230 }]);
    expect(await stored(readings, "r-2")).toEqual(good);
    const letters = await ledger.list({ kind: "dead-letter", limit: 10 });
    expect(letters.items).toMatchObject([
      { site: "demo", body: { topic: "dc/demo/r-1/telemetry", code: "STORE_LINE_REFUSED", received: noon } },
    ]);
    expect(JSON.stringify(letters.items[0]?.body)).toContain("field type conflict");
    expect(codes).toContain("STORE_LINE_REFUSED");
  });

  test("a follower in another thread wakes when something is committed", async () => {
    const index = new URL("./index.ts", import.meta.url).href;
    const settings = storeSchema.parse({ STORE_URL: influxd.url("wattlas"), DATA_DIR: dir });
    const writer = await open();
    const code = `
      const { parentPort, workerData } = require("node:worker_threads");
      import(workerData.index).then(async ({ openInflux }) => {
        const readings = await openInflux(workerData.settings, { role: "reader", onError() {}, ledger: {} });
        parentPort.postMessage("ready");
        const page = await readings.follow({ cursor: null, limit: 10, waitMs: 20000 });
        parentPort.postMessage(page.readings);
        await readings[Symbol.asyncDispose]();
      });`;
    const worker = new Worker(code, { eval: true, workerData: { index, settings } });
    expect(await once(worker, "message")).toEqual(["ready"]);
    const message = reading("r-1", 0, { power_w: 7 });
    await writer.write([message]);
    expect(await once(worker, "message")).toEqual([[message]]);
    await once(worker, "exit");
  });

  test("hours that are rolled up answer as before, from the kept windows", async () => {
    await influxd.start();
    const readings = await open();
    const batch = Array.from({ length: 500 }, (_, n) => reading("r-1", n * 20_000, { power_w: n % 37, inlet_c: n }));
    await readings.write(batch);
    await allSent(readings);
    const all = () =>
      Promise.all(
        (["1m", "15m", "1h"] as const).map((step) =>
          readings.series({ site: "demo", device: "r-1", quantity: "power_w", step, ...allTime }),
        ),
      );
    const before = await all();
    const forever = { "1m": null, "15m": null, "1h": null };
    const late = timestamp(noon + 86_400_000);
    await readings.prune({ now: late, rawMs: late - noon - 4 * 3_600_000, rollup: forever });
    expect((await ask('SELECT count("sum") FROM "reading_1h" WHERE "quantity" = \'power_w\''))[0]?.[1]).toBe(3);
    expect(await all()).toEqual(before);
    expect(await stored(readings)).toEqual([]);
  });

  test("roll-ups of hours that it missed, and of those that got late readings meanwhile, are those of the samples", async () => {
    await influxd.start();
    const readings = await open();
    const truth = createMemoryReadings();
    const put = async (batch: Reading[]) => {
      await readings.write(batch);
      await truth.write(batch);
    };
    const hours = (from: number, to: number, everyMs: number, offset = 0) =>
      Array.from({ length: ((to - from) * 3_600_000) / everyMs }, (_, n) =>
        reading("r-1", from * 3_600_000 + n * everyMs + offset, { power_w: (n * 7 + offset) % 37 }),
      );
    await put(hours(0, 2, 20_000));
    await allSent(readings);
    await influxd.stop("SIGKILL");
    await put(hours(2, 4, 20_000));
    await put(hours(1, 3, 45_000, 7000));
    await put([reading("r-1", 0, { power_w: 1000 }, 9e6)]);
    const all = async (of: Readings) => {
      const steps = (["1m", "15m", "1h"] as const).map((step) =>
        of.series({ site: "demo", device: "r-1", quantity: "power_w", step, ...allTime }),
      );
      return (await Promise.all(steps)).map((series) =>
        series.step === "raw" ? series : { ...series, integral: series.integral.map((value) => Math.round(value)) },
      );
    };
    expect(await all(readings)).toEqual(await all(truth));
    await influxd.start();
    await allSent(readings);
    expect(await all(readings)).toEqual(await all(truth));
    // Once the samples are gone, only what was rolled up can answer.
    const forever = { "1m": null, "15m": null, "1h": null };
    await readings.prune({ now: timestamp(noon + 86_400_000), rawMs: 0, rollup: forever });
    expect(await stored(readings)).toEqual([]);
    expect(await all(readings)).toEqual(await all(truth));
  });

  test("a lost spool folder learns its devices from the server, and follows from its new beginning", async () => {
    await influxd.start();
    const first = await open();
    await first.write([reading("r-1", 0, { power_w: 1, inlet_c: 20 }), reading("r-1", 1000, { power_w: 2 })]);
    const [device] = await first.devices();
    const latest = await first.latest({ site: "demo" });
    const { cursor } = await first.follow({ cursor: null, limit: 10, waitMs: 0 });
    await allSent(first);
    await first[Symbol.asyncDispose]();
    await rm(dir, { recursive: true });
    const second = await open();
    await vi.waitFor(async () => expect(await second.devices()).toEqual([device]), patience);
    expect(await second.latest({ site: "demo" })).toEqual(latest);
    expect(await second.write([reading("r-1", 1000, { power_w: 2 })])).toMatchObject({ accepted: 0, duplicates: 1 });
    await second.write([reading("r-1", 2000, { power_w: 3 })]);
    const page = await second.follow({ cursor, limit: 10, waitMs: 0 });
    expect(page.readings.map((item) => item.quantities.power_w)).toEqual([3]);
    expect(codes).toContain("STORE_CURSOR_EXPIRED");
  });
});
