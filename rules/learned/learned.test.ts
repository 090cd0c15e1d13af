import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Json, type Ledger, openStore, type Reading, type Store, storeSchema, timestamp } from "#store";
import type { Alert } from "../alert.ts";
import { happeningsOf } from "../backtest/past.ts";
import { rejudge } from "../backtest/rejudge.ts";
import { type Capsule, capsuleOf } from "../capsule/capsule.ts";
import { replayCapsule } from "../capsule/replay.ts";
import { loadCatalogue } from "../catalogue.ts";
import { acknowledged } from "../command.ts";
import { alertHash } from "../hash.ts";
import { putAlert } from "../record.ts";
import type { Rule } from "../rule.ts";
import type { RuleSummary } from "../rules.ts";
import { createRun } from "../run.ts";
import { accountOf, siteOf } from "../specimen.ts";
import { type Learned, learnedOf } from "./learned.ts";
import { learnedBefore, learnedKind, openLearned } from "./rows.ts";

// Five weeks of a site: PV that falls away every evening, a month with a demand peak, less sun after two weeks, cooling that
// fails three times, overhead that grows after four weeks, power that flows back now and then.

const minute = 60_000;
const day = 1440 * minute;
const days = 36;
// Midnight in Shanghai.
const t0 = Date.parse("2026-10-19T16:00:00Z");
const end = t0 + days * day;
const node = (id: string, kind: "grid" | "pv" | "it" | "cooling", ratingW: number) => ({
  ...{ id, kind, ratingW, capacityWh: null },
  meters: [{ code: "MP.X.1", device: id, sign: 1 as const }],
});
const model = {
  ...siteOf({
    ...{ id: "hall", devices: [], intervalMs: 5 * minute, exportLimitW: 0 },
    nodes: [
      node("grid", "grid", 700_000),
      node("pv", "pv", 600_000),
      node("it", "it", 1e6),
      node("cool", "cooling", 2e5),
    ],
    demand: { contractW: 700_000, windowMin: 15, method: "fixed", pricePerKwMonth: 40, cycleStartDay: 1 },
  }),
  rules: { R18: { parameters: { target_share: 0.25 } } },
};
const tried = ["R14", "R15", "R16", "R18", "R27", "R33"];

const lossMinute = (at: number): number | null => {
  const [today, time] = [Math.floor(at / 1440), at % 1440];
  return [3, 20, 34].includes(today) && time >= 600 && time < 640 ? time - 600 : null;
};
const isBack = (at: number): boolean =>
  [2, 5, 15, 31, 34].includes(Math.floor(at / 1440)) && at % 1440 >= 720 && at % 1440 < 740;
const accountAt = (at: number) => {
  const [today, time] = [Math.floor(at / 1440), at % 1440];
  const sunW = (today < 15 ? 520_000 : 250_000) + 1000 * today;
  const renewableW = time >= 480 && time < 1050 ? sunW : 0;
  const overheadW = (today >= 29 ? 250_000 : 150_000) + 2000 * Math.sin(at);
  const peakW = [13, 34].includes(today) && time >= 1200 && time < 1230 ? 150_000 + 2000 * today : 0;
  const loadW = 500_000 + overheadW + peakW;
  return accountOf({
    ...{ site: "hall", start: t0 + at * minute, end: t0 + (at + 1) * minute, renewableW, loadW, facilityW: loadW },
    ...{
      itW: 500_000 + peakW,
      coolingW: lossMinute(at) === null ? 100_000 : 0,
      importW: Math.max(0, loadW - renewableW),
    },
    ...{ exportW: isBack(at) ? 5000 : 0, chargeW: 0, dischargeW: 0 },
  });
};
const readingsAt = (at: number): readonly Reading[] => {
  const of = (device: string, quantities: Reading["quantities"]): Reading => {
    const ts = t0 + at * minute;
    return { site: "hall", device, ts: timestamp(ts), received: timestamp(ts + 200), quantities, flags: [] };
  };
  const loss = lossMinute(at);
  const inlet = loss !== null || at % 5 === 0 ? [of("aisle", { inlet_c: 24 + (loss ?? 0) * 0.4 })] : [];
  if (at % 5 !== 0) return inlet;
  const power = isBack(at) ? -5000 : 300_000;
  return [of("grid", { power_w: power }), of("weather", { outdoor_c: at % 1440 > 720 ? 14 : 10 }), ...inlet];
};

const folders: string[] = [];
let store: Store;
let rules: readonly Rule[] = [];
let summaries: readonly RuleSummary[] = [];
const known: Learned[] = [];
const latest = new Map<string, Alert>();
beforeAll(async () => {
  const loaded = await loadCatalogue();
  if (!loaded.ok) throw new Error("faulty catalogue");
  const wanted = new Set([...tried, "R25", "R36"]);
  rules = loaded.catalogue.rules.filter(({ id }) => wanted.has(id));
  summaries = loaded.catalogue.summaries.filter(({ id }) => wanted.has(id));
  const folder = await mkdtemp(join(tmpdir(), "wattlas-learned-"));
  folders.push(folder);
  const settings = storeSchema.parse({ DATA_DIR: folder, STORE_URL: "sqlite:" });
  store = await openStore(settings, { role: "writer", onError: (error) => expect.fail(String(error)) });
  for (let from = 0; from < days * 1440; from += 1440) {
    const minutes = Array.from({ length: 1440 }, (_, index) => from + index);
    await store.readings.write(minutes.flatMap(readingsAt));
    await store.ledger.commit(
      minutes.map((at) => {
        const [account, ts] = [accountAt(at), timestamp(t0 + at * minute)];
        const body = account as unknown as Json;
        return { op: "put", kind: "account/1m", key: `hall/${ts}`, site: "hall", ts, body } as const;
      }),
    );
  }
  await live();
}, 300_000);
afterAll(async () => {
  await store[Symbol.asyncDispose]();
  for (const folder of folders) await rm(folder, { recursive: true });
});

/** Judged as it came, what had returned acknowledged at once, what was learned written down. */
const live = async (): Promise<void> => {
  const { readings, ledger } = store;
  const run = createRun({ sites: [model], rules, hash: alertHash, catchupWaitMs: minute });
  const watch = run.watches.get("hall");
  const learned = await openLearned(ledger, ["hall"]);
  let savedAt = 0;
  for await (const happenings of happeningsOf({ readings, ledger, site: "hall", from: t0, to: end })) {
    const alerts: Alert[] = [];
    for (const happening of happenings)
      for (const alert of run.take(happening)) {
        alerts.push(alert);
        latest.set(alert.rule, alert);
        if (alert.state !== "RETURNED") continue;
        const done = watch?.amend(alert.id, (one) => acknowledged(one, "Ana", "seen", alert.changed));
        if (done !== null && done !== undefined) alerts.push(done);
      }
    const now = watch?.now() ?? 0;
    const isDue = now - savedAt > 3_600_000;
    if (isDue) savedAt = now;
    const saved = isDue ? watch?.save() : undefined;
    const changes = saved === undefined ? [] : learned.changes("hall", saved);
    const then = saved === undefined || changes.length === 0 ? null : learnedOf(saved);
    if (then !== null) known.push(then);
    if (alerts.length + changes.length > 0) await ledger.commit([...alerts.map(putAlert), ...changes]);
  }
  expect(watch?.save().accountedTo).toBe(end - minute);
};

const carried = async (rule: string, ledger: Ledger = store.ledger): Promise<Capsule> => {
  const alert = latest.get(rule);
  if (alert === undefined) throw new Error(`${rule} raised nothing`);
  const deps = { readings: store.readings, ledger, sites: [model], rules: summaries, now: () => end };
  const capsule = await capsuleOf(alert.id, deps);
  if (capsule === null) throw new Error("no capsule");
  return JSON.parse(JSON.stringify(capsule)) as Capsule;
};

test.each(tried)(
  "an alert of %s, which learned over weeks, is the same elsewhere",
  { timeout: 120_000 },
  async (rule) => {
    const capsule = await carried(rule);
    expect(capsule.alert.start).toBeGreaterThan(t0 + 10 * day);
    expect(capsule.whole).toBe(true);
    const replay = replayCapsule(capsule, alertHash);
    if (!replay.ok) throw new Error(replay.reason);
    expect(replay.recorded.length).toBeGreaterThan(1);
    expect(JSON.stringify(replay.replayed)).toBe(JSON.stringify(replay.recorded));
    expect(replay).toMatchObject({ equal: true, otherInputs: [] });
  },
);

test("where nothing was written down it is learned again from the first account", { timeout: 120_000 }, async () => {
  const ledger: Ledger = Object.assign(Object.create(store.ledger) as Ledger, {
    list: async (query: Parameters<Ledger["list"]>[0]) =>
      query.kind === learnedKind ? { items: [], next: null } : store.ledger.list(query),
  });
  const capsule = await carried("R14", ledger);
  expect(capsule.whole).toBe(true);
  expect(replayCapsule(capsule, alertHash)).toMatchObject({ ok: true, equal: true, otherInputs: [] });
});

test("a file of before, without how its rules stood, is read as it was", async () => {
  const { before, ...old } = await carried("R33");
  expect(before).toBeDefined();
  expect(replayCapsule({ ...old, whole: false }, alertHash)).toMatchObject({ ok: true });
});

test("what was learned comes back from its rows as it was, twice a day", async () => {
  expect(known.length).toBeGreaterThan(days * 1.8);
  for (const one of [known[0], known[20], known.at(-1)]) {
    const read = await learnedBefore(store.ledger, "hall", (one?.to ?? 0) + 1);
    expect(read).toEqual(one);
  }
  expect(await learnedBefore(store.ledger, "hall", t0)).toBe(null);
  expect(await learnedBefore(store.ledger, "elsewhere", end)).toBe(null);
});

test("a row without the ones before it is not taken for the whole", async () => {
  const { get, list } = store.ledger;
  const ledger = {
    list,
    get: async (kind: string, key: string) => (key.endsWith(`/${known[60]?.to}`) ? null : get(kind, key)),
  };
  expect(await learnedBefore(ledger, "hall", end)).toBe(null);
});

test("the last days judged again from their middle are the same", { timeout: 120_000 }, async () => {
  const deps = { readings: store.readings, ledger: store.ledger, rules, hash: alertHash };
  const again = await rejudge({ model, from: t0 + 33.7 * day, to: end - (1440 * minute) / 2 }, deps);
  expect(again.recorded.alerts).toBeGreaterThan(3);
  // The fourth of the month, three of them before anything was judged again.
  const counts = again.judged.lines.flatMap((line) => /"month_events":(\d+)/.exec(line)?.[1] ?? []);
  expect(counts).toContain("2");
  // What stood before the warm-up began anew in it.
  const isOld = (line: string): boolean => /"rule":"R(18|27)"/.test(line);
  expect(again.judged.lines.filter((line) => !isOld(line))).toEqual(again.recorded.lines);
});
