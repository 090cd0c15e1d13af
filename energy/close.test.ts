import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Account, AccountStep } from "./account.ts";
import { accountWindow } from "./close.ts";
import { composeAccounts } from "./compose.ts";
import type { Samples } from "./meter.ts";
import type { SiteModel } from "./model.ts";
import { parseSite } from "./site.ts";

const minuteMs = 60_000;
const site = (nodes: string, rest = ""): SiteModel => {
  const text = `site: s\ntime_zone: Asia/Shanghai\ncurrency: CNY\nbus_rating_w: 1000000\nnodes:\n${nodes}\n${rest}`;
  const parsed = parseSite(text, "s.yaml");
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.faults));
  return parsed.site;
};
const point = (id: string, kind: string, rest = "", nodeRest = "") =>
  `  - { id: ${id}, kind: ${kind}, ${nodeRest} points: [{ code: MP.X, device: ${id}, ${rest} }] }`;
const counted = "energy_forward: energy_import_wh";
const bothWays = `${counted}, energy_reverse: energy_export_wh`;
const simple = site(
  [point("grid", "grid", counted), point("hall", "it", counted), point("cool", "cooling")].join("\n"),
);

/** Samples every `everyMs` from −2 to +`minutes`+2 minutes; `value` of the hour since 0. */
const every = (everyMs: number, minutes: number, value: (hours: number) => number): Samples => {
  const ts: number[] = [];
  for (let at = -2 * minuteMs; at <= (minutes + 2) * minuteMs; at += everyMs) ts.push(at);
  return { ts, value: ts.map((at) => value(at / 3_600_000)) };
};
const power = (watts: number, minutes = 1) => every(10_000, minutes, () => watts);
const register = (watts: number, minutes = 1) => every(10_000, minutes, (hours) => 1e6 + watts * hours);
const samples = (columns: Readonly<Record<string, Samples>>) => new Map(Object.entries(columns));
const account = (model: SiteModel, columns: Readonly<Record<string, Samples>>, start = 0, end = minuteMs) =>
  accountWindow(model, { step: "1m", start, end }, samples(columns), { bridgeMs: 3_600_000 });

const whole = {
  "grid/power_w": power(1300),
  "grid/energy_import_wh": register(1300),
  "hall/power_w": power(1000),
  "hall/energy_import_wh": register(1000),
  "cool/power_w": power(300),
};

describe("the account of a minute", () => {
  test("takes energy from registers and closes", () => {
    const { totals, balance, nodes, coverage } = account(simple, whole);
    expect(totals.importWh).toBeCloseTo(1300 / 60, 6);
    expect(totals.facilityWh).toBeCloseTo(1300 / 60, 6);
    expect(totals.itWh).toBeCloseTo(1000 / 60, 6);
    expect(totals.loadWh).toBeCloseTo(1300 / 60, 6);
    expect(balance.residualW).toBeCloseTo(0, 6);
    expect(nodes.hall).toMatchObject({ meanW: 1000, quality: "MEASURED", coverage: 1, flags: [] });
    expect(coverage).toBe(1);
  });
  test("says so when a power had to be integrated", () => {
    const { nodes, quality } = account(simple, whole);
    expect(nodes.cool).toMatchObject({ quality: "PARTLY_ESTIMATED", flags: [] });
    expect(nodes.cool?.forwardWh).toBeCloseTo(5, 9);
    expect(quality).toBe("PARTLY_ESTIMATED");
  });
  test("falls back to power where a register is missing, marked", () => {
    const { "hall/energy_import_wh": _, ...rest } = whole;
    expect(account(simple, rest).nodes.hall).toMatchObject({
      quality: "PARTLY_ESTIMATED",
      flags: ["REGISTER_MISSING"],
    });
  });
  test("leaves a total unknown when one of its meters is", () => {
    const { "hall/energy_import_wh": _, "hall/power_w": __, ...rest } = whole;
    const { totals, balance, quality, coverage, flags } = account(simple, rest);
    expect(totals).toMatchObject({ itWh: null, loadWh: null });
    expect(totals.importWh).toBeCloseTo(1300 / 60, 6);
    expect(balance.residualW).toBeNull();
    expect({ quality, coverage }).toEqual({ quality: "INVALID", coverage: 0 });
    expect(flags).toContain("COVERAGE_LOW");
  });
  test("of nothing at all is unknown, never zero", () => {
    const { totals, nodes } = account(simple, {});
    expect(totals).toMatchObject({ importWh: null, itWh: null, coolingWh: null, facilityWh: null });
    expect(nodes.grid).toMatchObject({
      forwardWh: null,
      reverseWh: null,
      meanW: null,
      coverage: 0,
      quality: "INVALID",
    });
  });
  test("has zero of what the site does not have", () => {
    expect(account(simple, whole).totals).toMatchObject({ renewableWh: 0, gensetWh: 0, chargeWh: 0, lossWh: 0 });
  });
  test("opens its balance when a load is not metered", () => {
    const wrong = { ...whole, "grid/power_w": power(20_000) };
    expect(account(simple, wrong).flags).toContain("BALANCE_OPEN");
  });
  test("counts half a minute of readings as half", () => {
    const half: Samples = { ts: [-10_000, 0, 10_000, 20_000, 30_000], value: [300, 300, 300, 300, 300] };
    const { nodes } = account(simple, { ...whole, "cool/power_w": half });
    expect(nodes.cool).toMatchObject({ coverage: 0.5, forwardWh: null, meanW: 300 });
  });
});

describe("storage, losses and groups", () => {
  const model = site(
    [
      point("grid", "grid", bothWays),
      point("bess", "battery", `sign: -1, ${bothWays}, soc: soc_pct`, "capacity_wh: 100000, boundary: inside,"),
      `  - { id: hall, kind: it }`,
      point("r1", "it", counted, "parent: hall,"),
      point("r2", "it", counted, "parent: hall,"),
      point("s1", "it", "", "parent: r1,"),
      "  - id: ups\n    kind: ups\n    points:",
      "      - { code: MP.UPS.IN, device: ups-in, energy_forward: energy_import_wh }",
      "      - { code: MP.UPS.OUT, device: ups-out, sign: -1, energy_reverse: energy_import_wh }",
    ].join("\n"),
  );
  const columns = {
    "grid/power_w": power(3100),
    "grid/energy_import_wh": register(3100),
    "grid/energy_export_wh": register(0),
    "bess/power_w": power(1000),
    "bess/energy_import_wh": register(0),
    "bess/energy_export_wh": register(1000),
    "bess/soc_pct": every(10_000, 1, (hours) => 50 + hours),
    "r1/power_w": power(1200),
    "r1/energy_import_wh": register(1200),
    "r2/power_w": power(800),
    "r2/energy_import_wh": register(800),
    "s1/power_w": power(500),
    "ups-in/power_w": power(2100),
    "ups-in/energy_import_wh": register(2100),
    "ups-out/power_w": power(2000),
    "ups-out/energy_import_wh": register(2000),
  };

  test("a meter that says plus while charging is turned round", () => {
    const { nodes, totals } = account(model, columns);
    expect(nodes.bess?.meanW).toBe(-1000);
    expect(totals.chargeWh).toBeCloseTo(1000 / 60, 6);
    expect(totals.dischargeWh).toBeCloseTo(0, 9);
  });
  test("storage inside the boundary is not handed over, its gain is told by its state of charge", () => {
    const { totals } = account(model, columns);
    expect(totals.facilityWh).toBeCloseTo(3100 / 60, 6);
    expect(totals.storedWh).toBeCloseTo(1000 / 60, 6);
  });
  test("two meters of one node add with their signs", () => {
    const { nodes, totals } = account(model, columns);
    expect(nodes.ups).toMatchObject({ meanW: 100, minW: 100, maxW: 100 });
    expect(totals.lossWh).toBeCloseTo(100 / 60, 6);
  });
  test("a group is the sum of its children, and nothing is counted twice", () => {
    const { nodes, totals } = account(model, columns);
    expect(nodes.hall?.meanW).toBe(2000);
    expect(totals.itWh).toBeCloseTo(2000 / 60, 6);
    expect(nodes.s1?.meanW).toBe(500);
  });
});

describe("money, carbon and work", () => {
  const model = site(
    [point("grid", "grid", counted), point("hall", "it", counted), point("gen", "genset", counted)].join("\n"),
    `tariff: { bands: [{ from: "00:00", to: "24:00", period: flat, price_per_kwh: 0.5 }], device: feed }
carbon: { default_g_per_kwh: 500, device: mix }
compute: { work: [{ device: hall, quantity: work_samples, workload: BERT, precision: FP8, node: hall }] }`,
  );
  const columns = {
    "grid/energy_import_wh": register(60_000),
    "hall/energy_import_wh": register(60_000),
    "gen/energy_import_wh": register(0),
  };
  const at = (value: number): Samples => ({ ts: [-minuteMs], value: [value] });

  test("the bands and the default factor serve while no device speaks, and the factor is marked", () => {
    const { totals, flags } = account(model, columns);
    expect(totals.cost).toBeCloseTo(0.5, 9);
    expect(totals.carbonG).toBeCloseTo(500, 6);
    expect(flags).toContain("FACTOR_DEFAULT");
  });
  test("a device's word wins while it is fresh", () => {
    const { totals, flags } = account(model, {
      ...columns,
      "feed/price_per_kwh": at(2),
      "mix/carbon_g_per_kwh": at(100),
    });
    expect(totals).toMatchObject({ cost: expect.closeTo(2, 9), carbonG: expect.closeTo(100, 6) });
    expect(flags).not.toContain("FACTOR_DEFAULT");
  });
  test("a generator without a factor leaves the carbon unknown", () => {
    const { totals, flags } = account(model, { ...columns, "gen/energy_import_wh": register(1000) });
    expect(totals.carbonG).toBeNull();
    expect(flags).toContain("CARBON_MISSING");
  });
  test("work comes with the energy that bought it", () => {
    const { totals } = account(model, { ...columns, "hall/work_samples": register(3600) });
    expect(totals.work["hall/work_samples"]).toMatchObject({
      amount: expect.closeTo(60, 6),
      energyWh: expect.closeTo(1000, 6),
    });
  });
  test("work that nobody counted is missing, not zero", () => {
    const { totals, flags } = account(model, columns);
    expect(totals.work["hall/work_samples"]?.amount).toBeNull();
    expect(flags).toContain("WORK_MISSING");
  });
  test("a site without terms says what is missing", () => {
    expect(account(simple, whole).flags).toEqual(expect.arrayContaining(["PRICE_MISSING", "CARBON_MISSING"]));
  });
});

describe("accounts of longer windows", () => {
  const compose = (accounts: readonly Account[], step: AccountStep, start: number, end: number) =>
    composeAccounts(simple, { step, start, end }, accounts);
  const minutes = (watts: readonly number[]) => {
    let total = 0;
    const grid: Samples = { ts: [0], value: [0] };
    const ts = [0];
    const value = [0];
    for (const [index, w] of watts.entries()) {
      total += w / 60;
      ts.push((index + 1) * minuteMs);
      value.push(total);
    }
    const columns = { ...whole, "grid/energy_import_wh": { ts, value }, "grid/power_w": grid };
    return watts.map((_, index) => account(simple, columns, index * minuteMs, (index + 1) * minuteMs));
  };

  test("the sum of the parts is the whole, however they are grouped", () => {
    const loads = fc.array(fc.integer({ min: 0, max: 900_000 }), { minLength: 30, maxLength: 30 });
    fc.assert(
      fc.property(loads, (watts) => {
        const parts = minutes(watts);
        const quarters = [0, 15].map((at) =>
          compose(parts.slice(at, at + 15), "15m", at * minuteMs, (at + 15) * minuteMs),
        );
        const once = compose(parts, "1h", 0, 30 * minuteMs).totals.importWh ?? Number.NaN;
        const twice = compose(quarters, "1h", 0, 30 * minuteMs).totals.importWh ?? Number.NaN;
        expect(once).toBeCloseTo(
          watts.reduce((sum, w) => sum + w / 60, 0),
          5,
        );
        expect(twice).toBeCloseTo(once, 5);
      }),
      { numRuns: 20 },
    );
  });
  test("a missing minute lowers the coverage, and the ratio joins the same minutes", () => {
    const known = account(simple, whole);
    const { "hall/energy_import_wh": _, "hall/power_w": __, ...noHall } = whole;
    const blind = account(simple, { ...noHall, "grid/energy_import_wh": register(9000) });
    const both = compose(
      [known, { ...blind, start: minuteMs as Account["start"], end: (2 * minuteMs) as Account["end"] }],
      "15m",
      0,
      2 * minuteMs,
    );
    expect(both.coverage).toBeCloseTo(0.5, 9);
    expect(both.flags).toContain("COVERAGE_LOW");
    expect(both.totals.importWh).toBeCloseTo((1300 + 9000) / 60, 5);
    expect(both.joint?.pue?.terms).toMatchObject({
      facility: expect.closeTo(1.3 / 60, 8),
      it: expect.closeTo(1 / 60, 8),
    });
  });
  test("a window whose model changed says so", () => {
    const known = account(simple, whole);
    expect(compose([known, { ...known, model: "other" }], "15m", 0, 2 * minuteMs).flags).toContain("BOUNDARY_CHANGED");
  });
  test("of no parts at all is unknown", () => {
    const none = compose([], "15m", 0, 15 * minuteMs);
    expect(none).toMatchObject({ quality: "INVALID", coverage: 0, nodes: {} });
    expect(none.totals.importWh).toBeNull();
  });
});
