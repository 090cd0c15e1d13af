// as many devices as wanted run hot ─▶ as many alerts stand; then one device after the other turns, beside them
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import mqtt from "mqtt";
import { startProduct } from "../product.ts";
import { hallSite, hotRule } from "./alert-hall.ts";
import { type Spread, spreadMs, watchAlerts } from "./alert-watch.ts";
import { measurePage, type PastAlerts } from "./past-alerts.ts";

export interface AlertFlood {
  readonly active: number;
  /** From the last acknowledgement until all are on record. */
  readonly recordedMs: number;
  readonly instant: Spread;
  readonly pages: PastAlerts["pages"];
  readonly live: {
    readonly alertEvents: number;
    readonly mb: number;
    readonly seconds: number;
    readonly mostAlertEventsPerS: number;
  };
}

const perMessage = 100;
const turns = 60;

export const writeEstate = async (folder: string, model: string, rules: Readonly<Record<string, string>>) => {
  for (const name of ["sites", "rules"]) await mkdir(join(folder, name), { recursive: true });
  await writeFile(join(folder, "sites/hall.yaml"), model);
  for (const [name, text] of Object.entries(rules)) await writeFile(join(folder, "rules", `${name}.yaml`), text);
  return { ENERGY_SITES_DIR: join(folder, "sites"), RULES_DIR: join(folder, "rules"), DEPLOY_LOG: "warn" };
};

export async function measureFlood(folder: string, active: number): Promise<AlertFlood> {
  const product = await startProduct(join(folder, "data"), await writeEstate(folder, hallSite, { r98: hotRule }));
  const watch = watchAlerts(product.url, "R98");
  const client = await mqtt.connectAsync(product.mqttUrl);
  try {
    const publish = (device: string, celsius: number) =>
      client.publishAsync(`dc/hall/${device}/telemetry`, JSON.stringify({ power_w: 1000, inlet_c: celsius }), {
        qos: 1,
      });
    const heat = async () => {
      for (let from = 0; from < active; from += perMessage) {
        const readings = Object.fromEntries(
          Array.from({ length: Math.min(perMessage, active - from) }, (_, at) => [`d-${from + at}`, { inlet_c: 40 }]),
        );
        await client.publishAsync("dc/hall/gateway/batch", JSON.stringify({ readings }), { qos: 1 });
      }
    };
    const began = performance.now();
    await heat();
    const acknowledged = performance.now();
    const last = `${product.url}/api/v1/alerts?state=ACTIVE&subject=d-${active - 1}`;
    while (((await (await fetch(last)).json()) as { items: unknown[] }).items.length === 0) await wait(20);
    const recordedMs = Math.round(performance.now() - acknowledged);
    // What was sent out meanwhile has arrived when the stream says nothing new for two seconds.
    for (let before = -1; before !== watch.events(); ) {
      before = watch.events();
      await wait(2000);
    }
    const live = {
      alertEvents: watch.events(),
      mb: Number((watch.bytes() / 1e6).toFixed(1)),
      seconds: Math.round((performance.now() - began) / 1000),
      mostAlertEventsPerS: watch.mostPerS(),
    };
    const took: number[] = [];
    for (let turn = 0; turn < turns; turn++) {
      const heard = watch.wait(`extra-${turn}`, "ACTIVE", 30_000);
      // The others go on to be hot, as their sensors say every few seconds.
      if (turn % 20 === 10) await heat();
      await publish(`extra-${turn}`, 40);
      const at = Date.now();
      took.push(((await heard) ?? at + 30_000) - at);
    }
    const pages: PastAlerts["pages"][number][] = [];
    for (const query of [
      "alerts?state=!CLOSED",
      "alerts?state=ACTIVE&severity=MAJOR&text=hot",
      `alerts?state=ACTIVE&subject=d-${active >> 1}`,
      "alerts/waste",
    ])
      pages.push(await measurePage(product.url, query));
    return { active, recordedMs, instant: spreadMs(took), pages, live };
  } finally {
    watch.end();
    await client.endAsync(true);
    await product.end("SIGTERM");
  }
}
