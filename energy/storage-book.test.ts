import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createMemoryLedger, createMemoryReadings, type Reading, type Timestamp } from "#store";
import type { Account, StorageAccount } from "./account.ts";
import { startEnergy } from "./book.ts";
import { energySchema } from "./config.ts";
import { keptModel } from "./kept-model.ts";
import { readAccounts } from "./query.ts";
import { readReadings } from "./read-readings.ts";
import { recomputeAccounts } from "./recompute.ts";
import { parseSite } from "./site.ts";
import { carryStorage, dayWithStorage, hourWithStorage } from "./storage-book.ts";

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const t0 = Date.parse("2026-11-16T00:00:00+08:00");

const parsed = parseSite(
  `site: s
time_zone: Asia/Shanghai
currency: CNY
bus_rating_w: 1000000
nodes:
  - { id: grid, kind: grid, points: [{ code: MP.PCC, device: grid, energy_forward: energy_import_wh, interval_s: 60 }] }
  - { id: sun, kind: pv, points: [{ code: MP.PV, device: sun, energy_forward: energy_export_wh, interval_s: 60 }] }
  - { id: bess, kind: battery, capacity_wh: 100000, boundary: inside, points: [{ code: MP.BESS, device: bess, energy_forward: energy_export_wh, energy_reverse: energy_import_wh, soc: soc_pct, interval_s: 60 }] }
  - { id: hall, kind: it, points: [{ code: MP.IT, device: hall, energy_forward: energy_import_wh, interval_s: 60 }] }
tariff:
  bands: [{ from: "00:00", to: "24:00", period: flat, price_per_kwh: 0.5 }]
carbon: { default_g_per_kwh: 500 }
`,
  "s.yaml",
);
if (!parsed.ok) throw new Error(JSON.stringify(parsed.faults));
const model = parsed.site;

const sum = ({ renewableWh, gridWh, unknownWh }: StorageAccount["charge"]): number => renewableWh + gridWh + unknownWh;
const near = (a: number, b: number) =>
  expect(Math.abs(a - b)).toBeLessThanOrEqual(1e-6 * Math.max(1, Math.abs(a), Math.abs(b)));
/** Opening + charge + beyond + found = discharge + losses + closing, of energy, carbon and cost. */
const conserves = ({ opening, closing, charge, discharge, lossWh, beyondWh, reconciled }: StorageAccount): void => {
  near(
    opening.energyWh + sum(charge) + beyondWh + (reconciled?.foundWh ?? 0),
    sum(discharge) + lossWh + (reconciled?.lossWh ?? 0) + closing.energyWh,
  );
  near(opening.carbonG + charge.carbonG, discharge.carbonG + closing.carbonG);
  near(opening.cost + charge.cost, discharge.cost + closing.cost);
  near(closing.energyWh, closing.renewableWh + closing.gridWh + closing.unknownWh);
};

interface Flow {
  readonly green: number;
  readonly bought: number;
  readonly discharge: number;
  readonly socPct: number;
}
const hourOf = (index: number, { green, bought, discharge, socPct }: Flow): Account =>
  ({
    site: "s",
    step: "1h",
    start: t0 + index * hourMs,
    end: t0 + (index + 1) * hourMs,
    nodes: { bess: { socPct, storedWh: 0 } },
    totals: { periods: { flat: { importWh: 20_000, cost: 10 } } },
    flags: [],
    joint: {
      "storage_green_share/bess": { goodMs: hourMs, terms: { green, bought, other: 0, discharge } },
      "storage_carbon/bess": { goodMs: hourMs, terms: { carbonG: 500 * bought } },
    },
  }) as unknown as Account;
const kwh = fc.integer({ min: 0, max: 100_000 }).map((wh) => wh / 1000);
const flows = fc.array(
  fc.record({ green: kwh, bought: kwh, discharge: kwh, socPct: fc.integer({ min: 0, max: 100 }) }),
  { minLength: 24, maxLength: 24 },
);
const chain = (all: readonly Flow[]): Account[] => {
  const hours: Account[] = [];
  for (const [index, flow] of all.entries()) hours.push(hourWithStorage(model, hourOf(index, flow), hours.slice(-1)));
  return hours;
};
const bess = (account: Account | undefined): StorageAccount => {
  const found = account?.storage?.bess;
  if (found === undefined) throw new Error("no storage");
  return found;
};

describe("what a battery holds", () => {
  test("is conserved over every hour and over the day: energy, carbon and cost", () => {
    fc.assert(
      fc.property(flows, (all) => {
        const hours = chain(all);
        for (const hour of hours) conserves(bess(hour));
        for (const [index, hour] of hours.slice(1).entries())
          expect(bess(hour).opening).toEqual(bess(hours[index]).closing);
        const day = { ...hourOf(0, { green: 0, bought: 0, discharge: 0, socPct: 0 }), step: "1d" } as Account;
        conserves(bess(dayWithStorage(day, hours)));
      }),
    );
  });

  test("after a late hour is what it would be had the hour come in time", () => {
    fc.assert(
      fc.property(flows, kwh, (all, late) => {
        const [first, ...rest] = all;
        if (first === undefined) return;
        const intime = chain([{ ...first, green: late }, ...rest]);
        const [restated, ...stale] = [...intime.slice(0, 1), ...chain(all).slice(1)];
        if (restated === undefined) return;
        const carried = new Map(carryStorage(() => model, [restated, ...stale]).map((hour) => [hour.start, hour]));
        const now = [restated, ...stale].map((hour) => carried.get(hour.start) ?? hour);
        for (const [index, hour] of now.entries())
          near(bess(hour).closing.renewableWh, bess(intime[index]).closing.renewableWh);
      }),
    );
  });

  test("against the state of charge is shown every day, and flagged beyond 5 % of the capacity", () => {
    const idle = { green: 0, bought: 0, discharge: 0, socPct: 50 };
    const days = (socPct: number) => {
      const hours = chain([...Array.from({ length: 23 }, () => idle), { ...idle, socPct }]);
      return [bess(hours[22]).reconciled, bess(hours[23]).reconciled, hours[23]?.flags];
    };
    expect(days(47)).toEqual([
      null,
      { ledgerWh: 50_000, socWh: 47_000, toleranceWh: 5000, lossWh: 3000, foundWh: 0 },
      [],
    ]);
    expect(days(40)[2]).toEqual(["STORAGE_UNRECONCILED"]);
    expect(days(60)[1]).toMatchObject({ lossWh: 0, foundWh: 10_000 });
  });

  test("ages by the hour while it waits, and is young when it has just been charged", () => {
    const [charged, waited] = chain([
      { green: 10, bought: 0, discharge: 0, socPct: 0 },
      { green: 0, bought: 0, discharge: 0, socPct: 9.5 },
    ]);
    expect(bess(charged).closing).toMatchObject({ energyWh: 9500, meanAgeH: 0.5 });
    expect(bess(waited).closing).toMatchObject({ energyWh: 9500, meanAgeH: 1.5 });
  });
});

/** An hour of 6 kWh from the sun and 4 from the grid into the battery, then hours of 3 kWh out of it. */
const telemetry = (hours: number, lateHall = 0): Reading[] => {
  const all: Reading[] = [];
  let [grid, sun, into, out, hall, stored] = [0, 0, 0, 0, 0, 0];
  for (let minute = 0; minute <= hours * 60 + 3; minute++) {
    const ts = (t0 + minute * minuteMs) as Timestamp;
    const put = (device: string, quantities: Record<string, number>) =>
      all.push({ site: "s", device, ts, received: (ts + 90_000) as Timestamp, quantities, flags: [] });
    put("grid", { energy_import_wh: grid });
    put("sun", { energy_export_wh: sun });
    put("bess", { energy_export_wh: out, energy_import_wh: into, soc_pct: stored / 1000 });
    put("hall", { energy_import_wh: hall + (minute === 30 ? lateHall : 0) });
    const charges = minute < 60;
    // Load has priority for the sun: 5 kWh of its 11 go into the hall.
    hall += 5000 / 60;
    sun += charges ? 11_000 / 60 : 0;
    grid += charges ? 4000 / 60 : 2000 / 60;
    into += charges ? 10_000 / 60 : 0;
    out += charges ? 0 : 3000 / 60;
    stored += charges ? 9500 / 60 : -3000 / 0.95 / 60;
  }
  return all;
};

const openBooks = (readings: ReturnType<typeof createMemoryReadings>, ledger: ReturnType<typeof createMemoryLedger>) =>
  startEnergy(energySchema.parse({}), {
    readings,
    ledger,
    sites: [model],
    publish: () => undefined,
    onError: (error) => {
      throw error;
    },
    now: () => t0,
  });

describe("the books of a site with a battery", () => {
  const hoursOf = async (parts: readonly (readonly Reading[])[]) => {
    const readings = createMemoryReadings();
    const ledger = createMemoryLedger();
    // Every part is taken in by a process of its own.
    for (const part of parts) {
      await using energy = await openBooks(readings, ledger);
      await readings.write([...part]);
      await energy.settled();
    }
    await using energy = await openBooks(readings, ledger);
    const query = { site: "s", from: t0, to: t0 + 24 * hourMs };
    return {
      readings,
      ledger,
      hours: (await energy.accounts({ ...query, step: "1h", limit: 100 })).items,
      kpis: await energy.kpis({ ...query, kpi: "storage_green_share", from: t0 + hourMs, to: t0 + 3 * hourMs }),
    };
  };

  test("hand the mix, the carbon and the cost of its charge on to its discharge", async () => {
    const { hours, kpis } = await hoursOf([telemetry(3)]);
    expect(bess(hours[0]).charge).toMatchObject({
      renewableWh: expect.closeTo(6000, 3),
      gridWh: expect.closeTo(4000, 3),
      carbonG: expect.closeTo(2000, 3),
      cost: expect.closeTo(2, 6),
    });
    expect(bess(hours[1])).toMatchObject({
      discharge: { renewableWh: expect.closeTo(1800, 3), gridWh: expect.closeTo(1200, 3) },
      naive: { renewableWh: expect.closeTo(3000, 3), carbonG: 0 },
    });
    for (const hour of hours) conserves(bess(hour));
    expect(kpis.map(({ value }) => value)).toEqual([expect.closeTo(0.6, 6), 1]);
  });

  test("open after a restart with what was held before it", async () => {
    const all = telemetry(4);
    const cut = (from: number, to: number) =>
      all.filter(({ ts }) => ts >= t0 + from * minuteMs && ts < t0 + to * minuteMs);
    const [whole, restarted] = [await hoursOf([all]), await hoursOf([cut(0, 100), cut(100, 190), cut(190, 999)])];
    expect(restarted.hours.map(({ storage }) => storage)).toEqual(whole.hours.map(({ storage }) => storage));
  });

  test("carry a late reading forward, and come out equal when they are made again", async () => {
    const all = telemetry(26);
    const late = all.filter(
      ({ device, ts }) => device === "bess" && ts > t0 + 20 * minuteMs && ts < t0 + 80 * minuteMs,
    );
    const unlate = all.filter((one) => !late.includes(one));
    const intime = await hoursOf([all]);
    const restated = await hoursOf([unlate, late]);
    const closing = ({ hours }: typeof restated, index: number) => bess(hours[index]).closing.renewableWh;
    expect(Math.abs(closing(await hoursOf([unlate]), 2) - closing(intime, 2))).toBeGreaterThan(10);
    for (const [index, hour] of restated.hours.entries())
      near(bess(hour).closing.renewableWh, bess(intime.hours[index]).closing.renewableWh);
    const { unequal } = await recomputeAccounts(
      model,
      { start: t0, end: t0 + 24 * hourMs },
      {
        readRange: (start, end, device) => readReadings(restated.readings, "s", start, end, device),
        readAccounts: (step, start, end) => readAccounts(restated.ledger, "s", step, start, end),
        modelOf: (revision) => keptModel(restated.ledger, "s", revision),
        bridgeMs: hourMs,
      },
    );
    expect(unequal).toEqual([]);
  });
});
