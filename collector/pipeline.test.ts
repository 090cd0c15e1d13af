import fc from "fast-check";
import { afterEach, describe, expect, test, vi } from "vitest";
import { type Identity, type InboundMessage, parseTopic } from "#broker";
import {
  createMemoryLedger,
  createMemoryReadings,
  type Ledger,
  type Reading,
  type Readings,
  StoreRefusedError,
  StoreUnavailableError,
  timestamp,
} from "#store";
import type { DeadLetter } from "./codes.ts";
import { type CollectorSettings, collectorSchema } from "./config.ts";
import { loadMappings } from "./mappings.ts";
import { type Collector, type CollectorReport, startCollector } from "./pipeline.ts";

const received = Date.UTC(2026, 10, 21);
const loopback: Identity = {
  user: "anonymous",
  role: "gateway",
  site: null,
  device: null,
  clientId: "c",
  loopback: true,
};

const message = (topic: string, payload: unknown, more: Partial<InboundMessage> = {}): InboundMessage => {
  const parsed = parseTopic(topic);
  const bytes =
    payload instanceof Uint8Array
      ? payload
      : new TextEncoder().encode(typeof payload === "string" ? payload : JSON.stringify(payload));
  return {
    topic,
    address: parsed.ok ? parsed.address : null,
    payload: bytes,
    qos: 1,
    retain: false,
    identity: loopback,
    received,
    ...more,
  };
};

const { mappings } = await loadMappings(undefined);
const running: AsyncDisposable[] = [];
afterEach(async () => {
  for (const one of running.splice(0).reverse()) await one[Symbol.asyncDispose]();
});

interface Setup {
  readonly settings?: Partial<CollectorSettings>;
  readonly wrap?: (store: Readings) => Readings;
  readonly wrapLedger?: (ledger: Ledger) => Ledger;
}

const setUp = async ({ settings = {}, wrap = (store) => store, wrapLedger = (ledger) => ledger }: Setup = {}) => {
  const readings = createMemoryReadings();
  const ledger = createMemoryLedger({ now: () => received });
  const reports: CollectorReport[] = [];
  let collector: Collector | null = null;
  collector = await startCollector(
    { ...collectorSchema.parse({}), COLLECTOR_BATCH_AGE_MS: 0, ...settings },
    {
      readings: wrap(readings),
      ledger: wrapLedger(ledger),
      mappings,
      onError: (_error, { code }) => reports.push(code),
      now: () => received,
    },
  );
  running.push(readings, ledger, collector);
  const stored = async (site: string, device: string): Promise<readonly Reading[]> => {
    const page = await readings.read({ site, device, from: timestamp(0), to: timestamp(received * 2), limit: 1000 });
    return page.items;
  };
  const letters = async (): Promise<readonly DeadLetter[]> => {
    const { items } = await ledger.list({ kind: "dead-letter", limit: 1000 });
    return items.map((row) => row.body as unknown as DeadLetter);
  };
  return { collector, readings, ledger, reports, stored, letters };
};

/** The same store with another `write`. */
const writingBy = (store: Readings, write: Readings["write"]): Readings => ({
  write,
  read: (query) => store.read(query),
  series: (query) => store.series(query),
  latest: (query) => store.latest(query),
  corrections: (query) => store.corrections(query),
  devices: (site) => store.devices(site),
  head: () => store.head(),
  follow: (query) => store.follow(query),
  prune: (retention) => store.prune(retention),
  health: () => store.health(),
  [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
});

const committingBy = (ledger: Ledger, commit: Ledger["commit"]): Ledger => ({
  commit,
  get: (kind, key, asOf) => ledger.get(kind, key, asOf),
  getAll: (kind, keys) => ledger.getAll(kind, keys),
  list: (query) => ledger.list(query),
  history: (kind, key) => ledger.history(kind, key),
  follow: (query) => ledger.follow(query),
  head: () => ledger.head(),
  prune: (kind, before) => ledger.prune(kind, before),
  [Symbol.asyncDispose]: () => ledger[Symbol.asyncDispose](),
});

const T = "dc/north/r-101/telemetry";

describe("a message that is accepted", () => {
  test("is readable from the store the moment accept resolves", async () => {
    const { collector, stored } = await setUp();
    await collector.accept(message(T, { ts: received - 1000, power_w: 4213.5 }));
    expect(await stored("north", "r-101")).toMatchObject([
      { ts: received - 1000, received, quantities: { power_w: 4213.5 } },
    ]);
    expect(collector.counters()).toMatchObject({ messages: 1, readings: 1, values: 1, waiting: 0, rejectedTotal: 0 });
  });

  test("shares one commit with those that came in the same time", async () => {
    const sizes: number[] = [];
    const { collector } = await setUp({
      wrap: (store) =>
        writingBy(store, (batch) => {
          sizes.push(batch.length);
          return store.write(batch);
        }),
    });
    await Promise.all(
      Array.from({ length: 50 }, (_, i) => collector.accept(message(`dc/north/r-${i}/telemetry`, { power_w: i }))),
    );
    expect(sizes).toEqual([50]);
  });

  test("goes at once when the commit is full", async () => {
    const sizes: number[] = [];
    const { collector } = await setUp({
      settings: { COLLECTOR_BATCH_AGE_MS: 1000, COLLECTOR_BATCH_READINGS: 10 },
      wrap: (store) =>
        writingBy(store, (batch) => {
          sizes.push(batch.length);
          return store.write(batch);
        }),
    });
    await Promise.all(
      Array.from({ length: 20 }, (_, i) => collector.accept(message(`dc/north/r-${i}/telemetry`, { power_w: i }))),
    );
    expect(sizes).toEqual([10, 10]);
  });

  test("counts duplicates and corrections as the store tells them", async () => {
    const { collector } = await setUp();
    await collector.accept(message(T, { ts: received, power_w: 1 }));
    await collector.accept(message(T, { ts: received, power_w: 1 }));
    await collector.accept(message(T, { ts: received, power_w: 2 }));
    expect(collector.counters()).toMatchObject({ values: 1, duplicates: 1, corrections: 1 });
  });

  test("without a time gets one of its own, however fast it comes", async () => {
    const { collector, stored } = await setUp();
    await Promise.all([1, 2, 3].map((power_w) => collector.accept(message(T, { power_w }))));
    expect((await stored("north", "r-101")).map(({ ts, flags }) => [ts - received, flags])).toEqual([
      [0, ["TS_MISSING"]],
      [1, ["TS_MISSING"]],
      [2, ["TS_MISSING"]],
    ]);
  });

  test("belongs to the sender's site when its dialect names none", async () => {
    const { collector, stored } = await setUp();
    const identity: Identity = { ...loopback, site: "west", loopback: false };
    await collector.accept(message("plug/status/switch:0", { apower: 12 }, { identity }));
    await collector.accept(message("plug/status/switch:0", { apower: 12 }));
    expect((await stored("west", "plug")).length).toBe(1);
    expect((await stored("main", "plug")).length).toBe(1);
  });
});

describe("a message that says nothing to us", () => {
  test("is acknowledged and counted", async () => {
    const { collector, letters } = await setUp();
    await collector.accept(message("plug/status/sys", { uptime: 5 }));
    await collector.accept(message("dc/north/r-101/status", "", { retain: true }));
    await collector.accept(message("dc/north/account/1m", { pue: 1.2 }));
    expect(collector.counters()).toMatchObject({ messages: 3, withoutReadings: 3, rejectedTotal: 0 });
    expect(await letters()).toEqual([]);
  });
});

describe("what is rejected", () => {
  test("is a dead letter by the time accept resolves, and its neighbours are kept", async () => {
    const { collector, stored, letters } = await setUp();
    await collector.accept(message(T, { ts: received, power_w: 1, voltage_v: -5 }));
    expect(await stored("north", "r-101")).toMatchObject([{ quantities: { power_w: 1 } }]);
    expect(await letters()).toEqual([
      {
        topic: T,
        code: "COLLECTOR_VALUE_OUT_OF_RANGE",
        reason: 'device "r-101": voltage_v -5 is outside 0 to 1000000 V',
        payload: `{"ts":${received},"power_w":1,"voltage_v":-5}`,
        bytes: 47,
        user: "anonymous",
        received,
      },
    ]);
  });

  test("by a topic that no dialect knows is told so", async () => {
    const { collector, letters } = await setUp();
    await collector.accept(message("house/kitchen", "21.5"));
    expect((await letters()).map(({ code }) => code)).toEqual(["COLLECTOR_TOPIC_UNKNOWN"]);
  });

  test("beyond the limit is acknowledged and counted, but not kept", async () => {
    const { collector, letters } = await setUp({ settings: { COLLECTOR_DEAD_LETTERS_PER_MINUTE: 3 } });
    for (let i = 0; i < 10; i += 1) await collector.accept(message(T, "{"));
    expect((await letters()).length).toBe(3);
    const { rejected, deadLettersKept, deadLettersLimited } = collector.counters();
    expect([rejected.COLLECTOR_PAYLOAD_NOT_JSON, deadLettersKept, deadLettersLimited]).toEqual([10, 3, 7]);
  });

  test("includes what a credential may not say in a batch or a mapping", async () => {
    const { collector, letters, stored } = await setUp();
    const identity: Identity = { ...loopback, role: "device", site: "north", device: "plug", loopback: false };
    await collector.accept(
      message("dc/north/plug/batch", { readings: { "r-9": { power_w: 1 }, "plug.1": { power_w: 2 } } }, { identity }),
    );
    const metric = {
      name: "modbus",
      tags: { site: "system", name: "m" },
      fields: { power_w: 1 },
      timestamp: received / 1000,
    };
    await collector.accept(message("telegraf/gw/modbus", metric));
    expect((await letters()).map(({ code }) => code)).toEqual(["COLLECTOR_DEVICE_INVALID", "COLLECTOR_DEVICE_INVALID"]);
    expect((await stored("north", "plug.1")).length).toBe(1);
    expect(await stored("system", "m")).toEqual([]);
  });

  test("by the store is a dead letter, and the rest of the commit is stored", async () => {
    const { collector, letters, stored } = await setUp({
      wrap: (store) =>
        writingBy(store, (batch) => {
          if (batch.some((reading) => reading.device === "poison")) {
            throw new StoreRefusedError("a field changed its type", { code: "STORE_TYPE_CONFLICT" });
          }
          return store.write(batch);
        }),
    });
    const devices = ["r-1", "r-2", "poison", "r-3", "r-4"];
    await Promise.all(
      devices.map((device) => collector.accept(message(`dc/north/${device}/telemetry`, { power_w: 1 }))),
    );
    expect(await letters()).toMatchObject([{ code: "COLLECTOR_STORE_REFUSED", topic: "dc/north/poison/telemetry" }]);
    for (const device of ["r-1", "r-2", "r-3", "r-4"]) expect((await stored("north", device)).length).toBe(1);
  });

  test("by one line of the store's answer is a dead letter of the message it came from", async () => {
    const { collector, letters } = await setUp({
      wrap: (store) =>
        writingBy(store, async (batch) => {
          const bad = batch.filter((reading) => reading.device === "r-2");
          const result = await store.write(batch.filter((reading) => reading.device !== "r-2"));
          return { ...result, rejected: bad.map((reading) => ({ reading, code: "STORE_LINE_REFUSED", reason: "no" })) };
        }),
    });
    await Promise.all(
      ["r-1", "r-2"].map((device) => collector.accept(message(`dc/north/${device}/telemetry`, { power_w: 1 }))),
    );
    expect(await letters()).toMatchObject([{ reason: "STORE_LINE_REFUSED: no", topic: "dc/north/r-2/telemetry" }]);
    expect(collector.counters()).toMatchObject({ readings: 1, rejectedTotal: 1 });
  });
});

describe("while the store is away", () => {
  const flaky = (failures: number) => {
    let left = failures;
    let open: () => void = () => {};
    const tried = new Promise<void>((resolve) => {
      open = resolve;
    });
    const wrap = (store: Readings): Readings =>
      writingBy(store, (batch) => {
        if (left === 0) return store.write(batch);
        left -= 1;
        open();
        return Promise.reject(new StoreUnavailableError("the disk is full", { retryAfterMs: 2 }));
      });
    return { wrap, tried, heal: () => (left = 0) };
  };

  test("nothing is acknowledged, everything is kept, and it goes on when there is room", async () => {
    const store = flaky(Number.POSITIVE_INFINITY);
    const { collector, reports, stored } = await setUp({
      wrap: store.wrap,
      settings: { COLLECTOR_BATCH_READINGS: 10 },
    });
    let acknowledged = 0;
    const all = Array.from({ length: 100 }, async (_, i) => {
      await collector.accept(message(`dc/north/r-${i}/telemetry`, { power_w: i }));
      acknowledged += 1;
    });
    await vi.waitUntil(() => collector.counters().store === "unavailable", { timeout: 60_000, interval: 5 });
    expect(collector.counters()).toMatchObject({ store: "unavailable", storeReason: "the disk is full", waiting: 100 });
    expect(acknowledged).toBe(0);
    store.heal();
    await Promise.all(all);
    expect(collector.counters()).toMatchObject({ store: "ok", storeReason: "", waiting: 0, readings: 100 });
    for (let i = 0; i < 100; i += 1) expect((await stored("north", `r-${i}`)).length).toBe(1);
    expect(reports).toEqual(["COLLECTOR_STORE_AWAY", "COLLECTOR_STORE_BACK"]);
  });

  test("it is said once, however often the attempts fail", async () => {
    const store = flaky(7);
    const { collector, reports } = await setUp({ wrap: store.wrap });
    await collector.accept(message(T, { power_w: 1 }));
    expect(reports).toEqual(["COLLECTOR_STORE_AWAY", "COLLECTOR_STORE_BACK"]);
  });

  test("commits keep their order, so that the newest word of a device stays the last", async () => {
    const store = flaky(5);
    const { collector, stored } = await setUp({
      wrap: store.wrap,
      settings: { COLLECTOR_BATCH_READINGS: 1, COLLECTOR_IN_FLIGHT: 2 },
    });
    await Promise.all([1, 2, 3, 4].map((power_w) => collector.accept(message(T, { ts: received, power_w }))));
    expect(await stored("north", "r-101")).toMatchObject([{ quantities: { power_w: 4 } }]);
    expect(collector.counters()).toMatchObject({ corrections: 3 });
  });

  test("a stop gives each commit one more attempt and hands back the rest unacknowledged", async () => {
    const store = flaky(Number.POSITIVE_INFINITY);
    const { collector } = await setUp({ wrap: store.wrap });
    const outcome = collector.accept(message(T, { power_w: 1 })).catch((error: unknown) => error);
    await store.tried;
    await collector[Symbol.asyncDispose]();
    expect(await outcome).toBeInstanceOf(StoreUnavailableError);
    await expect(collector.accept(message(T, { power_w: 1 }))).rejects.toBeInstanceOf(StoreUnavailableError);
  });

  test("an error nobody expected is treated like an absence, never like a success", async () => {
    let first = true;
    const { collector, reports, stored } = await setUp({
      wrap: (store) =>
        writingBy(store, (batch) => {
          if (!first) return store.write(batch);
          first = false;
          throw new TypeError("BUG: x is not a function");
        }),
    });
    const accepted = collector.accept(message(T, { power_w: 1 }));
    await accepted;
    expect(reports).toEqual(["COLLECTOR_STORE_AWAY", "COLLECTOR_STORE_BACK"]);
    expect((await stored("north", "r-101")).length).toBe(1);
  });

  test("the ledger may be away too: a reject waits until it is recorded", async () => {
    let failures = 3;
    const { collector, letters, reports } = await setUp({
      wrapLedger: (ledger) =>
        committingBy(ledger, (changes) => {
          if (failures === 0) return ledger.commit(changes);
          failures -= 1;
          return Promise.reject(new StoreUnavailableError("locked", { retryAfterMs: 1 }));
        }),
    });
    await collector.accept(message(T, "{"));
    expect((await letters()).length).toBe(1);
    expect(reports).toEqual(["COLLECTOR_STORE_AWAY", "COLLECTOR_STORE_BACK"]);
  });
});

test("at most as many commits as allowed are under way", async () => {
  let under = 0;
  let most = 0;
  const { collector } = await setUp({
    settings: { COLLECTOR_BATCH_READINGS: 1, COLLECTOR_IN_FLIGHT: 2 },
    wrap: (store) =>
      writingBy(store, async (batch) => {
        under += 1;
        most = Math.max(most, under);
        await new Promise<void>((resolve) => setImmediate(resolve));
        under -= 1;
        return store.write(batch);
      }),
  });
  await Promise.all(
    Array.from({ length: 20 }, (_, i) => collector.accept(message(`dc/north/r-${i}/telemetry`, { power_w: i }))),
  );
  expect(most).toBe(2);
});

test("a stop drains what was accepted", async () => {
  const { collector, stored } = await setUp({ settings: { COLLECTOR_BATCH_AGE_MS: 1000 } });
  const accepted = collector.accept(message(T, { power_w: 1 }));
  await collector[Symbol.asyncDispose]();
  await accepted;
  expect((await stored("north", "r-101")).length).toBe(1);
});

test("any bytes and any JSON on any topic are acknowledged and counted, and nothing throws", async () => {
  const level = fc.oneof(
    fc.constantFrom(
      "dc",
      "north",
      "telemetry",
      "batch",
      "status",
      "events",
      "rpc",
      "em:0",
      "shellies",
      "relay",
      "0",
      "info",
    ),
    fc.constantFrom("telegraf", "__proto__", "constructor", "online", "emeter", "power", "account", "alert", "r-1"),
    fc.string({ maxLength: 8 }),
  );
  const topic = fc.oneof(
    fc.constantFrom(
      T,
      "dc/north/gw/batch",
      "dc/north/__proto__/status",
      "x/events/rpc",
      "telegraf/h/m",
      "shellies/x/info",
    ),
    fc.array(level, { minLength: 1, maxLength: 6 }).map((levels) => levels.join("/")),
  );
  const key = fc.constantFrom(
    "ts",
    "readings",
    "__proto__",
    "constructor",
    "power_w",
    "params",
    "metrics",
    "fields",
    "name",
    "tags",
    "em:0",
    "device",
  );
  const { tree } = fc.letrec((tie) => ({
    tree: fc.oneof({ maxDepth: 4 }, fc.integer(), fc.double(), fc.string(), fc.constant(null), tie("list"), tie("map")),
    list: fc.array(tie("tree"), { maxLength: 4 }),
    map: fc.dictionary(key, tie("tree"), { maxKeys: 5, noNullPrototype: true }),
  }));
  const payload = fc.oneof(
    fc.uint8Array({ maxLength: 64 }),
    tree.map((value) => JSON.stringify(value) ?? ""),
    fc.json(),
  );
  const { collector, reports } = await setUp();
  let sent = 0;
  await fc.assert(
    fc.asyncProperty(topic, payload, fc.boolean(), async (where, what, retain) => {
      const before = collector.counters();
      await collector.accept(message(where, what, { retain }));
      sent += 1;
      const after = collector.counters();
      expect(after.messages).toBe(sent);
      const outcome =
        after.readings -
        before.readings +
        (after.rejectedTotal - before.rejectedTotal) +
        (after.withoutReadings - before.withoutReadings);
      expect(outcome).toBeGreaterThan(0);
      expect(after.waiting).toBe(0);
    }),
    { numRuns: 500 },
  );
  expect(reports).toEqual([]);
});
