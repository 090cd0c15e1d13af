import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import {
  createMemoryLedger,
  createMemoryReadings,
  type Ledger,
  openStore,
  type Reading,
  type Readings,
  StoreUnavailableError,
  storeSchema,
  type Timestamp,
} from "#store";
import type { Account, AccountStep } from "./account.ts";
import { startEnergy } from "./book.ts";
import { energySchema } from "./config.ts";
import type { Energy } from "./energy.ts";
import type { SiteModel } from "./model.ts";
import { parseSite } from "./site.ts";

const minuteMs = 60_000;
const hourMs = 3_600_000;
const t0 = Date.parse("2026-11-16T00:00:00+08:00");
const settings = energySchema.parse({});
const model = (id = "s", rest = ""): SiteModel => {
  const parsed = parseSite(
    `site: ${id}
time_zone: Asia/Shanghai
currency: CNY
bus_rating_w: 1000000
nodes:
  - { id: grid, kind: grid, points: [{ code: MP.PCC, device: grid, energy_forward: energy_import_wh }] }
  - { id: hall, kind: it, points: [{ code: MP.IT, device: hall, energy_forward: energy_import_wh }] }
${rest}`,
    "s.yaml",
  );
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.faults));
  return parsed.site;
};

const reading = (device: string, ts: number, watts: number, received: number, site = "s"): Reading => ({
  site,
  device,
  ts: ts as Timestamp,
  received: received as Timestamp,
  quantities: { power_w: watts, energy_import_wh: ((ts - t0) / hourMs + 1000) * watts },
  flags: [],
});
/** Both meters every `everyMs` in `[from, to]`, received `lagMs` later. */
const telemetry = (from: number, to: number, everyMs = 10_000, lagMs = 100): Reading[] => {
  const readings: Reading[] = [];
  for (let ts = from; ts <= to; ts += everyMs)
    readings.push(reading("grid", ts, 13_000, ts + lagMs), reading("hall", ts, 10_000, ts + lagMs));
  return readings;
};

interface Bench {
  readonly readings: Readings;
  readonly ledger: Ledger;
  readonly published: { topic: string; payload: string; retain: boolean }[];
  readonly errors: unknown[];
  wall: number;
  start: (sites?: readonly SiteModel[], ledger?: Ledger) => Promise<Energy>;
}

const open: AsyncDisposable[] = [];
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one[Symbol.asyncDispose]();
});

const bench = (readings: Readings = createMemoryReadings(), ledger: Ledger = createMemoryLedger()): Bench => {
  const self: Bench = {
    readings,
    ledger,
    published: [],
    errors: [],
    wall: t0,
    start: async (sites = [model()], other = ledger) => {
      const energy = await startEnergy(settings, {
        readings,
        ledger: other,
        sites,
        publish: (message) => self.published.push(message),
        onError: (error) => self.errors.push(error),
        now: () => self.wall,
      });
      open.push(energy);
      return energy;
    },
  };
  return self;
};
const accounts = async (energy: Energy, step: AccountStep = "1m", site = "s"): Promise<readonly Account[]> =>
  (await energy.accounts({ site, step, from: 0, to: t0 + 400 * 24 * hourMs, limit: 10_000 })).items;
const figures = (list: readonly Account[]) =>
  list.map(({ start, revision, totals }) => [(start - t0) / minuteMs, revision, totals.importWh]);

describe("closing minutes", () => {
  test("a minute is accounted when the site's clock has passed its end and the lateness", async () => {
    const at = bench();
    const energy = await at.start();
    await at.readings.write(telemetry(t0, t0 + 69_000));
    at.wall = t0 + 69_100;
    await energy.settled();
    expect(await accounts(energy)).toHaveLength(0);
    at.wall = t0 + 70_000;
    await energy.settled();
    expect(figures(await accounts(energy))).toEqual([[0, 1, expect.closeTo(13_000 / 60, 0)]]);
  });
  test("history closes on its own time, whatever the wall says", async () => {
    const at = bench();
    at.wall = t0 + 30 * 24 * hourMs;
    const energy = await at.start();
    await at.readings.write(telemetry(t0, t0 + 3 * minuteMs, 10_000, 9 * hourMs));
    await energy.settled();
    expect(await accounts(energy)).toHaveLength(2);
    expect((await energy.now("s"))?.clock).toBe("catching-up");
  });
  test("a day of minutes makes its quarters, hours and the civil day", async () => {
    const at = bench();
    const energy = await at.start();
    await at.readings.write(telemetry(t0, t0 + 24 * hourMs + 5 * minuteMs, minuteMs, 9 * hourMs));
    await energy.settled();
    const counts = await Promise.all((["1m", "15m", "1h", "1d"] as const).map((step) => accounts(energy, step)));
    expect(counts.map((list) => list.length)).toEqual([1444, 96, 24, 1]);
    const [minutes = [], quarters = [], hours = [], days = []] = counts;
    const day = days[0];
    expect([day?.start, day?.end]).toEqual([t0, t0 + 24 * hourMs]);
    const sum = (list: readonly Account[]) =>
      list
        .filter(({ end }) => end <= t0 + 24 * hourMs)
        .reduce((total, { totals }) => total + (totals.importWh ?? 0), 0);
    for (const list of [minutes, quarters, hours, days]) expect(sum(list)).toBeCloseTo(24 * 13_000, 3);
    expect(day).toMatchObject({ coverage: 1, quality: "MEASURED" });
  });
  test("minutes in which a live site says nothing are accounted as unknown", async () => {
    const at = bench();
    const energy = await at.start();
    await at.readings.write(telemetry(t0, t0 + 2 * minuteMs));
    await energy.settled();
    at.wall = t0 + 5 * minuteMs + 10_000;
    await energy.settled();
    const list = await accounts(energy);
    expect(list).toHaveLength(5);
    expect(list[4]).toMatchObject({ coverage: 0, quality: "INVALID", totals: { importWh: null, itWh: null } });
  });
  test("a leap of more than a month leaves no empty accounts behind", async () => {
    const at = bench();
    const energy = await at.start();
    const later = t0 + 60 * 24 * hourMs;
    await at.readings.write(telemetry(t0, t0 + 3 * minuteMs, 10_000, hourMs));
    await at.readings.write(telemetry(later, later + 3 * minuteMs, 10_000, hourMs));
    await energy.settled();
    const minutes = (await accounts(energy)).map(({ start }) => (start - t0) / minuteMs);
    expect(minutes.length).toBeLessThan(10);
    expect(minutes).toEqual(expect.arrayContaining([0, 1, 2, 60 * 1440, 60 * 1440 + 1]));
  });
  test("a site without a model is left alone", async () => {
    const at = bench();
    const energy = await at.start();
    await at.readings.write([reading("grid", t0, 1, t0, "stranger")]);
    await energy.settled();
    expect(await accounts(energy, "1m", "stranger")).toEqual([]);
    expect(await energy.now("stranger")).toBeNull();
    expect(await energy.kpis({ site: "stranger", from: 0, to: 1 })).toEqual([]);
    expect(await energy.trend({ site: "stranger", kpi: "pue", from: 0, to: 1, step: "auto" })).toBeNull();
  });
});

describe("late data", () => {
  const withoutHall = (list: readonly Reading[]) => list.filter(({ device }) => device !== "hall");
  const onlyHall = (list: readonly Reading[]) => list.filter(({ device }) => device === "hall");

  test("restates the minutes it touches, the old revision stays readable", async () => {
    const at = bench();
    const energy = await at.start();
    const all = telemetry(t0, t0 + 5 * minuteMs);
    await at.readings.write(withoutHall(all));
    await energy.settled();
    expect((await accounts(energy)).map(({ totals }) => totals.itWh)).toEqual([null, null, null, null]);
    await at.readings.write(onlyHall(all));
    await energy.settled();
    const list = await accounts(energy);
    expect(list.map(({ revision }) => revision)).toEqual([2, 2, 2, 2]);
    for (const { totals } of list) expect(totals.itWh).toBeCloseTo(10_000 / 60, 0);
    const history = await at.ledger.history("account/1m", `s/${t0}`);
    expect(history.map(({ body }) => (body as unknown as Account).totals.itWh)).toEqual([null, expect.any(Number)]);
    expect(at.published.filter(({ topic }) => topic === "dc/s/account/1m/restated")).toHaveLength(4);
  });
  test("restates from the store what memory no longer holds, up to the day", async () => {
    const at = bench();
    const energy = await at.start();
    const all = telemetry(t0, t0 + 25 * hourMs, minuteMs, 48 * hourMs);
    const late = onlyHall(all).filter(({ ts }) => ts >= t0 + hourMs && ts < t0 + 2 * hourMs);
    await at.readings.write(all.filter((one) => !late.includes(one)));
    await energy.settled();
    const day = async () => (await accounts(energy, "1d"))[0];
    expect((await day())?.totals.itWh).toBeLessThan(24 * 10_000 - 9000);
    await at.readings.write(late);
    await energy.settled();
    expect(await day()).toMatchObject({ revision: 2, coverage: 1, totals: { itWh: expect.closeTo(240_000, 0) } });
  });
  test("that says nothing new makes no revision", async () => {
    const at = bench();
    const energy = await at.start();
    const all = telemetry(t0, t0 + 3 * minuteMs);
    await at.readings.write(all);
    await energy.settled();
    const extra = all.map((one) => ({ ...one, quantities: { ...one.quantities, voltage_v: 230 } }));
    await at.readings.write(extra);
    await energy.settled();
    expect((await accounts(energy)).map(({ revision }) => revision)).toEqual([1, 1]);
  });
  test("a corrected register restates", async () => {
    const at = bench();
    const energy = await at.start();
    await at.readings.write(telemetry(t0, t0 + 3 * minuteMs, minuteMs, 0));
    at.wall = t0 + 4 * minuteMs;
    await energy.settled();
    const wrong = reading("grid", t0 + minuteMs, 13_000, t0 + minuteMs);
    const right = { ...wrong, quantities: { energy_import_wh: (wrong.quantities.energy_import_wh ?? 0) + 60 } };
    await at.readings.write([right]);
    await energy.settled();
    const [first, second] = await accounts(energy);
    expect(first).toMatchObject({ revision: 2, totals: { importWh: expect.closeTo(13_000 / 60 + 60, 0) } });
    expect(second).toMatchObject({ revision: 2, totals: { importWh: expect.closeTo(13_000 / 60 - 60, 0) } });
  });
  test("a register that comes back shares the energy of the gap out, marked", async () => {
    const at = bench();
    const energy = await at.start();
    const gap = (ts: number) => ts > t0 + minuteMs && ts < t0 + 11 * minuteMs;
    const all = telemetry(t0, t0 + 13 * minuteMs);
    await at.readings.write(all.filter(({ ts }) => !gap(ts)));
    await energy.settled();
    const middle = (await accounts(energy))[5];
    expect(middle).toMatchObject({
      coverage: 0,
      quality: "ESTIMATED",
      totals: { itWh: expect.closeTo(10_000 / 60, 0) },
    });
  });
  test("a minute is first closed with what was known then, however much of what follows is there already", async () => {
    const gap = ({ device, ts }: Reading) => device === "hall" && ts > t0 + minuteMs && ts < t0 + 11 * minuteMs;
    const all = telemetry(t0, t0 + 20 * minuteMs).filter((one) => !gap(one));
    const told = async (rows: number, isStopped: boolean) => {
      const at = bench();
      let energy = await at.start();
      for (let index = 0; index < all.length; index += rows) {
        await at.readings.write(all.slice(index, index + rows));
        if (isStopped) await energy[Symbol.asyncDispose]();
        if (isStopped) energy = await at.start();
        else await energy.settled();
      }
      await energy.settled();
      const minutes = Array.from({ length: 15 }, (_, minute) => `s/${t0 + minute * minuteMs}`);
      const histories = await Promise.all(minutes.map((key) => at.ledger.history("account/1m", key)));
      return histories.map((rows) => rows.map(({ body }) => (body as unknown as Account).totals.itWh));
    };
    const live = await told(3, false);
    expect(live[5]).toEqual([null, expect.closeTo(10_000 / 60, 0)]);
    expect(live.filter((history) => history.length > 1)).toHaveLength(9);
    expect(await told(all.length, false)).toEqual(live);
    expect(await told(70, true)).toEqual(live);
  });
  test("what ends a gap restates it, also when its clock is ahead of the site's", async () => {
    const isGap = ({ device, ts }: Reading) => device === "hall" && ts > t0 + minuteMs && ts < t0 + 11 * minuteMs;
    const all = telemetry(t0, t0 + 15 * minuteMs).filter((one) => !isGap(one));
    const ahead = all.filter(({ device, ts }) => device === "hall" && ts === t0 + 11 * minuteMs);
    const early = all.filter((one) => !ahead.includes(one) && one.ts <= t0 + 5 * minuteMs);
    const at = bench();
    const energy = await at.start();
    at.wall = t0 + 5 * minuteMs + 100;
    await at.readings.write(early);
    await at.readings.write(ahead.map((one) => ({ ...one, received: at.wall as Timestamp })));
    await energy.settled();
    at.wall = t0 + 15 * minuteMs + 100;
    await at.readings.write(all.filter((one) => !early.includes(one) && !ahead.includes(one)));
    await energy.settled();
    for (const { totals } of (await accounts(energy)).slice(0, 13)) expect(totals.itWh).toBeCloseTo(10_000 / 60, 0);
  });
  test("whatever the order of arrival, the accounts end up the same", async () => {
    const all = telemetry(t0, t0 + 10 * minuteMs, 20_000, 48 * hourMs);
    const run = async (order: readonly Reading[]) => {
      const at = bench();
      const energy = await at.start();
      for (let index = 0; index < order.length; index += 7) {
        await at.readings.write(order.slice(index, index + 7));
        await energy.settled();
      }
      return (await accounts(energy)).map(({ start, totals }) => [start, totals.importWh, totals.itWh]);
    };
    const forwards = await run(all);
    const shuffled = [...all].sort(
      (a, b) => ((a.ts * 7919 + a.device.length) % 1009) - ((b.ts * 7919 + b.device.length) % 1009),
    );
    const first = all.find(({ ts }) => ts === t0);
    const mixed = await run(first === undefined ? [] : [first, ...shuffled]);
    expect(mixed).toEqual(
      forwards.map((row) => row.map((value) => (value === null ? null : expect.closeTo(value, 6)))),
    );
  });
});

describe("a restart", () => {
  const history = telemetry(t0, t0 + 40 * minuteMs, 20_000, 48 * hourMs);
  const uninterrupted = async () => {
    const at = bench();
    const energy = await at.start();
    await at.readings.write(history);
    await energy.settled();
    return figures(await accounts(energy));
  };

  test("neither loses nor doubles a minute, wherever it falls", async () => {
    const at = bench();
    for (let index = 0; index < history.length; index += 17) {
      const energy = await at.start();
      await at.readings.write(history.slice(index, index + 17));
      await energy.settled();
      await energy[Symbol.asyncDispose]();
    }
    const energy = await at.start();
    await energy.settled();
    expect(figures(await accounts(energy))).toEqual(await uninterrupted());
    expect(await accounts(energy, "15m")).toHaveLength(2);
    expect(at.errors).toEqual([]);
  });
  test("in the middle of the commits goes on where the last one stood", async () => {
    const at = bench();
    await at.readings.write(history);
    for (let survive = 0; survive < 3; survive++) {
      let left = survive;
      const died = Promise.withResolvers<void>();
      const dying: Ledger = {
        ...at.ledger,
        commit: async (changes) => {
          if (left-- <= 0) {
            died.resolve();
            throw new Error("power cut");
          }
          return at.ledger.commit(changes);
        },
      };
      const energy = await at.start([model()], dying);
      await Promise.race([energy.settled(), died.promise]);
      await energy[Symbol.asyncDispose]();
    }
    const energy = await at.start();
    await energy.settled();
    expect(figures(await accounts(energy))).toEqual(await uninterrupted());
  });
  test("a store that is away is waited for", async () => {
    const at = bench();
    let refusals = 3;
    const flaky: Ledger = {
      ...at.ledger,
      commit: async (changes) => {
        if (refusals-- > 0) throw new StoreUnavailableError("away", { retryAfterMs: 1 });
        return at.ledger.commit(changes);
      },
    };
    const energy = await at.start([model()], flaky);
    await at.readings.write(history);
    await energy.settled();
    expect(figures(await accounts(energy))).toEqual(await uninterrupted());
    expect(at.errors).toHaveLength(3);
  });
  test("with a new model accounts what came before it", async () => {
    const at = bench();
    const first = await at.start([model("other")]);
    await at.readings.write([...history, reading("grid", t0, 1, t0 + hourMs, "other")]);
    await first.settled();
    await first[Symbol.asyncDispose]();
    const energy = await at.start([model("other"), model("s")]);
    await energy.settled();
    expect(figures(await accounts(energy))).toEqual(await uninterrupted());
  });
  test("with another store of readings follows it from its beginning and keeps its accounts", async () => {
    const at = bench();
    const first = await at.start();
    await at.readings.write(history);
    await first.settled();
    await first[Symbol.asyncDispose]();
    const anew = bench(createMemoryReadings(), at.ledger);
    const energy = await anew.start();
    await anew.readings.write(telemetry(t0 + 60 * minuteMs, t0 + 63 * minuteMs, 20_000, 48 * hourMs));
    await energy.settled();
    expect(anew.errors).toHaveLength(1);
    const list = await accounts(energy);
    expect(figures(list).slice(0, 39)).toEqual(await uninterrupted());
    expect(list.at(-1)?.totals.itWh).toBeCloseTo(10_000 / 60, 6);
  });
  test("remembers the last word of a device that has been quiet for long", async () => {
    const at = bench();
    const first = await at.start();
    const quiet = reading("hall", t0, 7000, t0 + 48 * hourMs);
    const others = telemetry(t0, t0 + 5 * hourMs, minuteMs, 48 * hourMs).filter(({ device }) => device === "grid");
    await at.readings.write([quiet, ...others]);
    await first.settled();
    await first[Symbol.asyncDispose]();
    const energy = await at.start();
    expect((await energy.now("s"))?.nodes[1]).toMatchObject({ powerW: 7000, ts: t0, freshness: "stale" });
  });
  test("on SQLite finds its place again", async () => {
    const dir = await mkdtemp(join(tmpdir(), "wattlas-books-"));
    const files = () =>
      openStore(storeSchema.parse({ DATA_DIR: dir }), {
        role: "writer",
        onError: (error) => expect(error).toBeUndefined(),
      });
    try {
      for (const part of [history.slice(0, 101), history.slice(101), []]) {
        await using store = await files();
        const at = bench(store.readings, store.ledger);
        const energy = await at.start();
        await at.readings.write(part);
        await energy.settled();
        if (part.length === 0) expect(figures(await accounts(energy))).toEqual(await uninterrupted());
        await energy[Symbol.asyncDispose]();
        expect(at.errors).toEqual([]);
      }
    } finally {
      await rm(dir, { recursive: true });
    }
  });
  test("on SQLite restates what came while it was stopped, as if it had come before", async () => {
    // A meter's reading of the last closed minutes, held back by its gateway.
    const late = history.filter(({ device, ts }) => device === "grid" && ts >= t0 + 37 * minuteMs);
    const early = history.filter((one) => !late.includes(one));
    const through = bench();
    const whole = await through.start();
    await through.readings.write(early);
    await whole.settled();
    await through.readings.write(late);
    await whole.settled();

    const dir = await mkdtemp(join(tmpdir(), "wattlas-books-"));
    try {
      await using store = await openStore(storeSchema.parse({ DATA_DIR: dir }), {
        role: "writer",
        onError: (error) => expect(error).toBeUndefined(),
      });
      const at = bench(store.readings, store.ledger);
      const first = await at.start();
      await at.readings.write(early);
      await first.settled();
      await first[Symbol.asyncDispose]();
      await at.readings.write(late);
      const energy = await at.start();
      await energy.settled();
      expect(figures(await accounts(energy))).toEqual(figures(await accounts(whole)));
      await energy[Symbol.asyncDispose]();
    } finally {
      await rm(dir, { recursive: true });
    }
  });
});

describe("what is published", () => {
  test("the newest window of each step is retained, once", async () => {
    const at = bench();
    const energy = await at.start();
    await at.readings.write(telemetry(t0, t0 + 17 * minuteMs, 20_000, 9 * hourMs));
    await energy.settled();
    const newest = at.published.filter(({ retain }) => retain);
    expect(newest.map(({ topic }) => topic).sort()).toEqual(["dc/s/account/15m", "dc/s/account/1m"]);
    const minute = newest.find(({ topic }) => topic === "dc/s/account/1m");
    expect(JSON.parse(minute?.payload ?? "{}")).toMatchObject({
      site: "s",
      step: "1m",
      start: t0 + 15 * minuteMs,
      revision: 1,
    });
  });
  test("a site of more than 200 nodes tells its sums and keeps its nodes for the API", async () => {
    const at = bench();
    const racks = "  - { id: r-*, repeat: 1..199, kind: it, parent: hall, points: [{ code: MP.R.*, device: r-* }] }\n";
    const energy = await at.start([model("s", racks.replace("199", "198")), model("t", racks)]);
    const readings = telemetry(t0, t0 + 3 * minuteMs, 20_000, 9 * hourMs);
    await at.readings.write([...readings, ...readings.map((one) => ({ ...one, site: "t" }))]);
    await energy.settled();
    const told = (site: string) =>
      JSON.parse(at.published.find(({ topic }) => topic === `dc/${site}/account/1m`)?.payload ?? "{}") as Account;
    expect(Object.keys(told("s").nodes)).toHaveLength(200);
    expect(told("t").nodes).toEqual({});
    expect(told("t").totals).toEqual(told("s").totals);
    expect(Object.keys((await accounts(energy, "1m", "t"))[0]?.nodes ?? {})).toHaveLength(201);
  });
});

describe("asking", () => {
  const loaded = async () => {
    const at = bench();
    at.wall = t0 + 2 * hourMs + 30_000;
    const energy = await at.start();
    await at.readings.write(telemetry(t0, t0 + 2 * hourMs, 30_000, 48 * hourMs));
    await at.readings.write(telemetry(t0 + 2 * hourMs, t0 + 2 * hourMs + 30_000));
    await energy.settled();
    return { at, energy };
  };

  test("now gives powers, ages, the balance and the KPIs of the last quarter of an hour", async () => {
    const { energy } = await loaded();
    const now = await energy.now("s");
    expect(now).toMatchObject({
      site: "s",
      clock: "live",
      balance: { supplyW: 13_000, loadW: 10_000, residualW: 3000 },
    });
    expect(now?.nodes[1]).toMatchObject({
      id: "hall",
      powerW: 10_000,
      freshness: "fresh",
      ts: t0 + 2 * hourMs + 30_000,
    });
    expect(now?.kpis.pue).toMatchObject({ value: expect.closeTo(1.3, 2), quality: "MEASURED" });
  });
  test("now gives the energy residual of the last 24 hours, and how much of them it knows", async () => {
    const { energy } = await loaded();
    const day = (await energy.now("s"))?.balance.day;
    expect(day).toMatchObject({
      start: t0 - 22 * hourMs,
      end: t0 + 2 * hourMs,
      residualWh: expect.closeTo(6000, 0),
      coverage: expect.closeTo(2 / 24, 3),
    });
    // A floor of 2 kW over the two hours that are known.
    expect(day?.toleranceWh).toBeGreaterThanOrEqual(3999);
  });
  test("a sensor that stops is stale, its last word stays readable, and the balance does not use it", async () => {
    const { at, energy } = await loaded();
    at.wall += 31_000;
    await energy.settled();
    const now = await energy.now("s");
    expect(now?.nodes[1]).toMatchObject({ powerW: 10_000, freshness: "stale" });
    expect(now?.balance.residualW).toBeNull();
  });
  test("a site that was never heard says missing, not zero", async () => {
    const energy = await bench().start();
    const now = await energy.now("s");
    expect(now?.nodes[0]).toMatchObject({ powerW: null, ts: null, freshness: "missing" });
    expect(now?.kpis).toEqual({});
  });
  test("a KPI over any period is the ratio of sums of its accounts", async () => {
    const { energy } = await loaded();
    const period = { site: "s", kpi: "pue", from: t0 + 7 * minuteMs, to: t0 + 113 * minuteMs };
    const [whole] = await energy.kpis(period);
    expect(whole).toMatchObject({ coverage: 1, window: { complete: true }, value: expect.closeTo(1.3, 3) });
    const minutes = await energy.kpis({ ...period, step: "1m" });
    expect(minutes).toHaveLength(106);
    const sum = (key: "numerator" | "denominator") => minutes.reduce((total, one) => total + (one[key] ?? 0), 0);
    expect(whole?.numerator).toBeCloseTo(sum("numerator"), 6);
    expect(whole?.denominator).toBeCloseTo(sum("denominator"), 6);
  });
  test("a trend is columns of one length, with a step that fits the span", async () => {
    const { energy } = await loaded();
    const trend = await energy.trend({ site: "s", kpi: "pue", from: t0, to: t0 + 24 * hourMs, step: "auto" });
    expect(trend).toMatchObject({ step: "15m", variant: "cat2", unit: "1" });
    expect(trend?.start).toHaveLength(8);
    for (const value of trend?.value ?? []) expect(value).toBeCloseTo(1.3, 2);
    expect(await energy.trend({ site: "s", kpi: "nothing", from: t0, to: t0 + hourMs, step: "1m" })).toBeNull();
  });
  test("accounts come in pages", async () => {
    const { energy } = await loaded();
    const query = { site: "s", step: "1m" as const, from: t0, to: t0 + hourMs, limit: 40 };
    const first = await energy.accounts(query);
    const second = await energy.accounts({ ...query, ...(first.next === null ? {} : { cursor: first.next }) });
    expect([first.items.length, second.items.length, second.next]).toEqual([40, 20, null]);
  });
});
