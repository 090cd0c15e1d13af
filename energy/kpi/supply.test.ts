import { describe, expect, test } from "vitest";
import type { Account, NodeAccount, Totals } from "../account.ts";
import { composeAccounts } from "../compose.ts";
import type { SiteModel } from "../model.ts";
import { parseSite } from "../site.ts";
import { findKpi, kpiResults } from "./index.ts";

const minuteMs = 60_000;
const site = (terms: string): SiteModel => {
  const parsed = parseSite(
    `site: s
time_zone: Asia/Shanghai
currency: CNY
bus_rating_w: 100000000
nodes:
  - { id: grid, kind: grid, points: [{ code: MP.PCC, device: grid }] }
  - { id: pv, kind: pv, points: [{ code: MP.PV, device: pv }] }
  - { id: bess, kind: battery, capacity_wh: 1000000, points: [{ code: MP.B, device: b, soc: soc_pct }] }
  - { id: hall, kind: it, points: [{ code: MP.IT, device: hall }] }
${terms}`,
    "s.yaml",
  );
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.faults));
  return parsed.site;
};
const declared = site(`carbon: { default_g_per_kwh: 536.6, residual_g_per_kwh: 600, default_carbon_free_pct: 30 }
demand: { contract_w: 8000000, price_per_kw_month: 40 }
`);
const bare = site("");

interface Flows {
  readonly importKwh?: number;
  readonly exportKwh?: number;
  readonly sunKwh?: number;
  readonly chargeKwh?: number;
  readonly dischargeKwh?: number;
  readonly storedKwh?: number | null;
  readonly socPct?: number | null;
  readonly availableKwh?: number;
  readonly carbonFree?: number | null;
}

/** One minute of a site; what it uses is what the supply leaves. */
const minute = (index: number, flows: Flows): Account => {
  const { importKwh = 0, exportKwh = 0, sunKwh = 0, chargeKwh = 0, dischargeKwh = 0 } = flows;
  const node = (forward: number, reverse: number, extra: Partial<NodeAccount> = {}): NodeAccount => ({
    forwardWh: forward * 1000,
    reverseWh: reverse * 1000,
    meanW: (forward - reverse) * 60_000,
    minW: (forward - reverse) * 60_000,
    maxW: (forward - reverse) * 60_000,
    socPct: null,
    coverage: 1,
    quality: "MEASURED",
    flags: [],
    ...extra,
  });
  const loadKwh = importKwh - exportKwh + sunKwh + dischargeKwh - chargeKwh;
  const { storedKwh = null, carbonFree = 0.3 } = flows;
  const totals: Totals = {
    importWh: importKwh * 1000,
    exportWh: exportKwh * 1000,
    renewableWh: sunKwh * 1000,
    gensetWh: 0,
    chargeWh: chargeKwh * 1000,
    dischargeWh: dischargeKwh * 1000,
    itWh: loadKwh * 1000,
    coolingWh: 0,
    lossWh: 0,
    otherWh: 0,
    loadWh: loadKwh * 1000,
    facilityWh: loadKwh * 1000,
    storedWh: 0,
    carbonG: importKwh * 536.6,
    carbonFreeWh: carbonFree === null ? null : importKwh * 1000 * carbonFree,
    ...(flows.availableKwh === undefined ? {} : { availableWh: flows.availableKwh * 1000 }),
    cost: 0,
    work: {},
  };
  return {
    site: "s",
    step: "1m",
    start: (index * minuteMs) as Account["start"],
    end: ((index + 1) * minuteMs) as Account["end"],
    revision: 1,
    model: declared.revision,
    nodes: {
      grid: node(importKwh, exportKwh),
      pv: node(sunKwh, 0),
      bess: node(dischargeKwh, chargeKwh, {
        socPct: flows.socPct ?? null,
        storedWh: storedKwh === null ? null : storedKwh * 1000,
      }),
      hall: node(loadKwh, 0),
    },
    totals,
    balance: { supplyW: null, loadW: null, residualW: null, uncertaintyW: null, toleranceW: null },
    coverage: 1,
    quality: "MEASURED",
    flags: [],
  };
};
const hours = (...flows: readonly Flows[]): Account[] =>
  flows.flatMap((hour, index) =>
    Array.from({ length: 60 }, (_, at) => {
      const spread = Object.fromEntries(
        Object.entries(hour).map(([key, value]) => [key, key.endsWith("Kwh") && value !== null ? value / 60 : value]),
      );
      return minute(index * 60 + at, spread as Flows);
    }),
  );
const compose = (accounts: readonly Account[], step: "15m" | "1h" | "1d", lengthMin: number): Account[] => {
  const windows = new Map<number, Account[]>();
  for (const account of accounts) {
    const start = Math.floor(account.start / (lengthMin * minuteMs)) * lengthMin * minuteMs;
    windows.set(start, [...(windows.get(start) ?? []), account]);
  }
  return [...windows].map(([start, parts]) =>
    composeAccounts(declared, { step, start, end: start + lengthMin * minuteMs }, parts),
  );
};
const results = (id: string, accounts: readonly Account[], model = declared) => {
  const entry = findKpi(id);
  if (entry === undefined) throw new Error(`BUG: no KPI ${id}`);
  const window = { start: 0, end: (accounts.at(-1)?.end ?? 1) as number };
  return kpiResults(entry, accounts, model, window);
};
const value = (id: string, accounts: readonly Account[], model = declared) =>
  results(id, accounts, model)[0]?.value ?? null;

describe("matching hour by hour", () => {
  const sunny = hours({ sunKwh: 150, exportKwh: 50 }, { sunKwh: 20, importKwh: 80 });
  test("TV-CFE-1: from accounts, CFE is 0.72 and hourly matching 0.60", () => {
    expect(value("cfe", sunny)).toBeCloseTo(0.72, 9);
    expect(value("hourly_matching", sunny)).toBeCloseTo(0.6, 9);
  });
  test("composed quarters, hours, days and a mixture of them say the same", () => {
    const quarters = compose(sunny, "15m", 15);
    const composed = compose(quarters, "1h", 60);
    const mixed = [...(composed[0] === undefined ? [] : [composed[0]]), ...quarters.slice(4, 6), ...sunny.slice(90)];
    for (const accounts of [quarters, composed, compose(quarters, "1d", 1440), mixed])
      expect(value("cfe", accounts)).toBeCloseTo(0.72, 9);
  });
  test("the hour is the unit: sun in its first half matches load in its second", () => {
    const half = (from: number, flows: Flows) => Array.from({ length: 30 }, (_, at) => minute(from + at, flows));
    const hour = [...half(0, { sunKwh: 2, exportKwh: 1 }), ...half(30, { importKwh: 1 })];
    expect(value("hourly_matching", hour)).toBeCloseTo(1, 9);
  });
  test("a grid whose mix is not known leaves it unknown; a site without a declaration says which", () => {
    expect(value("cfe", hours({ importKwh: 60, carbonFree: null }))).toBeNull();
    expect(results("cfe", sunny, bare)[0]).toMatchObject({
      value: null,
      quality: "INVALID",
      flags: expect.arrayContaining(["DECLARATION_MISSING:carbon.default_carbon_free_pct"]),
    });
  });
});

describe("scope 2", () => {
  test("TV-S2-1: 10,000 kWh are 5,366 kg by location; the residual mix alone makes 6,000 kg by market", () => {
    const accounts = hours({ importKwh: 10_000 });
    expect(value("scope2_location", accounts)).toBeCloseTo(5366, 6);
    expect(value("scope2_market", accounts)).toBeCloseTo(6000, 6);
    expect(results("scope2_market", accounts, bare)[0]?.flags).toContain(
      "DECLARATION_MISSING:carbon.residual_g_per_kwh",
    );
  });
});

describe("demand", () => {
  const kw = (power: number, count: number, from: number) =>
    Array.from({ length: count }, (_, at) => minute(from + at, { importKwh: power / 60 }));
  const vector = [...kw(1000, 10, 0), ...kw(1600, 15, 10), ...kw(1000, 5, 25)];
  test("TV-DEM-1: the maximum is 1,400 kW by fixed blocks and 1,600 kW sliding, from minutes or composed", () => {
    for (const accounts of [vector, compose(vector, "15m", 15)]) {
      const [fixed, sliding] = results("max_demand", accounts);
      expect(fixed).toMatchObject({ variant: "fixed", unit: "kW", value: expect.closeTo(1400, 6) });
      expect(sliding).toMatchObject({ variant: "sliding", value: expect.closeTo(1600, 6) });
    }
  });
  test("the load factor divides by the peak of the same minutes", () => {
    expect(value("load_factor", vector)).toBeCloseTo(1300 / 1400, 9);
  });
  test("a flat load has a load factor of one, whatever its minutes round to", () => {
    const flat = kw(1000 / 3, 60, 0);
    expect(results("load_factor", flat)[0]).toMatchObject({
      value: expect.closeTo(1, 9),
      quality: "MEASURED",
      flags: [],
    });
  });
  test("TV-DEM-4: a month that reached 9,000 kW costs 384,000 yuan", () => {
    expect(results("demand_charge", kw(9000, 15, 0))[0]).toMatchObject({
      value: expect.closeTo(384_000, 3),
      unit: "CNY",
    });
    expect(results("demand_charge", kw(9000, 15, 0), bare)[0]?.flags).toContain("DECLARATION_MISSING:demand");
  });
  test("a month billed by capacity costs its kVA times the price per kVA, and lacks the kVA where they are not declared", () => {
    const demand = "demand: { contract_w: 8000000, price_per_kw_month: 23, billing: capacity }";
    const byCapacity = site(`${demand}\ncontract: { capacity_va: 10000000 }`);
    expect(results("demand_charge", kw(9000, 15, 0), byCapacity)[0]?.value).toBeCloseTo(230_000, 6);
    expect(results("demand_charge", kw(100, 15, 0), byCapacity)[0]?.value).toBeCloseTo(230_000, 6);
    expect(results("demand_charge", kw(9000, 15, 0), site(demand))[0]).toMatchObject({
      value: null,
      flags: expect.arrayContaining(["DECLARATION_MISSING:contract.capacity_va"]),
    });
  });
});

describe("storage", () => {
  const cycle = hours(
    { importKwh: 1100, chargeKwh: 1000, storedKwh: 950, socPct: 95 },
    { dischargeKwh: 800, storedKwh: -850, socPct: 60 },
  );
  test("TV-RTE-2: what stayed in the battery is not lost; a short window is marked", () => {
    expect(results("round_trip_efficiency", cycle)[0]).toMatchObject({
      variant: "bess",
      value: expect.closeTo(0.89458, 5),
      flags: ["WINDOW_SHORT"],
    });
    expect(value("storage_loss", cycle)).toBeCloseTo(100, 6);
  });
  test("cycles and C-rate are by the nominal capacity", () => {
    expect(value("equivalent_cycles", cycle)).toBeCloseTo(0.9, 6);
    expect(value("c_rate", cycle)).toBeCloseTo(1, 6);
    expect(value("equivalent_cycles", compose(cycle, "15m", 15))).toBeCloseTo(0.9, 6);
    expect(value("round_trip_efficiency", compose(cycle, "15m", 15))).toBeCloseTo(0.89458, 5);
  });
  test("without a state of charge the loss is unknown and the point is named", () => {
    expect(results("storage_loss", hours({ importKwh: 100, chargeKwh: 10 }))[0]).toMatchObject({
      value: null,
      flags: expect.arrayContaining(["POINT_MISSING:bess:soc_pct"]),
    });
  });
  test("ride-through says what it assumes", () => {
    // 1,000 kWh from 60 to 10 % at 0.95 against 600 kW.
    const ride = results("ride_through", hours({ importKwh: 600, socPct: 60 }))[0];
    expect(ride).toMatchObject({ value: expect.closeTo(47.5, 6), unit: "min" });
    expect(ride?.flags).toContain("ASSUMED:soh_1");
  });
  test("TV-RT-1: 2,000 kWh from 60 to 10 % carry 1,200 kW for 47.5 min, for 38 min at 80 % of health", () => {
    const large = site("").nodes.map((node) => (node.id === "bess" ? { ...node, capacityWh: 2_000_000 } : node));
    const model = { ...bare, nodes: large };
    const said = (batteries?: Totals["batteries"]) =>
      hours({ importKwh: 1200, socPct: 60 }).map((one) => ({
        ...one,
        totals: { ...one.totals, ...(batteries === undefined ? {} : { batteries }) },
      }));
    const word = { sohPct: null, runtimeS: null, dischargeLimitW: null };
    const ride = (own: Partial<typeof word> | Record<string, number>) =>
      results("ride_through", said({ bess: { ...word, ...own } }), model)[0];
    expect(ride({})?.value).toBeCloseTo(47.5, 6);
    expect(ride({ sohPct: 80 })).toMatchObject({
      value: expect.closeTo(38, 6),
      flags: expect.not.arrayContaining(["ASSUMED:soh_1"]),
    });
    expect(ride({ sohPct: 80, runtimeS: 1800 })).toMatchObject({
      value: expect.closeTo(30, 6),
      flags: expect.arrayContaining(["BY_REPORTED_RUNTIME"]),
    });
    expect(ride({ dischargeLimitW: 1_000_000 })).toMatchObject({
      value: 0,
      flags: expect.arrayContaining(["POWER_LIMITED"]),
    });
    expect(results("state_of_health", said({ bess: { ...word, sohPct: 80 } }), model)[0]).toMatchObject({
      value: 80,
      unit: "%",
    });
    expect(results("state_of_charge", said(), model)[0]).toMatchObject({ value: 60, unit: "%", flags: [] });
    expect(results("state_of_health", said(), model)[0]?.flags).toContain("POINT_MISSING:bess:soh_pct");
  });
  test("a battery that was not charged has no efficiency, and says why", () => {
    expect(results("round_trip_efficiency", hours({ importKwh: 100, storedKwh: 0, socPct: 50 }))[0]).toMatchObject({
      value: null,
      quality: "INVALID",
      flags: expect.arrayContaining(["NO_CHARGE"]),
    });
  });
  test("a minute holds no demand window, and a year is no billing month", () => {
    const minute = hours({ importKwh: 60 }).slice(0, 1);
    expect(results("max_demand", minute)[0]?.flags).toContain("DEMAND_WINDOW_INCOMPLETE:15_MIN");
    expect(results("demand_charge", minute)[0]?.flags).toContain("DEMAND_WINDOW_INCOMPLETE:15_MIN");
  });
});

describe("where a discharge came from", () => {
  const night = { importKwh: 100, chargeKwh: 100, storedKwh: 95 };
  const day = { sunKwh: 300, chargeKwh: 300, storedKwh: 285 };
  const evening = { dischargeKwh: 90, storedKwh: -95 };
  /** The same with a state of charge that follows what is stored, from a start in kWh of 1,000. */
  const charged = (startKwh: number, accounts: readonly Account[]): Account[] => {
    let storedWh = startKwh * 1000;
    return accounts.map((account) => {
      const bess = account.nodes.bess as NodeAccount;
      storedWh += bess.storedWh ?? 0;
      return { ...account, nodes: { ...account.nodes, bess: { ...bess, socPct: storedWh / 10_000 } } };
    });
  };
  const cycle = charged(0, hours(night, day, evening));
  test("a quarter charged from the grid leaves three quarters of the discharge green, the naive rule says all", () => {
    const [ledger, naive] = results("storage_green_share", cycle);
    expect(ledger).toMatchObject({ variant: "bess", value: expect.closeTo(0.75, 9), quality: "MEASURED" });
    expect(naive).toMatchObject({ variant: "bess:naive", value: 1 });
    expect(results("storage_green_share", compose(cycle, "15m", 15))[0]?.value).toBeCloseTo(0.75, 9);
  });
  test("its carbon is that of the charge, with what was lost on the way", () => {
    const [ledger, naive] = results("storage_carbon", cycle);
    expect(ledger?.value).toBeCloseTo((536.6 * 0.25) / 0.9025, 6);
    expect(naive?.value).toBe(0);
  });
  test("what the books say was stored counts, wherever in an hour the window begins", () => {
    const [first, second] = compose(charged(500, hours({ importKwh: 1 }, evening)), "1h", 60);
    const opening = { energyWh: 500_000, renewableWh: 400_000, gridWh: 100_000, unknownWh: 0, carbonG: 1, cost: 1 };
    const storage = { bess: { opening: { ...opening, meanAgeH: 1 }, flags: [] } } as unknown as Account["storage"];
    const known = { ...second, storage } as Account;
    expect(results("storage_green_share", [first as Account, known])[0]).toMatchObject({
      value: expect.closeTo(0.8, 9),
      flags: [],
    });
  });
  test("what was stored before the window is of unknown source and never green", () => {
    const before = charged(500, hours(evening));
    expect(results("storage_green_share", before)[0]).toMatchObject({
      value: 0,
      flags: expect.arrayContaining(["PROVENANCE_PARTLY_UNKNOWN"]),
    });
    expect(results("storage_carbon", before)[0]?.value).toBeNull();
  });
});

describe("green direct supply", () => {
  const day = hours({ sunKwh: 950, availableKwh: 1000, exportKwh: 150, importKwh: 0 }, { importKwh: 1600 });
  const said = day.map((account) => ({ ...account, totals: { availableWh: 0, ...account.totals } }));
  test("TV-GD-1: of 1,000 available 150 sold and 50 curtailed, at a load of 2,400: 0.80, 0.3333 and 0.15", () => {
    expect(value("direct_self_use", said)).toBeCloseTo(0.8, 9);
    expect(value("direct_green_share", said)).toBeCloseTo(1 / 3, 9);
    expect(value("direct_sold_share", said)).toBeCloseTo(0.15, 9);
    expect(value("curtailment_rate", said)).toBeCloseTo(0.05, 9);
  });
  test("a site whose plant does not say what was available lacks that point", () => {
    expect(results("curtailment_rate", hours({ sunKwh: 10 }))[0]).toMatchObject({
      value: null,
      quality: "INVALID",
      flags: expect.arrayContaining(["POINT_MISSING:available_w"]),
    });
  });
});
