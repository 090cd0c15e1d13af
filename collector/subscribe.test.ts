import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import mqtt from "mqtt";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { InboundMessage } from "#broker";
import { createMemoryLedger, createMemoryReadings, type Readings, timestamp } from "#store";
import { type CollectorSettings, collectorSchema } from "./config.ts";
import { loadMappings } from "./mappings.ts";
import { type Mosquitto, mosquittoIsMissing, mosquittoIsThere, startMosquitto } from "./mosquitto.ts";
import { startCollector } from "./pipeline.ts";
import { type Subscription, type SubscriptionReport, startSubscription } from "./subscribe.ts";

const { mappings } = await loadMappings(undefined);
const patience = { timeout: 60_000, interval: 10 };
const first = Date.UTC(2026, 10, 21);

let stack: AsyncDisposableStack;
beforeEach(({ skip }) => {
  skip(!mosquittoIsThere, mosquittoIsMissing);
  stack = new AsyncDisposableStack();
});
afterEach(() => stack.disposeAsync());

const mosquitto = async (more?: readonly string[]): Promise<Mosquitto> => stack.use(await startMosquitto(more));

const settingsFor = (url: string, more: Record<string, string> = {}) => {
  const settings: CollectorSettings = collectorSchema.parse({ COLLECTOR_BROKER_URL: url, ...more });
  return { ...settings, COLLECTOR_BROKER_URL: url };
};

interface Rig {
  readonly subscription: Subscription;
  readonly readings: Readings;
  readonly reports: readonly SubscriptionReport[];
  /** Ends the subscription first, as the product does. */
  readonly end: () => Promise<void>;
  readonly stored: (device: string, site?: string) => Promise<readonly number[]>;
}

const ledger = createMemoryLedger();
const collect = async (
  url: string,
  more: Record<string, string> = {},
  accept?: (message: InboundMessage) => Promise<void>,
): Promise<Rig> => {
  const settings = settingsFor(url, more);
  const own = stack.use(new AsyncDisposableStack());
  const readings = own.use(createMemoryReadings());
  const reports: SubscriptionReport[] = [];
  const collector = own.use(await startCollector(settings, { readings, ledger, mappings, onError: () => undefined }));
  const subscription = own.use(
    await startSubscription(settings, {
      accept: accept ?? ((message) => collector.accept(message)),
      ledger,
      mappings,
      modelled: [],
      onError: (_error, { code }) => reports.push(code),
    }),
  );
  const stored = async (device: string, site = "north"): Promise<readonly number[]> => {
    const page = await readings.read({ site, device, from: timestamp(0), to: timestamp(2 ** 43), limit: 10_000 });
    return page.items.flatMap(({ quantities }) => quantities.power_w ?? []);
  };
  return { subscription, readings, reports, stored, end: () => own.disposeAsync() };
};

/** Publishes `from` to `to`, each at a time of its own; resolves when Mosquitto has acknowledged all. */
const publish = async (url: string, from: number, to: number, topic = "dc/north/r-1/telemetry"): Promise<void> => {
  const client = await mqtt.connectAsync(url);
  const sent: Promise<unknown>[] = [];
  for (let number = from; number < to; number++)
    sent.push(client.publishAsync(topic, JSON.stringify({ ts: first + number * 1000, power_w: number }), { qos: 1 }));
  await Promise.all(sent);
  await client.endAsync();
};

const numbers = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, index) => from + index);
const subscribed = async (rig: Rig, url: string): Promise<void> => {
  // A reading that comes through says that the filter is there.
  await vi.waitFor(async () => {
    await publish(url, 0, 1, "dc/north/probe/telemetry");
    expect(await rig.stored("probe")).toEqual([0]);
  }, patience);
};

describe.each(["5", "3.1.1"])("over MQTT %s", (version) => {
  const protocol = { COLLECTOR_BROKER_VERSION: version };

  test("a reading published to Mosquitto is stored", async () => {
    const broker = await mosquitto();
    const rig = await collect(broker.url, protocol);
    await subscribed(rig, broker.url);
    await publish(broker.url, 0, 500);
    await vi.waitFor(async () => expect(await rig.stored("r-1")).toEqual(numbers(0, 500)), patience);
  });

  test("what comes while the collector is away waits at the broker and comes once", async () => {
    const broker = await mosquitto();
    const before = await collect(broker.url, protocol);
    await subscribed(before, broker.url);
    await before.end();
    await publish(broker.url, 0, 300);
    const after = await collect(broker.url, protocol);
    await vi.waitFor(async () => expect(await after.stored("r-1")).toEqual(numbers(0, 300)), patience);
    expect(after.subscription.counters().repeated).toBe(0);
  });

  test("nothing is acknowledged before it is stored: what was not comes again", async () => {
    const broker = await mosquitto();
    const first = await collect(broker.url, protocol);
    await subscribed(first, broker.url);
    await first.end();
    const stuck = await collect(broker.url, protocol, () => Promise.reject(new Error("the store is away")));
    await publish(broker.url, 0, 50);
    await vi.waitFor(() => expect(stuck.subscription.counters().messages).toBeGreaterThanOrEqual(50), patience);
    await stuck.end();
    const after = await collect(broker.url, protocol);
    await vi.waitFor(async () => expect(await after.stored("r-1")).toEqual(numbers(0, 50)), patience);
  });

  test("messages in flight are bounded while the store does not answer, and the connection lives on", async () => {
    const broker = await mosquitto();
    const gate = Promise.withResolvers<void>();
    let taken = 0;
    const rig = await collect(broker.url, { ...protocol, COLLECTOR_BROKER_IN_FLIGHT: "20" }, () => {
      taken += 1;
      return gate.promise;
    });
    await vi.waitFor(() => expect(rig.subscription.counters().connected).toBe(1), patience);
    await vi.waitFor(async () => {
      await publish(broker.url, 0, 1);
      expect(taken).toBeGreaterThan(0);
    }, patience);
    await publish(broker.url, 1, 200);
    await vi.waitFor(() => expect(taken).toBeGreaterThanOrEqual(20), patience);
    expect(rig.subscription.counters().waiting).toBeLessThanOrEqual(21);
    gate.resolve();
    await vi.waitFor(() => expect(taken).toBeGreaterThanOrEqual(200), patience);
    expect(rig.reports).toEqual([]);
  });

  test("a broker that is started again is found again, with the session and what waited in it", async () => {
    const broker = await mosquitto();
    const rig = await collect(broker.url, protocol);
    await subscribed(rig, broker.url);
    await publish(broker.url, 0, 100);
    await vi.waitFor(async () => expect(await rig.stored("r-1")).toEqual(numbers(0, 100)), patience);
    await broker.stop();
    await vi.waitFor(() => expect(rig.reports).toEqual(["COLLECTOR_BROKER_AWAY"]), patience);
    await broker.start();
    await publish(broker.url, 100, 200);
    await vi.waitFor(async () => expect(await rig.stored("r-1")).toEqual(numbers(0, 200)), patience);
    expect(rig.reports).toEqual(["COLLECTOR_BROKER_AWAY", "COLLECTOR_BROKER_BACK"]);
  });

  test("a broker that forgot the session is subscribed to again", async () => {
    const broker = await mosquitto(["persistence false"]);
    const rig = await collect(broker.url, protocol);
    await subscribed(rig, broker.url);
    await broker.stop();
    await broker.start();
    await vi.waitFor(async () => {
      await publish(broker.url, 7, 8);
      expect(await rig.stored("r-1")).toEqual([7]);
    }, patience);
  });

  test("filters no longer wanted are given back", async () => {
    const broker = await mosquitto();
    const both = await collect(broker.url, {
      ...protocol,
      COLLECTOR_TOPICS: "dc/north/+/telemetry,dc/south/+/telemetry",
    });
    await subscribed(both, broker.url);
    await both.end();
    const south = await collect(broker.url, { ...protocol, COLLECTOR_TOPICS: "dc/south/+/telemetry" });
    await vi.waitFor(async () => {
      await publish(broker.url, 1, 2, "dc/south/r-2/telemetry");
      expect(await south.stored("r-2", "south")).toEqual([1]);
    }, patience);
    await vi.waitFor(async () => {
      const row = await ledger.get("subscription", "wattlas");
      expect(row?.body).toEqual({ filters: ["dc/south/+/telemetry"] });
    }, patience);
    await publish(broker.url, 1, 20);
    await publish(broker.url, 2, 3, "dc/south/r-2/telemetry");
    await vi.waitFor(async () => expect(await south.stored("r-2", "south")).toEqual([1, 2]), patience);
    expect(await south.stored("r-1")).toEqual([]);
  });
});

test("a share group of two takes each message once, and loses none when one of them stops in the middle", async () => {
  const broker = await mosquitto();
  const group = (id: string) => ({ COLLECTOR_SHARE_GROUP: "hall", COLLECTOR_CLIENT_ID: id });
  const one = await collect(broker.url, group("one"));
  const two = await collect(broker.url, group("two"));
  await vi.waitFor(async () => {
    await publish(broker.url, 0, 10, "dc/north/probe/telemetry");
    for (const rig of [one, two]) expect((await rig.stored("probe")).length).toBeGreaterThan(0);
  }, patience);
  await publish(broker.url, 0, 600);
  const storedBy = async (rig: Rig) => rig.stored("r-1");
  await vi.waitFor(async () => {
    const together = [...(await storedBy(one)), ...(await storedBy(two))].sort((a, b) => a - b);
    expect(together).toEqual(numbers(0, 600));
  }, patience);
  for (const rig of [one, two]) expect((await storedBy(rig)).length).toBeGreaterThan(0);
  const ofOne = await storedBy(one);
  const publishing = publish(broker.url, 600, 1200);
  await one.subscription[Symbol.asyncDispose]();
  await publishing;
  const again = await storedBy(one);
  const heir = await collect(broker.url, group("one"));
  await vi.waitFor(async () => {
    // What the broker had not heard to be stored comes again.
    const together = new Set([...again, ...(await storedBy(two)), ...(await storedBy(heir))]);
    expect([...together].sort((a, b) => a - b)).toEqual(numbers(0, 1200));
  }, patience);
  expect(again.length).toBeGreaterThanOrEqual(ofOne.length);
});

test("shards divide the sites: each is stored by one, with and without names", async () => {
  const sites = ["north", "south", "east", "west", "hall-1", "hall-2"];
  for (const named of ["any", sites.join(",")]) {
    const broker = await mosquitto();
    const shards = await Promise.all(
      ["1/2", "2/2"].map((COLLECTOR_SHARD) => collect(broker.url, { COLLECTOR_SHARD, COLLECTOR_SITES: named })),
    );
    await vi.waitFor(async () => {
      for (const site of sites) await publish(broker.url, 3, 4, `dc/${site}/r-1/telemetry`);
      for (const site of sites) {
        const holders = await Promise.all(shards.map((rig) => rig.stored("r-1", site)));
        expect(holders.flat()).toEqual([3]);
      }
    }, patience);
    for (const { subscription } of shards) {
      if (named === "any") expect(subscription.counters().otherShard).toBeGreaterThan(0);
      await subscription[Symbol.asyncDispose]();
    }
  }
});

test("nobody but the product writes site system, and a site of others is theirs to write", async () => {
  const broker = await mosquitto();
  const rig = await collect(broker.url);
  await subscribed(rig, broker.url);
  await publish(broker.url, 1, 2, "dc/system/wattlas/telemetry");
  await vi.waitFor(() => expect(rig.subscription.counters().reserved).toBe(1), patience);
  expect(await rig.readings.devices("system")).toEqual([]);
});

test("what the product says reaches the broker's other clients", async () => {
  const broker = await mosquitto();
  const rig = await collect(broker.url);
  await subscribed(rig, broker.url);
  await rig.subscription.publish({ topic: "dc/north/account/1m", payload: "{}", retain: true });
  const client = await mqtt.connectAsync(broker.url);
  const heard = new Promise((resolve) => client.once("message", (topic) => resolve(topic)));
  await client.subscribeAsync("dc/north/account/#");
  expect(await heard).toBe("dc/north/account/1m");
  await client.endAsync();
});

test("a wrong password is said, and tried again", async () => {
  const broker = await mosquitto(["allow_anonymous false"]);
  const rig = await collect(broker.url.replace("mqtt://", "mqtt://user:wrong@"));
  await vi.waitFor(() => expect(rig.reports).toEqual(["COLLECTOR_BROKER_AWAY"]), patience);
});

test("over TLS a broker is believed by its authority, and by none other", async ({ skip }) => {
  skip(!existsSync("/usr/bin/openssl"), "openssl is not installed");
  const dir = await mkdtemp(join(tmpdir(), "wattlas-tls-"));
  stack.defer(() => rm(dir, { recursive: true, force: true }));
  const at = (name: string) => join(dir, name);
  for (const name of ["server", "stranger"])
    await promisify(execFile)("/usr/bin/openssl", [
      ...["req", "-x509", "-days", "2", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"],
      ...["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"],
      ...["-keyout", at(`${name}.key`), "-out", at(`${name}.pem`)],
    ]);
  const broker = await mosquitto([`certfile ${at("server.pem")}`, `keyfile ${at("server.key")}`]);
  const stranger = await collect(broker.url, {
    COLLECTOR_BROKER_CA_FILE: at("stranger.pem"),
    COLLECTOR_CLIENT_ID: "b",
  });
  await vi.waitFor(() => expect(stranger.reports).toEqual(["COLLECTOR_BROKER_AWAY"]), patience);
  const rig = await collect(broker.url, { COLLECTOR_BROKER_CA_FILE: at("server.pem") });
  const client = await mqtt.connectAsync(broker.url, { ca: await readFile(at("server.pem")) });
  await vi.waitFor(async () => {
    await client.publishAsync("dc/north/r-1/telemetry", JSON.stringify({ ts: first, power_w: 5 }), { qos: 1 });
    expect(await rig.stored("r-1")).toEqual([5]);
  }, patience);
  await client.endAsync();
  expect(stranger.subscription.counters().connected).toBe(0);
  await expect(collect(broker.url, { COLLECTOR_BROKER_CA_FILE: at("none.pem") })).rejects.toThrow("none.pem");
});

test("retained states come with the subscription, cleared ones leave no letter", async () => {
  const broker = await mosquitto();
  const client = await mqtt.connectAsync(broker.url);
  await client.publishAsync("dc/north/r-1/status", "online", { qos: 1, retain: true });
  const rig = await collect(broker.url, { COLLECTOR_BROKER_VERSION: "3.1.1" });
  await vi.waitFor(async () => {
    const [device] = await rig.readings.latest({ site: "north", devices: ["r-1"] });
    expect(device?.quantities.online?.value).toBe(1);
  }, patience);
  const letters = async () => (await ledger.list({ kind: "dead-letter", limit: 100 })).items.length;
  const before = await letters();
  await client.publishAsync("dc/north/r-1/status", "", { qos: 1, retain: true });
  await publish(broker.url, 9, 10);
  await vi.waitFor(async () => expect(await rig.stored("r-1")).toEqual([9]), patience);
  expect(await letters()).toBe(before);
  await client.endAsync();
});
