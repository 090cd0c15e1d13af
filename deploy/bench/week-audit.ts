// live:       recorded week ─▶ MQTT ─▶ the product, killed half-way and started again ─▶ ledger: every transition
// replayed:   the same readings without the ledger ─▶ the product makes accounts and alerts anew ─▶ ledger
// backtested: npm run backtest over what was recorded live, POST /api/v1/rules/rejudge on the product that replayed
// capsules:   alert ─▶ one file ─▶ npm run capsule:replay
import { execFile } from "node:child_process";
import { cp, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { promisify } from "node:util";
import mqtt from "mqtt";
import { type Alert, alertHash, judgedLines, parseRule, replayCapsule, type SavedWatch } from "#rules";
import { openStore, type Page, timestamp } from "#store";
import { type Product, startProduct } from "../product.ts";
import { demoSite } from "../replay/demo.ts";
import { publishHistory, replayTopic } from "../replay/history.ts";
import { loadWeek } from "../replay/recordings.ts";
import { parseSettings } from "../settings.ts";

export interface WeekAuditOptions {
  readonly folder: string;
  /** Full minutes, UTC ms. */
  readonly from: number;
  readonly to: number;
  /** At most so many alerts travel as capsules, spread over the rules. */
  readonly capsules: number;
  readonly onStep?: (step: string) => void;
}

export interface WeekAuditResult {
  readonly readings: number;
  readonly accounts: number;
  readonly alerts: number;
  readonly shadowAlerts: number;
  readonly rules: readonly string[];
  /** Every transition as it was recorded, one line of JSON each. */
  readonly live: readonly string[];
  readonly replayed: readonly string[];
  readonly backtested: readonly string[];
  /** What the running product says over HTTP. */
  readonly api: { readonly equal: boolean; readonly sha256: string };
  /** Of the lines recorded live. */
  readonly sha256: string;
  readonly capsules: number;
  readonly capsulesThatDiffer: readonly string[];
}

const run = promisify(execFile);
const minuteMs = 60_000;
const askEveryMs = 100;
const deploy = join(import.meta.dirname, "..");

// The clock stays with the readings however long the machine takes.
const patience = { ENERGY_CATCHUP_WAIT_MS: "36000000", RULES_CATCHUP_WAIT_MS: "36000000", RULES_SAVE_MS: "100" };

const openData = (dir: string) => {
  const parsed = parseSettings({ DATA_DIR: dir });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.faults));
  const onError = (error: unknown): never => {
    throw error;
  };
  return openStore(parsed.settings.store, { role: "reader", onError });
};

/** Until the rules have judged every minute that readings up to `to` can close. */
const judgedTo = async (dir: string, to: number): Promise<void> => {
  await using store = await openData(dir);
  for (;;) {
    const row = await store.ledger.get("rules-state", `site/${demoSite}`);
    const watch = row === null ? null : (row.body as unknown as SavedWatch);
    if (watch?.accountedTo === to && watch.waiting.length === 0) return;
    await wait(askEveryMs);
  }
};

const recordedIn = async (dir: string, from: number, to: number): Promise<readonly Alert[]> => {
  await using store = await openData(dir);
  const found: Alert[] = [];
  let cursor: string | null = null;
  do {
    const page: Page<{ readonly key: string }> = await store.ledger.list({
      ...{ kind: "alert", site: demoSite, from: timestamp(from), to: timestamp(to), limit: 1000 },
      ...(cursor === null ? {} : { cursor }),
    });
    for (const { key } of page.items)
      for (const { body } of await store.ledger.history("alert", key)) found.push(body as unknown as Alert);
    cursor = page.next;
  } while (cursor !== null);
  return found.filter(({ changed }) => changed.site < to);
};

const publish = async (product: Product, from: number, to: number): Promise<void> => {
  const client = await mqtt.connectAsync(product.mqttUrl, { clientId: "demo-replay", reconnectPeriod: 0 });
  const send = (readings: readonly unknown[]) => client.publishAsync(replayTopic, JSON.stringify(readings), { qos: 1 });
  await publishHistory({ devices: loadWeek(), from, to: () => to, publish: send });
  await client.endAsync(true);
};

interface Compared {
  readonly equal: boolean;
  readonly recorded: { readonly sha256: string };
  readonly judged: { readonly sha256: string };
}

const rejudgeByApi = async (product: Product, from: number, to: number): Promise<Compared> => {
  const response = await fetch(`${product.url}/api/v1/rules/rejudge`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ site: demoSite, from, to }),
  });
  if (!response.ok) throw new Error(await response.text());
  return (await response.json()) as Compared;
};

/** The first of each rule, then the second of each … */
const spread = (alerts: readonly Alert[]): readonly Alert[] => {
  const seen = new Map<string, number>();
  const turn = new Map(
    alerts.map((alert) => {
      const count = seen.get(alert.rule) ?? 0;
      seen.set(alert.rule, count + 1);
      return [alert, count] as const;
    }),
  );
  return [...alerts].sort((a, b) => (turn.get(a) ?? 0) - (turn.get(b) ?? 0));
};

const replayCapsules = async (
  product: Product,
  folder: string,
  alerts: readonly Alert[],
): Promise<readonly string[]> => {
  const different: string[] = [];
  // Each carries the whole catalogue.
  const known = new Map<string, ReturnType<typeof parseRule>>();
  const parse = (source: string, file: string): ReturnType<typeof parseRule> => {
    const parsed = known.get(source) ?? parseRule(source, file);
    known.set(source, parsed);
    return parsed;
  };
  for (const [index, { id, rule }] of alerts.entries()) {
    const text = await (await fetch(`${product.url}/api/v1/alerts/${id}/capsule`)).text();
    const replay = replayCapsule(JSON.parse(text), alertHash, parse);
    if (!replay.ok || !replay.equal || replay.recorded.length === 0) different.push(`${rule} ${id}`);
    if (index > 0) continue;
    const file = join(folder, "alert.json");
    await writeFile(file, text);
    // Its exit code is what a script would look at.
    await run(process.execPath, [join(deploy, "replay-capsule.ts"), file]).catch(() => different.push(`file of ${id}`));
  }
  return different;
};

/** Brings a stretch of the recorded week in, and judges it in every way there is. */
export async function weekAudit(options: WeekAuditOptions): Promise<WeekAuditResult> {
  const { folder, from, to, capsules, onStep = () => undefined } = options;
  const at = (name: string) => join(folder, name);
  const mostMemory = { maxBuffer: 64 * 1024 * 1024 };
  await mkdir(at("sites"), { recursive: true });
  await writeFile(at("sites/demo.yaml"), await readFile(join(deploy, "replay/demo.yaml")));
  const settings = { ...patience, ENERGY_SITES_DIR: at("sites"), DEPLOY_LOG: "error" };
  // A minute closes when a later one has been heard of, an interval after its end.
  const end = to - 2 * minuteMs;

  onStep("live");
  const half = from + Math.floor((to - from) / 2 / minuteMs) * minuteMs;
  const first = await startProduct(at("live"), settings);
  await publish(first, from, half);
  await first.end("SIGKILL");
  const second = await startProduct(at("live"), settings);
  await publish(second, half + minuteMs, to);
  await judgedTo(at("live"), end);
  await second.end("SIGTERM");
  const recorded = await recordedIn(at("live"), from, end);

  onStep("replayed");
  await cp(at("live"), at("replayed"), { recursive: true });
  for (const name of ["ledger.db", "ledger.db-wal", "ledger.db-shm"])
    await rm(join(at("replayed"), name), { force: true });
  const third = await startProduct(at("replayed"), settings);
  await judgedTo(at("replayed"), end);
  const again = await recordedIn(at("replayed"), from, end);
  const api = await rejudgeByApi(third, from, end);

  onStep("capsules");
  const newest = new Map(again.map((alert) => [alert.id, alert]));
  const travelling = spread([...newest.values()]).slice(0, capsules);
  const capsulesThatDiffer = await replayCapsules(third, folder, travelling);
  await third.end("SIGTERM");

  onStep("backtested");
  const times = ["--from", new Date(from).toISOString(), "--to", new Date(end).toISOString()];
  const asked = [join(deploy, "backtest.ts"), "--site", demoSite, ...times, "--out", at("lines"), "--json"];
  const env = { ...process.env, DATA_DIR: at("live"), ENERGY_SITES_DIR: at("sites") };
  const told = await run(process.execPath, asked, { env, ...mostMemory }).catch(
    // 1: different, as the lines will show.
    (error: { readonly code?: unknown; readonly stdout?: string }) => {
      if (error.code === 1 && error.stdout) return { stdout: error.stdout };
      throw error;
    },
  );
  const { rejudged } = JSON.parse(told.stdout) as {
    readonly rejudged: Compared & { readonly readings: number; readonly accounts: number };
  };
  const backtested = (await readFile(join(at("lines"), "judged.jsonl"), "utf8"))
    .split("\n")
    .filter((line) => line !== "");
  const alerts = [...new Map(recorded.map((alert) => [alert.id, alert])).values()];
  return {
    readings: rejudged.readings,
    accounts: rejudged.accounts,
    alerts: alerts.length,
    shadowAlerts: alerts.filter(({ shadow }) => shadow === true).length,
    rules: [...new Set(alerts.map(({ rule }) => rule))].sort(),
    live: judgedLines(recorded),
    replayed: judgedLines(again),
    backtested,
    api: { equal: api.equal, sha256: api.judged.sha256 },
    sha256: rejudged.recorded.sha256,
    capsules: travelling.length,
    capsulesThatDiffer,
  };
}
