// InfluxDB in trouble: sensors do not notice, nothing acknowledged is lost, what it refuses for good is put on record.
import { setTimeout as wait } from "node:timers/promises";
import mqtt from "mqtt";
import { influxdIsThere, startInfluxd } from "../../store/influx/influxd.ts";
import { type Product, temporaryFolder } from "../product.ts";
import { type Fault, isWhole, judge, skip, storeHealth, survive, until, whole } from "./fault.ts";
import { type StubMode, startStoreStub } from "./store-stub.ts";

const sentWithinMs = 120_000;

const storeFault = (name: string, mode: StubMode): Fault => ({
  name: `store ${name}`,
  run: async (short) => {
    if (!influxdIsThere()) return skip("influxd is not installed");
    await using folder = await temporaryFolder();
    await using influxd = await startInfluxd();
    await using stub = await startStoreStub(influxd.port);
    let sentMs = 0;
    let letters = 0;
    const survived = await survive({
      dataDir: folder.path,
      settings: { STORE_URL: `influx+http://127.0.0.1:${stub.port}/wattlas` },
      flags: { rate: 1000, seconds: short ? 4 : 10 },
      act: async (product) => {
        await wait(1000);
        stub.mode = mode;
        if (mode === "400") await publishPoison(product);
        await wait(short ? 2000 : 6000);
        if (mode !== "400") stub.mode = "ok";
      },
      settle: async (product) => {
        const began = performance.now();
        await until(async () => (await storeHealth(product)).pendingReadings === 0, sentWithinMs);
        sentMs = Math.round(performance.now() - began);
        if (mode === "400") letters = await poisonLetters(product);
      },
    });
    const inInflux = await countIn(influxd.port);
    const { acknowledged } = survived.load;
    const recorded = mode !== "400" || letters === 1;
    const isFelt = !["400", "413", "503"].includes(mode) || stub.counts.refused > 0;
    return judge(isWhole(survived) && inInflux >= acknowledged && recorded && isFelt, {
      ...whole(survived),
      inInflux,
      sentAfterMs: sentMs,
      refusedWrites: stub.counts.refused,
      ...(mode === "400" ? { deadLetters: letters } : {}),
    });
  },
});

export const storeFaults: readonly Fault[] = [
  storeFault("down", "down"),
  storeFault("hung", "hung"),
  storeFault("answers 503", "503"),
  storeFault("refuses a line with 400", "400"),
  storeFault("takes small writes only (413)", "413"),
  storeFault("slow", "slow"),
];

async function publishPoison(product: Product): Promise<void> {
  const client = await mqtt.connectAsync(product.mqttUrl);
  await client.publishAsync("dc/sim-1/poison/telemetry", '{"power_w":1}', { qos: 1 });
  await client.endAsync();
}

async function poisonLetters(product: Product): Promise<number> {
  let found = 0;
  await until(async () => {
    const answer = await fetch(`${product.url}/api/v1/dead-letters`);
    const { items } = (await answer.json()) as { readonly items: readonly object[] };
    found = items.filter((item) => JSON.stringify(item).includes("poison")).length;
    return found > 0;
  }, 60_000);
  return found;
}

/** Readings of the generator that are in InfluxDB, asked without the product. */
async function countIn(port: number): Promise<number> {
  const query = encodeURIComponent('SELECT count("voltage_l1_v") FROM "reading"');
  const answer = await fetch(`http://127.0.0.1:${port}/query?db=wattlas&q=${query}`);
  const found = /"values":\[\["[^"]*",(\d+)\]\]/.exec(await answer.text());
  return Number(found?.[1] ?? 0);
}
