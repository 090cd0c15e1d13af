import { describe, expect, test } from "vitest";
import { createMemoryLedger, createMemoryReadings, type Json, type Reading, type Timestamp } from "#store";
import { madeAgain, openBooks, siteOf } from "./books.fixture.ts";
import { keptModel } from "./kept-model.ts";
import { accountOf } from "./query.ts";

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const t0 = Date.parse("2026-11-16T00:00:00+08:00");

const model = siteOf(
  `site: s
time_zone: Asia/Shanghai
currency: CNY
bus_rating_w: 1000000
nodes:
  - { id: grid, kind: grid, points: [{ code: MP.PCC, device: grid, energy_forward: energy_import_wh, interval_s: 60 }] }
  - { id: hall, kind: it, points: [{ code: MP.IT, device: hall, energy_forward: energy_import_wh, interval_s: 60 }] }
`,
);

const gauged = siteOf(
  `site: s
time_zone: Asia/Shanghai
currency: CNY
bus_rating_w: 1000000
nodes:
  - { id: grid, kind: grid, points: [{ code: MP.PCC, device: grid, energy_forward: energy_import_wh, interval_s: 60 }] }
  - { id: hall, kind: it, points: [{ code: MP.IT, device: hall, power: power_w, energy_forward: energy_import_wh, interval_s: 60, sentinels: [-1] }] }
`,
);

const reading = (device: string, ts: number, wh: number, received = ts + 500): Reading => ({
  site: "s",
  device,
  ts: ts as Timestamp,
  received: received as Timestamp,
  quantities: { energy_import_wh: wh },
  flags: [],
});

/** A site of which `hours` hours are accounted, on a clock of its own for what is committed when. */
const accounted = async (hours: number) => {
  const clock = { at: 1_000 };
  const readings = createMemoryReadings();
  const ledger = createMemoryLedger({ now: () => clock.at });
  const telemetry: Reading[] = [];
  for (let ts = t0; ts <= t0 + hours * hourMs + 2 * minuteMs; ts += minuteMs) {
    const minutes = (ts - t0) / minuteMs;
    telemetry.push(reading("grid", ts, 1000 + minutes * 200), reading("hall", ts, 1000 + minutes * 150));
  }
  await readings.write(telemetry);
  const energy = await openBooks(model, { readings, ledger }, t0);
  await energy.settled();
  const recompute = (start: number, end: number) => madeAgain(model, { readings, ledger }, { start, end });
  return { clock, readings, ledger, energy, recompute, [Symbol.asyncDispose]: () => energy[Symbol.asyncDispose]() };
};

describe("an account that was restated", () => {
  test("is readable as it was known before, and so are its KPIs", async () => {
    await using at = await accounted(2);
    at.clock.at = 2_000;
    await at.readings.write([reading("hall", t0 + 30 * minuteMs, 1000 + 30 * 150 + 75)]);
    await at.energy.settled();
    const window = { site: "s", from: t0, to: t0 + hourMs };
    const it = async (knownAt?: number) => {
      const page = await at.energy.accounts({ ...window, step: "15m", limit: 10, ...(knownAt ? { knownAt } : {}) });
      return page.items.map(({ revision, totals }) => [revision, totals.itWh]);
    };
    expect(await it(1_999)).toEqual([1, 2, 3, 4].map(() => [1, expect.closeTo(2250, 6)]));
    expect(await it()).toEqual([
      [1, expect.closeTo(2250, 6)],
      [2, expect.closeTo(2325, 6)],
      [2, expect.closeTo(2175, 6)],
      [1, expect.closeTo(2250, 6)],
    ]);
    expect(await it(999)).toEqual([]);
    const quarter = { site: "s", kpi: "pue", from: t0 + 15 * minuteMs, to: t0 + 30 * minuteMs };
    const value = async (knownAt?: number) =>
      (await at.energy.kpis({ ...quarter, ...(knownAt ? { knownAt } : {}) })).map((one) => one.value);
    expect(await value(1_999)).toEqual([expect.closeTo(3000 / 2250, 9)]);
    expect(await value()).toEqual([expect.closeTo(3000 / 2325, 9)]);
    const trend = await at.energy.trend({ ...quarter, step: "15m", knownAt: 1_999 });
    expect(trend?.value).toEqual([expect.closeTo(3000 / 2250, 9)]);
  });

  test("tells in every revision what changed, when, and which data and model it was made with", async () => {
    await using at = await accounted(1);
    at.clock.at = 2_000;
    await at.readings.write([reading("hall", t0 + 30 * minuteMs, 1000 + 30 * 150 + 75)]);
    await at.energy.settled();
    const [first, second] = await at.energy.revisions({ site: "s", step: "15m", start: t0 + 15 * minuteMs });
    expect(first).toMatchObject({ revision: 1, at: 1_000, changes: [], account: { model: model.revision } });
    expect(second).toMatchObject({ revision: 2, at: 2_000, account: { model: model.revision } });
    expect(second?.changes).toContainEqual({
      path: "totals.itWh",
      before: expect.closeTo(2250, 6),
      after: expect.closeTo(2325, 6),
    });
    expect(second?.changes.every(({ path }) => !path.startsWith("nodes.grid"))).toBe(true);
    expect(first?.account.data).not.toBe("");
    expect(second?.account.data).not.toBe(first?.account.data);
    expect(await keptModel(at.ledger, "s", model.revision)).toEqual(model);
    expect(await at.energy.revisions({ site: "s", step: "1h", start: 1 })).toEqual([]);
  });
});

describe("a sentinel that corrects a good reading of the same time", () => {
  const said = (ts: number, quantities: Reading["quantities"], received = ts + 500): Reading => ({
    ...reading("hall", ts, 0, received),
    quantities,
  });
  /** The hall's quarter that holds a correction of one quantity, live, and whether it is made again from the store. */
  const corrected = async (first: Reading["quantities"], second: Reading["quantities"], afterMin: number) => {
    const readings = createMemoryReadings();
    const ledger = createMemoryLedger();
    const healthy = (minute: number) => ({ power_w: 9000 + minute, energy_import_wh: 1000 + minute * 150 });
    await using energy = await openBooks(gauged, { readings, ledger }, t0);
    for (let minute = 0; minute <= 62; minute++) {
      const ts = t0 + minute * minuteMs;
      await readings.write([
        reading("grid", ts, 1000 + minute * 200),
        said(ts, { ...healthy(minute), ...(minute === 22 ? first : {}) }),
      ]);
      await energy.settled();
      const at = t0 + 22 * minuteMs;
      if (minute === 22 + afterMin)
        await readings.write([said(at, { ...healthy(22), ...second }, at + afterMin * minuteMs + 900)]);
    }
    await energy.settled();
    const { items } = await energy.accounts({ site: "s", step: "15m", from: t0, to: t0 + 60 * minuteMs, limit: 10 });
    const { unequal } = await madeAgain(gauged, { readings, ledger }, { start: t0, end: t0 + 60 * minuteMs });
    return { hall: items[1]?.nodes.hall, unequal };
  };

  test("takes the reading's place in a gauge, live and when the day is made again", async () => {
    for (const afterMin of [0, 1, 30]) {
      const { hall, unequal } = await corrected({ power_w: 50_000 }, { power_w: -1 }, afterMin);
      expect(hall).toMatchObject({ flags: ["SENTINEL"], forwardWh: expect.closeTo(2250, 6) });
      expect(hall?.maxW).toBeLessThan(9100);
      expect(unequal).toEqual([]);
    }
  });

  test("takes the reading's place in a register", async () => {
    for (const afterMin of [0, 1, 30]) {
      const high = { energy_import_wh: 1000 + 22 * 150 + 75 };
      const { hall, unequal } = await corrected(high, { energy_import_wh: -1 }, afterMin);
      expect(hall).toMatchObject({ flags: ["SENTINEL"], forwardWh: expect.closeTo(2250, 6) });
      expect(unequal).toEqual([]);
    }
  });

  test("gives way to a good reading that corrects it", async () => {
    for (const afterMin of [0, 1, 30]) {
      const { hall, unequal } = await corrected({ power_w: -1 }, {}, afterMin);
      expect(hall).toMatchObject({ flags: [], maxW: expect.any(Number) });
      expect(unequal).toEqual([]);
    }
  });
});

describe("accounts made again from raw readings", () => {
  test("come out equal, restated ones too", async () => {
    await using at = await accounted(26);
    await at.readings.write([reading("hall", t0 + 30 * minuteMs, 1000 + 30 * 150 + 75)]);
    await at.energy.settled();
    expect(await at.recompute(t0, t0 + 24 * hourMs)).toMatchObject({
      compared: { "1m": 1440, "15m": 96, "1h": 24, "1d": 1 },
      readings: 2880,
      models: [model.revision],
      lostModels: [],
      unequal: [],
    });
  });

  test("show every figure that does not, and accounts that are missing", async () => {
    await using at = await accounted(1);
    const [row] = (await at.ledger.list({ kind: "account/15m", limit: 1 })).items;
    if (row === undefined) throw new Error("no account");
    const account = accountOf(row);
    const forged = { ...account, totals: { ...account.totals, itWh: 1 } } as unknown as Json;
    await at.ledger.commit([
      { ...row, op: "put", body: forged },
      { op: "delete", kind: "account/1m", key: `s/${t0 + 20 * minuteMs}` },
    ]);
    const { unequal } = await at.recompute(t0, t0 + hourMs);
    expect(unequal).toEqual([
      { step: "1m", start: t0 + 20 * minuteMs, revision: null, changes: [] },
      {
        step: "15m",
        start: t0,
        revision: 2,
        changes: [{ path: "totals.itWh", before: 1, after: expect.closeTo(2250, 6) }],
      },
    ]);
  });

  test("use the model that each account names, whatever the site file says now", async () => {
    await using at = await accounted(1);
    const other = { ...model, revision: "other", nodes: model.nodes.slice(0, 1) };
    const found = await madeAgain(other, at, { start: t0, end: t0 + hourMs });
    expect(found).toMatchObject({ unequal: [], models: [model.revision], lostModels: [] });
  });
});
