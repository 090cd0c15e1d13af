// a ledger of finished alerts, written through the product's own evidence ─▶ start ─▶ first pages, the whole as CSV
import { once } from "node:events";
import { get, type IncomingMessage } from "node:http";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { type Alert, alertHash, openEvidence, severities } from "#rules";
import { type Json, type LedgerChange, openStore, storeSchema, timestamp } from "#store";
import { type Product, startProduct } from "../product.ts";
import { residentBytes } from "./machine.ts";
import { writeSites } from "./site.ts";

export interface PastAlerts {
  readonly alerts: number;
  readonly transitions: number;
  readonly seedS: number;
  /** Until the page opens; until the rarest filter has its answer. */
  readonly startMs: number;
  readonly indexedMs: number;
  readonly residentMb: number;
  readonly pages: readonly {
    readonly query: string;
    readonly found: number;
    readonly p50Ms: number;
    readonly maxMs: number;
  }[];
  readonly csv: {
    readonly firstByteMs: number;
    readonly seconds: number;
    readonly lines: number;
    readonly mb: number;
    readonly grownMb: number;
  };
}

const sites = ["sim-1", "sim-2", "sim-3", "sim-4"] as const;
const rules = ["R01", "R04", "R05", "R09", "R11", "R15", "R16", "R21", "R25", "R27", "R36", "R37"] as const;
const lossy = new Set<string>(["R09", "R11"]);
const batch = 500;
const hourMs = 3_600_000;
export const pastEnvironment = { RULES_ON: "R09,R11", DEPLOY_LOG: "warn" };

/** The alert numbered `at` of `count`, as it was at each of its transitions, over the three months before `now`. */
const lifeOf = (at: number, count: number, now: number): readonly Alert[] => {
  const site = sites[at % sites.length] ?? "sim-1";
  const rule = rules[(at * 7) % rules.length] ?? "R01";
  const subject = `r-${Math.floor(at / 60) % 400}`;
  const start = now - Math.round(((count - at) / count) * 90 * 24 * hourMs) - 2 * hourMs;
  const [active, returned, closed] = [start + 60_000, start + 600_000 + ((at * 37) % 3000) * 1000, start + hourMs];
  const pending: Alert = {
    id: alertHash(`${at}`),
    ...{ rule, ruleVersion: 1, site, subject, subcode: "bench" },
    severity: severities[(at * 11) % severities.length] ?? "WARNING",
    state: "PENDING",
    ...{ start, active: null, returned: null, closed: null },
    changed: { wall: start, site: start },
    ...{ acknowledged: null, assignee: null, comments: [] },
    inputs: { mean_w: 4000 + (at % 100), rating_w: 5000 },
    thresholds: { warning_w: 4000 },
    title: { en: `Benchmark of ${rule}`, "zh-CN": `基准 ${rule}` },
    action: { en: "Nothing to do: synthetic", "zh-CN": "无需处理：合成数据" },
    restated: false,
    occurrences: 0,
    ...(at % 20 === 0 ? { shadow: true as const } : {}),
  };
  const became = (one: Alert, wall: number, change: Partial<Alert>): Alert => ({
    ...one,
    changed: { wall, site: wall },
    ...change,
  });
  const raised = became(pending, active, { state: "ACTIVE", active, occurrences: 1 });
  const over = became(raised, returned, { state: "RETURNED", returned });
  const done = became(over, closed, {
    ...{ state: "CLOSED", closed },
    acknowledged: { by: "Ana", reason: at % 1000 === 7 ? "loose busbar" : "seen", at: closed },
  });
  return [pending, raised, over, done];
};

/** Writes `count` finished alerts of four transitions each. */
export async function seedPast(folder: string, count: number, now: number): Promise<void> {
  const onError = (error: unknown): never => {
    throw error;
  };
  await using store = await openStore(storeSchema.parse({ DATA_DIR: folder }), { role: "writer", onError });
  const { ledger } = await openEvidence({ ledger: store.ledger, publish: () => undefined, now: Date.now });
  for (let at = 0; at < count; at += batch) {
    const changes: LedgerChange[] = [];
    for (let one = at; one < Math.min(count, at + batch); one++) {
      const life = lifeOf(one, count, now);
      for (const alert of life) {
        const { id: key, site, start } = alert;
        changes.push({ op: "put", kind: "alert", key, site, ts: timestamp(start), body: alert as unknown as Json });
      }
      const end = life.at(-1);
      if (end === undefined || !lossy.has(end.rule) || end.shadow === true) continue;
      const energyWh = (one * 7919) % 100_000;
      const body = {
        energyWh,
        cost: energyWh / 1000,
        carbonG: energyWh / 2,
        minutes: 30,
        knownMinutes: 30,
        until: end.returned,
        restated: false,
      };
      changes.push({ op: "put", kind: "alert-waste", key: end.id, site: end.site, ts: timestamp(end.start), body });
    }
    await ledger.commit(changes);
  }
}

const answered = async (url: string): Promise<{ readonly items: readonly unknown[] }> => {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url} answered ${response.status}: ${(await response.text()).slice(0, 300)}`);
  return (await response.json()) as { items: unknown[] };
};

/** The first page of a query, asked several times one after the other. */
export const measurePage = async (url: string, query: string, times = 15): Promise<PastAlerts["pages"][number]> => {
  const took: number[] = [];
  let found = 0;
  for (let time = 0; time < times; time++) {
    const began = performance.now();
    found = (await answered(`${url}/api/v1/${query}`)).items.length;
    took.push(performance.now() - began);
  }
  took.sort((a, b) => a - b);
  return { query, found, p50Ms: Math.round(took[took.length >> 1] ?? 0), maxMs: Math.round(took.at(-1) ?? 0) };
};

const measureCsv = async (product: Product): Promise<PastAlerts["csv"]> => {
  const before = await residentBytes(product.pid);
  const began = performance.now();
  let [firstByteMs, bytes, lines, most] = [0, 0, 0, before];
  const stop = new AbortController();
  const watching = (async () => {
    while (!stop.signal.aborted) {
      most = Math.max(most, await residentBytes(product.pid));
      await wait(200, undefined, { signal: stop.signal }).catch(() => undefined);
    }
  })();
  const [response] = (await once(get(`${product.url}/api/v1/alerts.csv`), "response")) as [IncomingMessage];
  for await (const chunk of response as AsyncIterable<Buffer>) {
    if (bytes === 0) firstByteMs = Math.round(performance.now() - began);
    bytes += chunk.length;
    for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, at + 1)) lines++;
  }
  stop.abort();
  await watching;
  const seconds = Number(((performance.now() - began) / 1000).toFixed(1));
  return { firstByteMs, seconds, lines, mb: Math.round(bytes / 1e6), grownMb: Math.round((most - before) / 1e6) };
};

/** Starts the product on `folder`, which holds `count` alerts of `seedPast`. */
export async function measurePast(
  folder: string,
  count: number,
  now: number,
  seedS: number,
  say: (text: string) => void = () => undefined,
): Promise<PastAlerts> {
  const env = {
    ...pastEnvironment,
    ENERGY_SITES_DIR: await writeSites(join(folder, "model"), { sites: sites.length, racks: 20 }),
  };
  const began = performance.now();
  const product = await startProduct(folder, env);
  try {
    const startMs = Math.round(performance.now() - began);
    // Nothing passes, so the answer knows every alert.
    await answered(`${product.url}/api/v1/alerts?subject=nothing`);
    const indexedMs = Math.round(performance.now() - began);
    say(`up after ${startMs} ms, every alert found after ${indexedMs} ms`);
    const month = `from=${now - 60 * 24 * hourMs}&to=${now - 30 * 24 * hourMs}`;
    const all = `from=0&to=${now}`;
    const pages: PastAlerts["pages"][number][] = [];
    for (const query of [
      "alerts",
      "alerts?rule=R16",
      "alerts?rule=!R01,R04,R05&severity=CRITICAL",
      "alerts?site=sim-3",
      "alerts?subject=r-117",
      "alerts?severity=CRITICAL",
      "alerts?state=CLOSED",
      "alerts?state=ACTIVE",
      `alerts?${month}`,
      "alerts?text=busbar",
      "alerts?text=r-399%20R16",
      "alerts?text=nowhere",
      `alerts?site=sim-2&rule=R21,R25&severity=MAJOR,CRITICAL&state=CLOSED&text=busbar&${month}`,
      "alerts?limit=1000",
      `alerts/waste?${all}`,
      `alerts/waste?site=sim-2&${month}`,
      `alerts/waste?rule=R11&severity=MAJOR&text=busbar&${all}`,
    ]) {
      const page = await measurePage(product.url, query);
      say(JSON.stringify(page));
      pages.push(page);
    }
    const residentMb = Math.round((await residentBytes(product.pid)) / 1e6);
    const csv = await measureCsv(product);
    return { alerts: count, transitions: 4 * count, seedS, startMs, indexedMs, residentMb, pages, csv };
  } finally {
    await product.end("SIGTERM");
  }
}
