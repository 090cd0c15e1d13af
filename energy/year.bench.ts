import { PerformanceObserver } from "node:perf_hooks";
import { setImmediate, setTimeout } from "node:timers/promises";
import type { Account, AccountStep } from "./account.ts";
import { parseSite } from "./site.ts";
import { createSiteBook } from "./site-book.ts";

// One site at one minute: readings in, accounts out. Seconds are those of the processor.
//   node energy/year.bench.ts [days] [points] [parts]
// A year of 50 points by default; parts are any of year,live,points. The ledger is a map here: what the text of the
// accounts costs, which a ledger on disk makes of them on the same thread, is told apart.

const minuteMs = 60_000;
const t0 = Date.parse("2026-01-01T00:00:00+08:00");
const days = Number(process.argv[2] ?? 365);
const points = Number(process.argv[3] ?? 50);
const parts = new Set((process.argv[4] ?? "year,live,points").split(","));

/** A grid connection, PV, a battery, cooling, and halls with racks of their own meters: `count` points in all. */
const siteOf = (count: number) => {
  const racks = Array.from({ length: Math.max(1, count - 5) }, (_, index) => `r-${index}`);
  const meter = "interval_s: 60, meter_class: 0.5, ct_class: 0.5S";
  const both = `power: power_w, energy_forward: energy_import_wh, ${meter}`;
  const parsed = parseSite(
    `site: bench
time_zone: Asia/Shanghai
currency: CNY
bus_rating_w: 2000000
demand: { contract_w: 2000000, window_min: 15 }
carbon: { default_g_per_kwh: 536.6, source: bench }
tariff: { bands: [{ from: "00:00", to: "24:00", period: flat, price_per_kwh: 0.6 }] }
nodes:
  - { id: grid, kind: grid, rating_w: 2000000, points: [{ code: MP.PCC, device: grid, energy_reverse: energy_export_wh, ${both} }] }
  - { id: pv, kind: pv, rating_w: 300000, points: [{ code: MP.PV.1, device: pv, ${both} }] }
  - { id: bess, kind: battery, rating_w: 200000, capacity_wh: 800000, points: [{ code: MP.BESS.DIS, device: bess, energy_reverse: energy_export_wh, soc: soc_pct, ${both} }] }
  - { id: cooling, kind: cooling, rating_w: 400000, points: [{ code: MP.COOL.1, device: cooling, ${both} }] }
  - { id: hall, kind: it, rating_w: 1500000, points: [{ code: MP.UPS.OUT.1, device: hall, ${both} }] }
${racks.map((id) => `  - { id: ${id}, kind: it, parent: hall, rating_w: 20000, points: [{ code: MP.PDU.OUT.${id}, device: ${id}, ${both} }] }`).join("\n")}
`,
    "bench.yaml",
  );
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.faults.slice(0, 3)));
  return parsed.site;
};

interface Tally {
  accounts: number;
  /** Told apart: making text of the accounts, ms and bytes. */
  textMs: number;
  textBytes: number;
}

const usedMs = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};

const run = (count: number) => {
  const model = siteOf(count);
  const devices = [...new Set(model.nodes.flatMap((node) => node.points.map(({ device }) => device)))];
  const registers = new Float64Array(devices.length).fill(1000);
  const kept = new Map<AccountStep, Map<number, Account>>();
  const tally: Tally = { accounts: 0, textMs: 0, textBytes: 0 };
  const book = createSiteBook(
    model,
    {
      latenessMs: 10_000,
      catchupWaitMs: 60_000,
      bridgeMs: 3_600_000,
      estateNodes: model.nodes.length,
      dataRevision: () => "bench",
      readRange: async () => [],
      readAccounts: async (step: AccountStep, from: number, to: number) =>
        [...(kept.get(step)?.values() ?? [])].filter(({ start }) => start >= from && start < to),
    },
    null,
  );
  const names = ["power_w", "energy_import_wh", "energy_export_wh", "soc_pct"];
  const lanes = devices.map((device) => book.laneOf(device, device === "bess" ? names : names.slice(0, 3)));
  const value = new Float64Array(names.length);

  const take = (minute: number): void => {
    const ts = t0 + minute * minuteMs;
    const times = { ts, received: ts + 3_600_000 };
    const loadOf = (index: number) => 1200 + 300 * Math.sin((minute + index * 37) / 229);
    let racksW = 0;
    for (let index = 5; index < devices.length; index++) racksW += loadOf(index);
    const ownW = [racksW + loadOf(3) - 800, 800, 0, loadOf(3), racksW];
    for (let index = 0; index < devices.length; index++) {
      const watts = ownW[index] ?? loadOf(index);
      registers[index] = (registers[index] ?? 0) + Math.round(watts / 60);
      value[0] = watts;
      value[1] = registers[index] ?? 0;
      value[2] = 5;
      value[3] = 50 + 30 * Math.sin(minute / 229);
      book.takeRow(lanes[index] ?? null, times, value, 0);
    }
  };
  const keep = (account: Account): void => {
    const own = kept.get(account.step) ?? new Map<number, Account>();
    kept.set(account.step, own.set(account.start, account));
    for (const start of own.keys()) {
      if (start >= account.start - 2 * 86_400_000) break;
      own.delete(start);
    }
  };
  const settle = async (): Promise<void> => {
    for (let chunk = await book.next(); chunk !== null; chunk = await book.next()) {
      const bodies: unknown[] = [];
      for (const change of chunk.changes)
        if (change.op === "put" && change.kind.startsWith("account/")) bodies.push(change.body);
      tally.accounts += bodies.length;
      const before = usedMs();
      for (const body of bodies) tally.textBytes += JSON.stringify(body).length;
      tally.textMs += usedMs() - before;
      for (const account of chunk.done([])) if (account.step !== "1m") keep(account);
    }
  };
  return { take, settle, next: book.next, tally };
};

/** Readings come in pages, as the books get them. */
const account = async (count: number, minutes: number) => {
  const bench = run(count);
  const pageMinutes = Math.max(1, Math.floor(5000 / count));
  const started = usedMs();
  for (let minute = 0; minute < minutes; minute++) {
    bench.take(minute);
    if (minute % pageMinutes === 0) await bench.settle();
  }
  await bench.settle();
  return { ...bench.tally, ms: usedMs() - started - bench.tally.textMs };
};

interface Taken {
  readonly steps: ReadonlySet<AccountStep>;
  readonly start: number;
  readonly end: number;
  /** Of this thread: what it waited for the processor is not in it. */
  readonly processorMs: number;
}

const spread = (taken: readonly number[]) => {
  const sorted = [...taken].sort((a, b) => a - b);
  const at = (share: number) => rounded(sorted[Math.floor(share * sorted.length)] ?? 0);
  return { median: at(0.5), p99: at(0.99), most: rounded(sorted.at(-1) ?? 0), of: sorted.length };
};

/** Closing each of many minutes alone, as a live site does, over two midnights; the collector of garbage told apart. */
const live = async (count: number) => {
  const bench = run(count);
  const pauses: { readonly start: number; readonly ms: number }[] = [];
  const observer = new PerformanceObserver((list) => {
    for (const { startTime, duration } of list.getEntries()) pauses.push({ start: startTime, ms: duration });
  });
  observer.observe({ entryTypes: ["gc"] });
  const taken: Taken[] = [];
  for (let minute = 0; minute < 2 * 1440 + 30; minute++) {
    bench.take(minute);
    const steps = new Set<AccountStep>();
    const before = process.threadCpuUsage();
    const start = performance.now();
    for (let chunk = await bench.next(); chunk !== null; chunk = await bench.next())
      for (const { step } of chunk.done([])) steps.add(step);
    const end = performance.now();
    const { user, system } = process.threadCpuUsage(before);
    await setImmediate();
    if (minute > 120) taken.push({ steps, start, end, processorMs: (user + system) / 1000 });
  }
  await setTimeout(100);
  observer.disconnect();
  const pausedMs = ({ start, end }: Taken): number =>
    pauses.filter((pause) => pause.start >= start && pause.start < end).reduce((sum, { ms }) => sum + ms, 0);
  const wallMs = ({ start, end }: Taken): number => end - start;
  const closing = (step: AccountStep) => taken.filter(({ steps }) => steps.has(step));
  const of = (some: readonly Taken[]) => ({
    wallMs: spread(some.map(wallMs)),
    processorMs: spread(some.map(({ processorMs }) => processorMs)),
  });
  const collected = taken.map(pausedMs).filter((ms) => ms > 0);
  return {
    points: count,
    everyMinute: of(taken),
    withoutCollectorMs: spread(taken.map((one) => wallMs(one) - pausedMs(one))),
    quarters: of(closing("15m")),
    hours: of(closing("1h")),
    days: of(closing("1d")),
    collectorMs: spread(collected),
  };
};

const rounded = (value: number): number => Number(value.toFixed(2));
const say = (figures: object): void => {
  process.stdout.write(`${JSON.stringify(figures)}\n`);
};

if (parts.has("year")) {
  await account(points, 1440);
  const whole = await account(points, days * 1440);
  say({
    days,
    points,
    seconds: rounded(whole.ms / 1000),
    secondsPerYear: rounded((whole.ms / days) * 0.365),
    accounts: whole.accounts,
    textSecondsPerYear: rounded((whole.textMs / days) * 0.365),
    textGigabytesPerYear: rounded((whole.textBytes / days) * 365e-9),
  });
}
if (parts.has("live")) say({ live: await live(400) });
if (parts.has("points")) {
  const ladder: Record<string, number> = {};
  await account(100, 480);
  for (const count of [100, 200, 400, 800]) ladder[count] = (await account(count, 480)).ms / 480 / count;
  const base = ladder[100] ?? 1;
  const each = (of: (ms: number) => number) =>
    Object.fromEntries(Object.entries(ladder).map(([count, ms]) => [count, rounded(of(ms))]));
  say({ microsecondsPerPointMinute: each((ms) => ms * 1000), ratioTo100: each((ms) => ms / base) });
}
