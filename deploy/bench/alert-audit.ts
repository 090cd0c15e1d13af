// round:  start ─▶ one device after the other runs hot and cool, alerts are told ─▶ SIGKILL at any moment ─▶ start …
// end:    every turn that is stored is a transition of its alert, every message that was recorded arrived, under one key
import { once } from "node:events";
import { mkdir, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import mqtt from "mqtt";
import { type Product, startProduct } from "../product.ts";
import { readingsOf } from "../publisher.ts";
import { hallSite, hotRule } from "./alert-hall.ts";

export interface AlertAuditOptions {
  readonly folder: string;
  readonly rounds: number;
  /** The kill comes this long after the round's first acknowledgement, ms. */
  readonly killBetweenMs: readonly [least: number, most: number];
  readonly random: () => number;
  readonly onRound?: (round: number, restartMs: number) => void;
}

export interface AlertAuditResult {
  readonly rounds: number;
  /** Turns from cool to hot and back that stored readings hold. */
  readonly turns: number;
  /** Of those, how many no alert's history has. */
  readonly forgotten: number;
  /** Transitions that no reading explains. */
  readonly invented: number;
  /** Requests that the receiver got, and how many of them repeated a key it had. */
  readonly received: number;
  readonly repeated: number;
  /** After repeats are dropped: things told twice, and recorded messages that never arrived. */
  readonly toldTwice: number;
  readonly undelivered: number;
}

interface AlertRow {
  readonly id: string;
  readonly subject: string;
  readonly state: string;
  readonly occurrences: number;
}
interface Heard {
  readonly key: string;
  readonly occasion: string;
  readonly alerts: readonly AlertRow[];
}

const items = async <Item>(url: string): Promise<readonly Item[]> => {
  const found: Item[] = [];
  let cursor = "";
  do {
    const page = (await (
      await fetch(`${url}&limit=1000${cursor && `&cursor=${encodeURIComponent(cursor)}`}`)
    ).json()) as {
      items: Item[];
      next: string | null;
    };
    found.push(...page.items);
    cursor = page.next ?? "";
  } while (cursor);
  return found;
};

/**
 * Each device hot, then cool, once: one that comes and goes would be told as flapping. Each message is acknowledged
 * before the next, until the product is gone.
 */
const drive = async (
  product: Product,
  round: number,
  { stop, onAcknowledged }: { readonly stop: AbortSignal; readonly onAcknowledged: () => void },
): Promise<void> => {
  const client = await mqtt.connectAsync(product.mqttUrl, { reconnectPeriod: 0 });
  client.on("error", () => undefined);
  // A message that waits for its acknowledgement when the product is killed waits for ever.
  const gone = new Promise<void>((resolve) => client.once("close", () => resolve()));
  for (let turn = 0; !stop.aborted; turn++) {
    const device = `m-${round}-${Math.floor(turn / 2)}`;
    const hot = turn % 2 === 0;
    const reading = JSON.stringify({ power_w: 1000, inlet_c: hot ? 40 : 20 });
    try {
      const acknowledged = client.publishAsync(`dc/hall/${device}/telemetry`, reading, { qos: 1 });
      acknowledged.catch(() => undefined);
      await Promise.race([acknowledged, gone]);
      if (!client.connected) break;
      onAcknowledged();
      await wait(40, undefined, { signal: stop });
    } catch {
      break;
    }
  }
  client.end(true);
};

const turnsOf = (celsius: readonly number[]): number => {
  let isHot = false;
  return celsius.filter((value) => {
    const turned = isHot ? value < 33 : value > 35;
    if (turned) isHot = !isHot;
    return turned;
  }).length;
};

export async function alertAudit({
  folder,
  rounds,
  killBetweenMs,
  random,
  onRound,
}: AlertAuditOptions): Promise<AlertAuditResult> {
  const heard: Heard[] = [];
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk) => {
      body += String(chunk);
    });
    request.on("end", () => {
      heard.push(JSON.parse(body) as Heard);
      // Between the sending and its receipt is where a kill may fall.
      setTimeout(() => response.end("{}"), random() * 30);
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const at = (name: string) => join(folder, name);
  for (const name of ["sites", "rules"]) await mkdir(at(name), { recursive: true });
  await writeFile(at("sites/hall.yaml"), hallSite);
  await writeFile(at("rules/r98.yaml"), hotRule);
  await writeFile(
    at("notify.yaml"),
    `channels: [{ name: hook, kind: webhook, url: "http://127.0.0.1:${(server.address() as AddressInfo).port}/" }]
routes: [{ name: all, match: { rule: [R98] }, group_wait_s: 0, tiers: [{ to: [hook] }] }]
`,
  );
  const start = () =>
    startProduct(at("data"), {
      ENERGY_SITES_DIR: at("sites"),
      RULES_DIR: at("rules"),
      RULES_NOTIFY_FILE: at("notify.yaml"),
      RULES_NOTIFY_NETWORKS: "127.0.0.0/8",
      DEPLOY_LOG: "silent",
    });
  try {
    for (let round = 1; round <= rounds; round++) {
      const began = performance.now();
      const product = await start();
      onRound?.(round, Math.round(performance.now() - began));
      const stop = new AbortController();
      const first = Promise.withResolvers<void>();
      const driving = drive(product, round, { stop: stop.signal, onAcknowledged: first.resolve });
      try {
        await Promise.race([first.promise, driving]);
        await wait(killBetweenMs[0] + random() * (killBetweenMs[1] - killBetweenMs[0]));
      } finally {
        await product.end("SIGKILL");
        stop.abort();
        await driving;
      }
    }
    const product = await start();
    try {
      return { rounds, ...(await judge(product, heard)) };
    } finally {
      await product.end("SIGTERM");
    }
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

type Verdict = Omit<AlertAuditResult, "rounds">;

const judgedWithinMs = 120_000;
const quietS = 5;

/** What was judged before the last kill is told now; what was not is judged first, which is given its time. */
async function judge(product: Product, heard: readonly Heard[]): Promise<Verdict> {
  const until = performance.now() + judgedWithinMs;
  for (let quiet = 0; ; ) {
    await wait(1000);
    quiet = (await queued(product)).length === 0 ? quiet + 1 : 0;
    if (quiet < quietS && performance.now() < until) continue;
    const verdict = await compare(product, heard);
    if (verdict.forgotten + verdict.undelivered === 0 || performance.now() >= until) return verdict;
    quiet = 0;
  }
}

const queued = (product: Product) => items<{ key: string }>(`${product.url}/api/v1/deliveries?state=queued`);

async function compare(product: Product, heard: readonly Heard[]): Promise<Verdict> {
  const alerts = await items<AlertRow>(`${product.url}/api/v1/alerts?rule=R98`);
  let [turns, forgotten, invented] = [0, 0, 0];
  const devices = (
    (await (await fetch(`${product.url}/api/v1/devices?site=hall`)).json()) as { items: { device: string }[] }
  ).items;
  for (const { device } of devices) {
    const expected = turnsOf(
      (await readingsOf(product, "hall", device)).map(({ quantities }) => quantities.inlet_c ?? 0),
    );
    let seen = 0;
    for (const { id } of alerts.filter(({ subject }) => subject === device)) {
      const history = await items<AlertRow>(`${product.url}/api/v1/alerts/${id}/history?`.replace("?&", "?"));
      const states = history.map(({ state }) => state).filter((state) => state === "ACTIVE" || state === "RETURNED");
      seen += states.filter((state, index) => state !== states[index - 1]).length;
    }
    turns += expected;
    forgotten += Math.max(0, expected - seen);
    invented += Math.max(0, seen - expected);
  }
  const byKey = new Map(heard.map((message) => [message.key, message]));
  const told = [...byKey.values()].flatMap(({ occasion, alerts: own }) =>
    own.map(({ id, occurrences }) => `${id} ${occasion} ${occurrences}`),
  );
  const recorded = await items<{ key: string }>(`${product.url}/api/v1/deliveries?state=sent`);
  return {
    turns,
    forgotten,
    invented,
    received: heard.length,
    repeated: heard.length - byKey.size,
    toldTwice: told.length - new Set(told).size,
    undelivered: (await queued(product)).length + recorded.filter(({ key }) => !byKey.has(key)).length,
  };
}
