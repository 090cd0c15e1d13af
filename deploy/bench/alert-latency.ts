// mosquitto-like client ─ acknowledged ─▶ rules ─▶ ledger `at`, live stream
// minute closes ─ lateness ─▶ accounts ─▶ window rule ─▶ ledger `at`, live stream
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import mqtt from "mqtt";
import type { Alert } from "#rules";
import { openStore, storeSchema } from "#store";
import { startProduct } from "../product.ts";
import { writeEstate } from "./alert-flood.ts";
import { hotRule } from "./alert-hall.ts";
import { type Spread, spreadMs, watchAlerts } from "./alert-watch.ts";

export type AlertLatency = Readonly<Record<string, Spread>>;

const latenessMs = 10_000;
const racks = 20;
const windowRule = `id: R97
version: 1
title: { en: High, zh-CN: 偏高 }
action: { en: Lower it, zh-CN: 降低 }
on: account
subject: node
inputs: [mean_w]
levels:
  - { severity: MAJOR, subcode: high, trigger: mean_w > W(5000), hold_on_s: 0, clear: mean_w < W(5000), hold_off_s: 0 }
`;
const site = `site: hall
name: Hall
time_zone: UTC
currency: CNY
bus_rating_w: 1000000
nodes:
  - { id: grid, kind: grid, points: [{ code: MP.PCC, device: meter-1, power: power_w, sign: 1, interval_s: 2 }] }
${Array.from({ length: racks }, (_, at) => `  - { id: r-${at}, kind: it, points: [{ code: MP.PDU.OUT.${at}, device: r-${at}, interval_s: 2 }] }`).join("\n")}
`;
const minuteMs = 60_000;

export async function measureLatency(folder: string, minutes: number): Promise<AlertLatency> {
  const data = join(folder, "data");
  const env = await writeEstate(folder, site, { r97: windowRule, r98: hotRule });
  const product = await startProduct(data, { ...env, ENERGY_LATENESS_MS: String(latenessMs) });
  const instant = watchAlerts(product.url, "R98");
  const windows = watchAlerts(product.url, "R97");
  const client = await mqtt.connectAsync(product.mqttUrl);
  const acknowledged = new Map<string, number>();
  const streamed: number[] = [];
  try {
    const publish = (device: string, values: object) =>
      client.publishAsync(`dc/hall/${device}/telemetry`, JSON.stringify(values), { qos: 1 });
    const end = Date.now() + minutes * minuteMs + 2 * latenessMs;
    for (let turn = 0; Date.now() < end; turn++) {
      const watts = Math.floor(Date.now() / minuteMs) % 2 === 0 ? 4000 : 6000;
      await Promise.all([
        publish("meter-1", { power_w: racks * watts }),
        ...Array.from({ length: racks }, (_, at) => publish(`r-${at}`, { power_w: watts })),
      ]);
      const device = `i-${turn}`;
      const heard = instant.wait(device, "ACTIVE", 20_000);
      await publish(device, { inlet_c: 40 });
      const at = Date.now();
      acknowledged.set(device, at);
      streamed.push(((await heard) ?? at + 20_000) - at);
      // Not in step with the seconds of the clocks.
      await wait(400 + ((turn * 311) % 900));
    }
  } finally {
    instant.end();
    windows.end();
    await client.endAsync(true);
    await product.end("SIGTERM");
  }
  const fail = (error: unknown): never => {
    throw error;
  };
  await using store = await openStore(storeSchema.parse({ DATA_DIR: data }), { role: "writer", onError: fail });
  const recorded: number[] = [];
  const windowRecorded: number[] = [];
  for (let cursor: string | null = null; ; ) {
    const page: Awaited<ReturnType<typeof store.ledger.follow>> = await store.ledger.follow({
      ...{ cursor, kinds: ["alert"], limit: 1000, waitMs: 0 },
    });
    for (const { at, body } of page.rows) {
      const { rule, subject, changed } = body as unknown as Alert;
      const since = acknowledged.get(subject);
      if (rule === "R98" && since !== undefined) recorded.push(Math.max(0, at - since));
      if (rule === "R97") windowRecorded.push(at - changed.site - latenessMs);
    }
    if (page.rows.length === 0) break;
    cursor = page.cursor;
  }
  const windowStreamed = [...windows.seen].map(([name, at]) => at - Number(name.split("/")[2]) - latenessMs);
  return {
    "instant rule: acknowledged to on record": spreadMs(recorded),
    "instant rule: acknowledged to live stream": spreadMs(streamed),
    "window rule: end + lateness to on record": spreadMs(windowRecorded),
    "window rule: end + lateness to live stream": spreadMs(windowStreamed),
  };
}
