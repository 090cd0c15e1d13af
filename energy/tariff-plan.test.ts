import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import type { Account } from "./account.ts";
import { accountWindow } from "./close.ts";
import { composeAccounts } from "./compose.ts";
import { findKpi, kpiResults } from "./kpi/index.ts";
import { loadSites } from "./load.ts";
import { loadPlans } from "./load-plans.ts";
import type { SiteModel } from "./model.ts";
import { parseSite } from "./site.ts";
import { bandAt, demandPriceAt, priceAt, tariffAt } from "./tariff.ts";
import { parsePlan, shippedPlans, type TariffPlans } from "./tariff-plan.ts";

const own = `plan: park-2026
name: { en: Industrial park, zh-CN: 工业园 }
zone: CN-SD
currency: CNY
time_zone: Asia/Shanghai
demand: { window_min: 15, method: sliding }
versions:
  - valid_from: "2026-07-01"
    valid_to: null
    instrument: contract 7, amendment 1
    clause: schedule 2
    authority: primary
    source: the operator's contract
    bands:
      - { from: "00:00", to: "24:00", period: flat, price_per_kwh: 0.7 }
    export_price_per_kwh: 0.4
    demand: { price_per_kw_month: 42, billing: actual, rebate: { kwh_per_kva: 260, times: 0.9 } }
  - valid_from: "2026-01-01"
    valid_to: "2026-07-01"
    instrument: contract 7
    clause: schedule 1
    authority: primary
    source: the operator's contract
    holidays: ["2026-05-01"]
    bands:
      - { from: "22:00", to: "08:00", period: valley, price_per_kwh: 0.3, days: [workday, weekend] }
      - { from: "08:00", to: "22:00", period: peak, price_per_kwh: 1, days: [workday, weekend] }
      - { from: "00:00", to: "24:00", period: deep_valley, price_per_kwh: 0.1, days: [holiday] }
    demand: { price_per_kw_month: 40 }
`;
const head = `site: s
time_zone: Asia/Shanghai
currency: CNY
bus_rating_w: 10000000
contract: { capacity_va: 1000000 }
nodes: [{ id: grid, kind: grid, points: [{ code: MP.PCC, device: grid }] }]
`;
const plansWith = (text: string) => {
  const parsed = parsePlan(text, "park.yaml");
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.faults));
  return new Map([...shippedPlans(), [parsed.plan.id, parsed.plan]]);
};
const siteWith = (terms: string, plans: TariffPlans = plansWith(own)): SiteModel => {
  const parsed = parseSite(`${head}${terms}`, "s.yaml", undefined, plans);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.faults));
  return parsed.site;
};
const faultsOf = (terms: string): readonly string[] => {
  const parsed = parseSite(`${head}${terms}`, "s.yaml", undefined, plansWith(own));
  return parsed.ok ? [] : parsed.faults.map(({ line, column, message }) => `${line}:${column} ${message}`);
};
const at = (local: string): number => Date.parse(`${local}:00+08:00`);
const parked = siteWith("tariff: { plan: park-2026 }\ndemand: { plan: park-2026, contract_w: 800000 }\n");

test("the price changes in the minute in which the next version begins to hold, and before the first there is none", () => {
  const { tariff } = parked;
  const price = (local: string) => (tariff === null ? null : priceAt(tariff, at(local), "Asia/Shanghai", null));
  expect(price("2025-12-31T23:59")).toBeNull();
  expect(price("2026-01-01T00:00")).toMatchObject({ perKwh: 0.3, period: "valley" });
  expect(price("2026-04-30T12:00")).toMatchObject({ perKwh: 1, period: "peak" });
  expect(price("2026-05-01T12:00")).toMatchObject({ perKwh: 0.1, period: "deep_valley" });
  expect(price("2026-06-30T21:59")).toMatchObject({ perKwh: 1 });
  expect(price("2026-06-30T23:59")).toMatchObject({ perKwh: 0.3 });
  expect(price("2026-07-01T00:00")).toMatchObject({ perKwh: 0.7, period: "flat" });
  expect(tariff === null ? null : tariffAt(tariff, at("2026-06-30T23:59"), "Asia/Shanghai")?.exportPricePerKwh).toBe(0);
  expect(tariff === null ? null : tariffAt(tariff, at("2026-07-01T00:00"), "Asia/Shanghai")?.exportPricePerKwh).toBe(
    0.4,
  );
});

test("what demand costs changes with it, and so does the way it is billed", () => {
  const { demand } = parked;
  const price = (local: string) => (demand === null ? null : demandPriceAt(demand, at(local), "Asia/Shanghai"));
  expect(price("2026-06-30T23:59")).toMatchObject({ pricePerKwMonth: 40, billing: "contract" });
  expect(price("2026-07-01T00:00")).toMatchObject({ pricePerKwMonth: 42, billing: "actual" });
  expect(price("2025-12-31T23:59")).toBeNull();
  expect(demand).toMatchObject({ windowMin: 15, method: "sliding", plan: "park-2026" });
});

test("an account is priced by the version of its minute, and a bill names the plan and its versions", () => {
  const minuteMs = 60_000;
  const minute = (local: string): Account => {
    const start = at(local);
    const power = { ts: [start, start + minuteMs], value: [600_000, 600_000] };
    const samples = new Map([["grid/power_w", power]]);
    return accountWindow(parked, { step: "1m", start, end: start + minuteMs }, samples, { bridgeMs: 0 });
  };
  const [before, after] = [minute("2026-06-30T23:59"), minute("2026-07-01T00:00")];
  expect(before.totals.periods).toEqual({ valley: { importWh: 10_000, cost: expect.closeTo(3, 9) } });
  expect(after.totals.periods).toEqual({ flat: { importWh: 10_000, cost: expect.closeTo(7, 9) } });
  expect([before.factors, after.factors]).toEqual([["park-2026@2026-01-01"], ["park-2026@2026-07-01"]]);
  const both = composeAccounts(parked, { step: "15m", start: before.start, end: after.end }, [before, after]);
  expect(both.factors).toEqual(["park-2026@2026-01-01", "park-2026@2026-07-01"]);
  const entry = findKpi("cost");
  const window = { start: before.start, end: after.end };
  const [cost] = entry === undefined ? [] : kpiResults(entry, [before, after], parked, window);
  expect(cost).toMatchObject({
    value: expect.closeTo(10, 9),
    factors: [
      { id: "tariff:park-2026", version: "2026-01-01" },
      { id: "tariff:park-2026", version: "2026-07-01" },
    ],
  });
  const outside = minute("2025-12-31T23:58");
  expect([outside.totals.cost, outside.flags.includes("PRICE_MISSING")]).toEqual([null, true]);
});

test("a month's demand is charged by its version, with the rebate of a well used capacity, never by two", () => {
  const charge = (from: string, to: string, kwh: number) => {
    const [start, end] = [at(from), at(to)];
    const account = {
      ...accountWindow(parked, { step: "1d", start, end }, new Map(), { bridgeMs: 0 }),
      demand: { windowMin: 15, fixedW: 500_000, slidingW: 600_000, headWh: [], tailWh: [] },
      joint: { demand_charge: { goodMs: end - start, terms: { energy: kwh, hours: 1 } } },
    };
    const known = { ...account, totals: { ...account.totals, importWh: kwh * 1000 } };
    const entry = findKpi("demand_charge");
    const [found] = entry === undefined ? [] : kpiResults(entry, [known], parked, { start, end });
    return found?.value ?? found?.flags.filter((flag) => flag.startsWith("TARIFF"));
  };
  expect(charge("2026-02-01T00:00", "2026-03-01T00:00", 300_000)).toBe(800 * 40);
  expect(charge("2026-08-01T00:00", "2026-09-01T00:00", 259_000)).toBe(600 * 42);
  expect(charge("2026-08-01T00:00", "2026-09-01T00:00", 260_000)).toBeCloseTo(600 * 42 * 0.9, 9);
  expect(charge("2026-06-16T00:00", "2026-07-16T00:00", 1)).toEqual(["TARIFF_CHANGES_WITHIN:park-2026"]);
  expect(charge("2025-12-01T00:00", "2025-12-31T00:00", 1)).toEqual(["TARIFF_NOT_VALID:park-2026"]);
});

test("another text of a plan makes another revision of the model", () => {
  const dearer = siteWith("tariff: { plan: park-2026 }\n", plansWith(own.replace("0.7", "0.8")));
  expect(dearer.revision).not.toBe(siteWith("tariff: { plan: park-2026 }\n").revision);
});

test("a site that names a plan in vain, or says again what the plan says, is told where", () => {
  expect(faultsOf("tariff: { plan: park-2025 }\n")).toEqual([
    '7:17 tariff.plan: unknown tariff plan "park-2025", expected one of citylearn-2022-tou, emhass-2022, park-2026',
  ]);
  expect(faultsOf("tariff: { plan: park-2026, export_price_per_kwh: 1 }\n")).toEqual([
    "7:50 tariff.export_price_per_kwh: the plan says it: leave it out, or leave the plan out",
  ]);
  expect(faultsOf("tariff: { plan: emhass-2022 }\n")).toEqual([
    '7:17 tariff.plan: plan "emhass-2022" is in EUR, this site in CNY',
  ]);
  expect(faultsOf("tariff: { plan: citylearn-2022-tou }\n")).toEqual([
    expect.stringMatching(/is in USD/),
    expect.stringMatching(/by the clock of America\/Los_Angeles, this site by that of Asia\/Shanghai/),
  ]);
  expect(faultsOf("demand: { plan: emhass-2022, contract_w: 1 }\n")).toContainEqual(
    expect.stringMatching(/plan "emhass-2022" has no price of demand/),
  );
});

test("faults of a plan file are named with line and column, all at once", () => {
  const bad = own
    .replace("plan: park-2026", "plan: Park 2026")
    .replace("valid_to: null", 'valid_to: "2026-06-01"')
    .replace('valid_to: "2026-07-01"', "valid_to: null")
    .replace("clause: schedule 1", "claws: schedule 1")
    .replace("billing: actual", "billing: average")
    .replace('from: "22:00"', 'from: "23:00"');
  const parsed = parsePlan(bad, "park.yaml");
  expect(parsed.ok ? [] : parsed.faults.map(({ line, message }) => `${line} ${message}`)).toEqual(
    expect.arrayContaining([
      expect.stringMatching(/^1 plan: must be 1 to 64 small letters/),
      expect.stringMatching(/^9 versions\[0\]\.valid_to: must be after 2026-07-01/),
      expect.stringMatching(/^17 versions\[0\]\.demand\.billing: must be one of/),
      expect.stringMatching(/^21 versions\[1\]: unknown key "claws"/),
      expect.stringMatching(/no band covers 22:00 to 23:00 in month 1 on a workday/),
    ]),
  );
});

test("two versions that hold on one day are a fault", () => {
  const parsed = parsePlan(own.replace('valid_to: "2026-07-01"', 'valid_to: "2026-08-01"'), "park.yaml");
  expect(parsed.ok ? [] : parsed.faults.map(({ line, message }) => `${line} ${message}`)).toEqual([
    "8 versions[0]: holds from 2026-07-01 on, but the version before it until 2026-08-01",
  ]);
});

test("shipped plans carry instrument, clause, validity and source, and those of a folder stand beside them", async () => {
  for (const { versions } of shippedPlans().values())
    for (const { instrument, clause, source, authority, bands } of versions) {
      expect([instrument, clause, source].every((text) => text.length > 3)).toBe(true);
      expect([authority, bands.length > 0]).toEqual(["primary", true]);
    }
  const dir = await mkdtemp(join(tmpdir(), "wattlas-plans-"));
  onTestFinished(() => rm(dir, { recursive: true }));
  await writeFile(join(dir, "park.yaml"), own);
  await writeFile(join(dir, "s.txt"), "no plan");
  const loaded = await loadPlans(dir);
  expect(loaded.ok ? [...loaded.plans.keys()] : loaded.faults).toEqual([
    "citylearn-2022-tou",
    "emhass-2022",
    "park-2026",
  ]);
  await writeFile(join(dir, "again.yaml"), own);
  expect(await loadPlans(dir)).toMatchObject({
    ok: false,
    faults: [{ line: 1, message: expect.stringMatching(/exists already/) }],
  });
  await rm(join(dir, "again.yaml"));
  await writeFile(join(dir, "site.yaml"), `${head}tariff: { plan: park-2026 }\n`);
  await rm(join(dir, "park.yaml"));
  expect(await loadSites(dir, 0, undefined, loaded.ok ? loaded.plans : undefined)).toMatchObject({ ok: true });
  expect(await loadSites(dir, 0)).toMatchObject({ ok: false });
});

test("the plan that shows every key is one", async () => {
  const text = await readFile(join(import.meta.dirname, "tariff-plan.good.yaml"), "utf8");
  expect(parsePlan(text, "good.yaml")).toMatchObject({ ok: true, plan: { id: "park-2026", versions: [{}, {}] } });
});

test("the recorded Californian tariff has seasons and kinds of day", () => {
  const tou = shippedPlans().get("citylearn-2022-tou");
  const model = siteWith("", shippedPlans());
  const tariff = { bands: [], exportPricePerKwh: 0, device: null, source: "", versions: tou?.versions ?? [] };
  const price = (local: string) => bandAt(tariff, Date.parse(`${local}Z`), "UTC")?.pricePerKwh;
  expect(model.tariff).toBeNull();
  expect([price("2026-01-07T17:00"), price("2026-01-07T15:59")]).toEqual([0.5, 0.21]);
  expect([price("2026-07-08T20:59"), price("2026-07-11T17:00"), price("2026-07-08T21:00")]).toEqual([0.54, 0.4, 0.22]);
});
