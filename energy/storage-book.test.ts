import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createMemoryLedger, createMemoryReadings, type Reading, type Timestamp } from "#store";
import type { Account, AccountStep, StorageAccount } from "./account.ts";
import { madeAgain, openBooks, type Stores, siteOf } from "./books.fixture.ts";
import { carryStorage, quarterWithStorage, sumWithStorage } from "./storage-book.ts";

const minuteMs = 60_000;
const quarterMs = 15 * minuteMs;
const hourMs = 60 * minuteMs;
const t0 = Date.parse("2026-11-16T00:00:00+08:00");

const model = siteOf(
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
  bands:
    - { from: "00:30", to: "24:00", period: flat, price_per_kwh: 0.5 }
    - { from: "00:00", to: "00:30", period: valley, price_per_kwh: 0.2 }
carbon: { default_g_per_kwh: 500 }
`,
);

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
const quarterOf = (index: number, { green, bought, discharge, socPct }: Flow): Account =>
  ({
    site: "s",
    step: "15m",
    start: t0 + index * quarterMs,
    end: t0 + (index + 1) * quarterMs,
    nodes: { bess: { socPct, storedWh: 0 } },
    totals: {},
    flags: [],
    joint: {
      "storage_green_share/bess": { goodMs: quarterMs, terms: { green, bought, other: 0, discharge } },
      "storage_carbon/bess": { goodMs: quarterMs, terms: { bought, carbonG: 500 * bought } },
      "storage_cost/bess": { goodMs: quarterMs, terms: { bought, cost: bought / 2 } },
    },
  }) as unknown as Account;
const kwh = fc.integer({ min: 0, max: 100_000 }).map((wh) => wh / 1000);
const flows = fc.array(
  fc.record({ green: kwh, bought: kwh, discharge: kwh, socPct: fc.integer({ min: 0, max: 100 }) }),
  { minLength: 96, maxLength: 96 },
);
const chain = (all: readonly Flow[]): Account[] => {
  const quarters: Account[] = [];
  for (const [index, flow] of all.entries())
    quarters.push(quarterWithStorage(model, quarterOf(index, flow), quarters.slice(-1)));
  return quarters;
};
const idle: Flow = { green: 0, bought: 0, discharge: 0, socPct: 50 };
const bess = (account: Account | undefined): StorageAccount => {
  const found = account?.storage?.bess;
  if (found === undefined) throw new Error("no storage");
  return found;
};

describe("what a battery holds", () => {
  test("is conserved over every quarter, the hour and the day: energy, carbon and cost", () => {
    fc.assert(
      fc.property(flows, (all) => {
        const quarters = chain(all);
        for (const quarter of quarters) conserves(bess(quarter));
        for (const [index, quarter] of quarters.slice(1).entries())
          expect(bess(quarter).opening).toEqual(bess(quarters[index]).closing);
        const longer = (step: AccountStep) => ({ ...quarterOf(0, idle), step }) as Account;
        conserves(bess(sumWithStorage(longer("1h"), quarters.slice(0, 4))));
        conserves(bess(sumWithStorage(longer("1d"), quarters)));
      }),
    );
  });

  test("after a late quarter is what it would be had the quarter come in time", () => {
    fc.assert(
      fc.property(flows, kwh, (all, late) => {
        const [first, ...rest] = all;
        if (first === undefined) return;
        const intime = chain([{ ...first, green: late }, ...rest]);
        const [restated, ...stale] = [...intime.slice(0, 1), ...chain(all).slice(1)];
        if (restated === undefined) return;
        const carried = new Map(carryStorage(() => model, [restated, ...stale]).map((one) => [one.start, one]));
        const now = [restated, ...stale].map((quarter) => carried.get(quarter.start) ?? quarter);
        for (const [index, quarter] of now.entries())
          near(bess(quarter).closing.renewableWh, bess(intime[index]).closing.renewableWh);
      }),
    );
  });

  test("against the state of charge is shown every day, and flagged beyond 5 % of the capacity", () => {
    const days = (socPct: number) => {
      const quarters = chain([...Array.from({ length: 95 }, () => idle), { ...idle, socPct }]);
      return [bess(quarters[94]).reconciled, bess(quarters[95]).reconciled, quarters[95]?.flags];
    };
    expect(days(47)).toEqual([
      null,
      { ledgerWh: 50_000, socWh: 47_000, toleranceWh: 5000, lossWh: 3000, foundWh: 0 },
      [],
    ]);
    expect(days(40)[2]).toEqual(["STORAGE_UNRECONCILED"]);
    expect(days(60)[1]).toMatchObject({ lossWh: 0, foundWh: 10_000 });
  });

  test("ages while it waits, and is young when it has just been charged", () => {
    const [charged, waited] = chain([
      { green: 10, bought: 0, discharge: 0, socPct: 0 },
      { green: 0, bought: 0, discharge: 0, socPct: 9.5 },
    ]);
    expect(bess(charged).closing).toMatchObject({ energyWh: 9500, meanAgeH: 0.125 });
    expect(bess(waited).closing).toMatchObject({ energyWh: 9500, meanAgeH: 0.375 });
  });

  test("whose charge lacks a price or a carbon factor for some minutes says so", () => {
    const [half] = chain([{ green: 0, bought: 4, discharge: 0, socPct: 0 }]);
    if (half?.joint === undefined) throw new Error("no joint");
    const joint = { ...half.joint, "storage_cost/bess": { goodMs: quarterMs / 2, terms: { bought: 2, cost: 1 } } };
    const partly = quarterWithStorage(model, { ...half, joint }, []);
    expect(bess(partly)).toMatchObject({ charge: { cost: 1, carbonG: 2000 }, flags: ["COST_UNKNOWN"] });
    expect(bess(half).flags).toEqual([]);
  });
});

/** An hour of 6 kWh from the sun and 4 from the grid into the battery, then hours of 3 kWh out of it. */
const telemetry = (hours: number, lateHall = 0): Reading[] => {
  const all: Reading[] = [];
  let [grid, sun, into, out, hall, stored] = [0, 0, 0, 0, 0, 0];
  for (let minute = 0; minute <= hours * 60 + 3; minute++) {
    const ts = (t0 + minute * minuteMs) as Timestamp;
    const put = (device: string, quantities: Record<string, number>) =>
      all.push({ site: "s", device, ts, received: (ts + 500) as Timestamp, quantities, flags: [] });
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

describe("the books of a site with a battery", () => {
  const hoursOf = async (parts: readonly (readonly Reading[])[]) => {
    const stores: Stores = { readings: createMemoryReadings(), ledger: createMemoryLedger() };
    // Every part is taken in by a process of its own.
    for (const part of parts) {
      await using energy = await openBooks(model, stores, t0);
      await stores.readings.write([...part]);
      await energy.settled();
    }
    await using energy = await openBooks(model, stores, t0);
    const query = { site: "s", from: t0, to: t0 + 24 * hourMs };
    return {
      stores,
      quarters: (await energy.accounts({ ...query, step: "15m", limit: 200 })).items,
      hours: (await energy.accounts({ ...query, step: "1h", limit: 100 })).items,
      kpis: await energy.kpis({ ...query, kpi: "storage_green_share", from: t0 + hourMs, to: t0 + 3 * hourMs }),
    };
  };

  test("hand the mix, the carbon and the cost of its charge on to its discharge", async () => {
    const { quarters, hours, kpis } = await hoursOf([telemetry(3)]);
    expect(bess(hours[0]).charge).toMatchObject({
      renewableWh: expect.closeTo(6000, 3),
      gridWh: expect.closeTo(4000, 3),
      carbonG: expect.closeTo(2000, 3),
      // Half an hour of 4 kW at the night price, half an hour at the day price; the mean of the hour would be the same here,
      cost: expect.closeTo(2 * 0.2 + 2 * 0.5, 6),
    });
    // not so by the quarter, nor where import and charge do not move together.
    expect(quarters.slice(0, 4).map((quarter) => bess(quarter).charge.cost)).toEqual(
      [0.2, 0.2, 0.5, 0.5].map((cost) => expect.closeTo(cost, 6)),
    );
    expect(bess(hours[1])).toMatchObject({
      discharge: { renewableWh: expect.closeTo(1800, 3), gridWh: expect.closeTo(1200, 3) },
      naive: { renewableWh: expect.closeTo(3000, 3), carbonG: 0 },
    });
    for (const account of [...quarters, ...hours]) conserves(bess(account));
    expect(bess(hours[1]).opening).toEqual(bess(quarters[3]).closing);
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
    const { unequal } = await madeAgain(model, restated.stores, { start: t0, end: t0 + 24 * hourMs });
    expect(unequal).toEqual([]);
  });

  test("pay the price in force when the battery is charged, not the mean of the hour", async () => {
    // 4 kWh into the battery in the cheap half of the hour, 8 kWh for the hall in the dear one.
    const all = Array.from({ length: 64 }, (_, minute): Reading[] => {
      const ts = (t0 + minute * minuteMs) as Timestamp;
      const [into, hall] = [(4000 * Math.min(minute, 30)) / 30, (8000 * Math.max(0, minute - 30)) / 30];
      const put = (device: string, quantities: Record<string, number>): Reading => ({
        ...{ site: "s", device, ts, received: (ts + 500) as Timestamp, quantities, flags: [] },
      });
      return [
        put("grid", { energy_import_wh: into + hall }),
        put("sun", { energy_export_wh: 0 }),
        put("bess", { energy_export_wh: 0, energy_import_wh: into, soc_pct: (0.95 * into) / 1000 }),
        put("hall", { energy_import_wh: hall }),
      ];
    }).flat();
    const { hours } = await hoursOf([all]);
    // The hour's mean price is (4 × 0.2 + 8 × 0.5) / 12 = 0.4.
    expect(bess(hours[0]).charge).toMatchObject({ gridWh: expect.closeTo(4000, 3), cost: expect.closeTo(0.8, 6) });
  });
});
