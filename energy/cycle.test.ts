import { expect, test } from "vitest";
import { createMemoryLedger, createMemoryReadings, type Reading, type Timestamp } from "#store";
import { startEnergy } from "./book.ts";
import { energySchema } from "./config.ts";
import { cycleOf } from "./cycle.ts";
import { parseSite } from "./site.ts";

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const local = (text: string): number => Date.parse(`${text}T00:00:00+08:00`);

const parsed = parseSite(
  `site: s
time_zone: Asia/Shanghai
currency: CNY
bus_rating_w: 1000000
demand: { contract_w: 100000, cycle_start_day: 16 }
nodes:
  - { id: grid, kind: grid, points: [{ code: MP.PCC, device: grid, energy_forward: energy_import_wh, interval_s: 1800 }] }
  - { id: hall, kind: it, points: [{ code: MP.IT, device: hall, energy_forward: energy_import_wh, interval_s: 1800 }] }
`,
  "s.yaml",
);
if (!parsed.ok) throw new Error(JSON.stringify(parsed.faults));
const model = parsed.site;

const reading = (device: string, ts: number, wh: number, received: number): Reading => ({
  site: "s",
  device,
  ts: ts as Timestamp,
  received: received as Timestamp,
  quantities: { energy_import_wh: wh },
  flags: [],
});

/** Two days before a cycle's end and some after it, then a live clock. */
const running = async (daysAfter: number, freezeDays = "7") => {
  const clock = { at: local("2026-11-16") + daysAfter * dayMs };
  const readings = createMemoryReadings();
  const ledger = createMemoryLedger({ now: () => clock.at });
  const from = local("2026-11-14");
  const rows: Reading[] = [];
  for (let ts = from; ts <= clock.at; ts += hourMs / 2)
    for (const device of ["grid", "hall"]) rows.push(reading(device, ts, ((ts - from) / hourMs) * 1000, clock.at));
  await readings.write(rows);
  const energy = await startEnergy(energySchema.parse({ ENERGY_FREEZE_DAYS: freezeDays }), {
    readings,
    ledger,
    sites: [model],
    publish: () => undefined,
    onError: (error) => {
      throw error;
    },
    now: () => clock.at,
  });
  await energy.settled();
  return { clock, readings, ledger, energy, [Symbol.asyncDispose]: () => energy[Symbol.asyncDispose]() };
};

const close = { site: "s", at: local("2026-11-15"), by: "Ana", reason: "bill checked" };

test("a cycle runs from its start day to the next, in local time, by default a calendar month", () => {
  expect(cycleOf(local("2026-11-15"), 16, "Asia/Shanghai")).toEqual({
    cycle: "2026-10-16",
    start: local("2026-10-16"),
    end: local("2026-11-16"),
  });
  expect(cycleOf(local("2026-11-16"), 16, "Asia/Shanghai").cycle).toBe("2026-11-16");
  const march = cycleOf(Date.parse("2026-03-15T00:00:00Z"), 1, "Europe/Berlin");
  // The month of the short day.
  expect(march).toMatchObject({ cycle: "2026-03-01", end: march.start + 31 * dayMs - hourMs });
});

test("a cycle that is not over, empty or closed already is refused", async () => {
  await using at = await running(1);
  expect(await at.energy.closeCycle({ ...close, at: local("2026-11-17") })).toMatchObject({
    code: "ENERGY_CYCLE_NOT_OVER",
  });
  expect(await at.energy.closeCycle({ ...close, at: local("2020-01-01") })).toMatchObject({
    code: "ENERGY_CYCLE_EMPTY",
  });
  expect(await at.energy.closeCycle({ ...close, site: "x" })).toMatchObject({ code: "ENERGY_SITE_UNKNOWN" });
  expect(await at.energy.closeCycle(close)).toMatchObject({ ok: true });
  expect(await at.energy.closeCycle(close)).toMatchObject({ ok: false, code: "ENERGY_CYCLE_CLOSED" });
});

test("a closed cycle keeps its figures; later corrections are listed against it, and who closed it is on record", async () => {
  await using at = await running(1);
  const closed = await at.energy.closeCycle(close);
  if (!closed.ok) throw new Error(closed.reason);
  expect(closed.cycle).toMatchObject({ cycle: "2026-10-16", by: "Ana", models: [model.revision] });
  expect(closed.cycle.account.totals.itWh).toBeCloseTo(48_000, 3);
  expect(closed.cycle.kpis.find(({ kpi }) => kpi === "pue")?.value).toBeCloseTo(1, 9);
  expect(await at.energy.cycle("s", "2026-10-16")).toEqual({ cycle: closed.cycle, corrections: [], changes: [] });
  at.clock.at += 1000;
  const ts = local("2026-11-15") + hourMs;
  await at.readings.write([reading("hall", ts, 25_500, at.clock.at)]);
  await at.readings.write([reading("hall", local("2026-11-16"), 48_100, at.clock.at)]);
  await at.energy.settled();
  const report = await at.energy.cycle("s", "2026-10-16");
  expect(report?.cycle).toEqual(closed.cycle);
  expect(report?.corrections).toEqual([
    {
      step: "1d",
      start: local("2026-11-15"),
      frozen: 1,
      revision: expect.any(Number),
      at: at.clock.at,
      changes: expect.arrayContaining([
        { path: "totals.itWh", before: expect.closeTo(24_000, 3), after: expect.closeTo(24_100, 3) },
      ]),
    },
  ]);
  expect(report?.changes).toContainEqual({
    path: "totals.itWh",
    before: expect.closeTo(48_000, 3),
    after: expect.closeTo(48_100, 3),
  });
  const { items } = await at.ledger.list({ kind: "audit", limit: 10 });
  expect(items.map(({ body }) => body)).toEqual([
    expect.objectContaining({ who: "Ana", what: "close-cycle", said: "bill checked", revision: closed.cycle.revision }),
  ]);
  expect((await at.energy.cycles("s")).map(({ revision }) => revision)).toEqual([closed.cycle.revision]);
});

test("equal figures have equal names, whoever closes", async () => {
  await using one = await running(1);
  await using two = await running(1);
  const names = [await one.energy.closeCycle(close), await two.energy.closeCycle({ ...close, by: "Bo" })];
  expect(new Set(names.map((result) => (result.ok ? result.cycle.revision : "refused"))).size).toBe(1);
});

test("a cycle that has been over for a week closes by itself, once; before, or by hand only, it does not", async () => {
  await using early = await running(6);
  expect(await early.energy.cycles("s")).toEqual([]);
  await using by = await running(9, "0");
  expect(await by.energy.cycles("s")).toEqual([]);
  await using at = await running(9);
  at.clock.at += 60_000;
  await at.energy.settled();
  at.clock.at += 60_000;
  await at.energy.settled();
  expect((await at.energy.cycles("s")).map(({ cycle, by: who }) => [cycle, who])).toEqual([["2026-10-16", "wattlas"]]);
});
