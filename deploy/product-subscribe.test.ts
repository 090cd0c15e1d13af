import mqtt from "mqtt";
import { expect, test, vi } from "vitest";
import { mosquittoIsMissing, mosquittoIsThere, startMosquitto } from "../collector/mosquitto.ts";
import { type Product, startProduct, temporaryFolder } from "./product.ts";
import { readingsOf } from "./publisher.ts";

const patience = { timeout: 60_000, interval: 20 };

/** Publishes numbered readings through whatever happens to the broker, as many as it is allowed, until told to stop. */
const publishOn = (client: mqtt.MqttClient, device: string) => {
  const acknowledged: number[] = [];
  let running = true;
  let allowed = 0;
  let more = Promise.withResolvers<void>();
  const wake = () => {
    more.resolve();
    more = Promise.withResolvers();
  };
  // While the broker is away every attempt to reach it is an error.
  client.on("error", () => undefined);
  const done = (async () => {
    for (let number = 0; running; number++) {
      while (running && number >= allowed) await more.promise;
      if (!running) return;
      const reading = JSON.stringify({ ts: 1_790_000_000_000 + number * 1000, power_w: number });
      await client.publishAsync(`dc/demo/${device}/telemetry`, reading, { qos: 1 });
      acknowledged.push(number);
    }
  })();
  return {
    acknowledged,
    /** Without a bound a machine that is busy enough would never catch up. */
    allow: (count: number) => {
      allowed = count;
      wake();
    },
    stop: async () => {
      running = false;
      wake();
      await done;
      await client.endAsync();
    },
  };
};

test("behind Mosquitto, kill -9 loses nothing that Mosquitto acknowledged, and counts nothing twice", {
  timeout: 480_000,
}, async ({ skip }) => {
  skip(!mosquittoIsThere, mosquittoIsMissing);
  await using folder = await temporaryFolder();
  await using broker = await startMosquitto();
  const settings = {
    PARTS: "collector,energy,rules,dashboard",
    COLLECTOR_BROKER_URL: broker.url,
    DEPLOY_HEALTH_MS: "1000",
  };
  const started: Product[] = [];
  await using _ended = {
    [Symbol.asyncDispose]: async () => {
      for (const product of started) await product.end("SIGKILL");
    },
  };
  const start = async (): Promise<Product> => {
    const product = await startProduct(folder.path, settings);
    started.push(product);
    return product;
  };
  const isStored = async (product: Product, numbers: readonly number[]) => {
    const stored = (await readingsOf(product, "demo", "r-1")).map(({ quantities }) => quantities.power_w);
    const seen = new Set(stored);
    expect(numbers.filter((number) => !seen.has(number))).toEqual([]);
    expect(stored.length).toBe(seen.size);
  };

  // The first start makes the session; what is published before it has no reader.
  const prepared = await start();
  const client = await mqtt.connectAsync(broker.url);
  await vi.waitFor(async () => {
    await client.publishAsync("dc/demo/probe/telemetry", '{"ts":1790000000000,"power_w":1}', { qos: 1 });
    expect(await readingsOf(prepared, "demo", "probe")).toHaveLength(1);
  }, patience);
  await vi.waitFor(async () => expect(await readingsOf(prepared, "system", "wattlas")).not.toEqual([]), patience);
  expect(await prepared.end("SIGTERM")).toBe(0);

  const publisher = publishOn(client, "r-1");
  for (const reached of [100, 300]) {
    publisher.allow(reached + 100);
    const product = await start();
    await vi.waitFor(() => expect(publisher.acknowledged.length).toBeGreaterThan(reached), patience);
    await vi.waitFor(async () => expect(await readingsOf(product, "demo", "r-1")).not.toEqual([]), patience);
    // Killed while more come.
    publisher.allow(reached + 200);
    await product.end("SIGKILL");
  }
  const product = await start();
  publisher.allow(700);
  await broker.stop();
  await broker.start();
  await vi.waitFor(() => expect(publisher.acknowledged.length).toBeGreaterThan(500), patience);
  await publisher.stop();
  await vi.waitFor(() => isStored(product, publisher.acknowledged), patience);
  expect(await product.end("SIGTERM")).toBe(0);
});
