import type { Reading, Timestamp } from "#store";
import type { Account, AccountStep } from "./account.ts";
import { parseSite } from "./site.ts";
import { createSiteBook } from "./site-book.ts";

// One site at one minute: readings in, accounts out. Seconds are those of the processor.
//   node energy/year.bench.ts [days] [points]      a year of 50 points by default, then one live minute and the points

const minuteMs = 60_000;
const t0 = Date.parse("2026-01-01T00:00:00+08:00");
const days = Number(process.argv[2] ?? 365);
const points = Number(process.argv[3] ?? 50);

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
}

const run = (count: number, minutes: number) => {
  const model = siteOf(count);
  const devices = [...new Set(model.nodes.flatMap((node) => node.points.map(({ device }) => device)))];
  const registers = new Map(devices.map((device) => [device, 1000]));
  const kept = new Map<string, Map<number, string>>();
  const tally: Tally = { accounts: 0 };
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
        [...(kept.get(`account/${step}`) ?? [])]
          .filter(([start]) => start >= from && start < to)
          .map(([, body]) => JSON.parse(body) as Account),
    },
    null,
  );
  const take = (minute: number): void => {
    const ts = (t0 + minute * minuteMs) as Timestamp;
    const loadOf = (index: number) => 1200 + 300 * Math.sin((minute + index * 37) / 229);
    const racksW = devices.slice(5).reduce((sum, _, index) => sum + loadOf(index + 5), 0);
    const coolingW = loadOf(3);
    const sources: Record<string, number> = { pv: 800, bess: 0, cooling: coolingW, hall: racksW };
    sources.grid = racksW + coolingW - 800;
    for (const [index, device] of devices.entries()) {
      const watts = sources[device] ?? loadOf(index);
      const register = (registers.get(device) ?? 0) + Math.round(watts / 60);
      registers.set(device, register);
      const quantities: Record<string, number> = { power_w: watts, energy_import_wh: register, energy_export_wh: 5 };
      if (device === "bess") quantities.soc_pct = 50 + 30 * Math.sin(minute / 229);
      const reading: Reading = {
        site: model.id,
        device,
        ts,
        received: (ts + 3_600_000) as Timestamp,
        quantities,
        flags: [],
      };
      book.take(reading);
    }
  };
  const keep = (kind: string, ts: number, text: string): void => {
    const texts = kept.get(kind) ?? new Map<number, string>();
    kept.set(kind, texts.set(ts, text));
  };
  const settle = async (): Promise<void> => {
    for (let chunk = await book.next(); chunk !== null; chunk = await book.next()) {
      for (const change of chunk.changes) {
        if (change.op !== "put") continue;
        if (!change.kind.startsWith("account/")) continue;
        tally.accounts++;
        // The text of an account is the ledger's work, on a thread of its own.
        if (change.kind !== "account/1m") keep(change.kind, change.ts, JSON.stringify(change.body));
      }
      chunk.done([]);
      const old = book.closedUntil() ?? 0;
      for (const texts of kept.values())
        for (const start of texts.keys()) {
          if (start >= old - 2 * 86_400_000) break;
          texts.delete(start);
        }
    }
  };
  return { take, settle, minutes, tally };
};

/** Readings come in pages, as the books get them. */
const account = async (count: number, minutes: number) => {
  const bench = run(count, minutes);
  const pageMinutes = Math.max(1, Math.floor(5000 / count));
  const started = process.cpuUsage();
  for (let minute = 0; minute < minutes; minute++) {
    bench.take(minute);
    if (minute % pageMinutes === 0) await bench.settle();
  }
  await bench.settle();
  const { user, system } = process.cpuUsage(started);
  return { ms: (user + system) / 1000, ...bench.tally };
};

/** Closing each of many minutes alone, as a live site does: median and 99th percentile, ms. */
const live = async (count: number) => {
  const bench = run(count, 0);
  const took: number[] = [];
  for (let minute = 0; minute < 600; minute++) {
    bench.take(minute);
    const started = performance.now();
    await bench.settle();
    if (minute > 120 && minute % 15 !== 2) took.push(performance.now() - started);
  }
  took.sort((a, b) => a - b);
  const at = (share: number) => Number((took[Math.floor(share * took.length)] ?? 0).toFixed(3));
  return { median: at(0.5), p99: at(0.99) };
};

const say = (figures: object): void => {
  process.stdout.write(`${JSON.stringify(figures)}\n`);
};

await account(points, 1440);
const whole = await account(points, days * 1440);
const yearS = (whole.ms / days) * 0.365;
say({
  days,
  points,
  seconds: whole.ms / 1000,
  secondsPerYear: yearS,
  accounts: whole.accounts,
});
say({ live: { points: 400, ...(await live(400)) } });
const ladder: Record<string, number> = {};
for (const count of [100, 200, 400, 800]) ladder[count] = (await account(count, 480)).ms / 480 / count;
const base = ladder[100] ?? 1;
say({
  microsecondsPerPointMinute: Object.fromEntries(
    Object.entries(ladder).map(([n, ms]) => [n, Number((ms * 1000).toFixed(2))]),
  ),
  ratioTo100: Object.fromEntries(Object.entries(ladder).map(([n, ms]) => [n, Number((ms / base).toFixed(2))])),
});
