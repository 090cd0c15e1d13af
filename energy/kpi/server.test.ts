import { describe, expect, test } from "vitest";
import type { Account } from "../account.ts";
import { accountWindow } from "../close.ts";
import { composeAccounts } from "../compose.ts";
import { leastCoverageOf } from "../counted.ts";
import type { Samples } from "../meter.ts";
import type { SiteModel } from "../model.ts";
import { sampleKey } from "../node-account.ts";
import { parseSite } from "../site.ts";
import { findKpi, kpiResults } from "./index.ts";

const minuteMs = 60_000;
const site = (servers: string): SiteModel => {
  const parsed = parseSite(
    `site: s
time_zone: UTC
currency: EUR
bus_rating_w: 1000000
nodes:
  - { id: grid, kind: grid, points: [{ code: MP.PCC, device: grid, energy_forward: energy_import_wh }] }
${servers}`,
    "s.yaml",
  );
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.faults));
  return parsed.site;
};
const four = site(
  "servers: [{ device: srv-*, repeat: 1..4, operating: online, primary: [{ quantity: util_pct, above: 15 }] }]",
);

type Values = Readonly<Record<string, readonly (number | null)[]>>;
/** What was said at the end of each minute, by `<device>/<quantity>`; null is silence. */
const minutes = (model: SiteModel, count: number, values: Values, bridgeMs = 0): Account[] => {
  const columns = new Map<string, Samples>(
    Object.entries(values).map(([key, said]) => {
      const known = said.flatMap((value, index) => (value === null ? [] : [{ ts: (index + 1) * minuteMs, value }]));
      return [key, { ts: known.map(({ ts }) => ts), value: known.map(({ value }) => value) }];
    }),
  );
  const samples = {
    get: (key: string) => columns.get(key),
    of: (device: string, quantity: string) => columns.get(sampleKey(device, quantity)),
  };
  return Array.from({ length: count }, (_, index) =>
    accountWindow(model, { step: "1m", start: index * minuteMs, end: (index + 1) * minuteMs }, samples, {
      bridgeMs,
    }),
  );
};
const on = (count: number) =>
  Object.fromEntries([1, 2, 3, 4].map((one) => [`srv-${one}/online`, Array(count).fill(1)]));
const result = (id: string, model: SiteModel, accounts: readonly Account[], variant?: string) => {
  const entry = findKpi(id);
  if (entry === undefined) throw new Error(id);
  const end = accounts.at(-1)?.end ?? 0;
  const found = kpiResults(entry, accounts, model, { start: 0, end }).find((one) => one.variant === variant);
  if (found === undefined) throw new Error(`${id} ${variant}`);
  return found;
};

describe("compute that servers deliver", () => {
  const hall =
    site(`  - { id: hall, kind: it, points: [{ code: MP.IT, device: hall, energy_forward: energy_import_wh }] }
carbon: { default_g_per_kwh: 500 }
servers: [{ device: srv-*, repeat: 1..4, operating: online }]
ratings:
  - { node: hall, name: A, count: 4, kind: theoretical_peak, group: general, value: 5000000, precision: FP32, sparsity: none, power_w: 800, power_boundary: node, source: data sheet }
`);
  // 20 PFLOPS at 30 % for a minute, while the hall takes 12 kWh.
  const used = Object.fromEntries([10, 20, 30, 60].map((pct, index) => [`srv-${index + 1}/util_pct`, [pct, pct]]));
  const said = { ...on(2), ...used, "hall/energy_import_wh": [0, 12_000], "grid/energy_import_wh": [0, 15_000] };
  const minute = minutes(hall, 2, said, minuteMs).slice(1);

  test("is its peak times its hours times its use, over the energy of IT, and marked as an estimate", () => {
    expect(result("compute_energy", hall, minute, "FP32:none")).toMatchObject({
      value: expect.closeTo((20e6 * 60 * 0.3) / 12, 3),
      unit: "GFLOP/kWh",
      better: "higher",
      quality: "ESTIMATED",
      flags: expect.arrayContaining(["THEORETICAL_PEAK"]),
    });
  });
  test("costs energy and carbon, the other way round and labelled so", () => {
    const eflop = (20e6 * 60 * 0.3) / 1e9;
    const [energy, carbon] = ["energy_per_compute", "carbon_per_compute"].map((id) =>
      result(id, hall, minute, "FP32:none"),
    );
    expect(energy).toMatchObject({ value: expect.closeTo(12 / eflop, 6), unit: "kWh/EFLOP", better: "lower" });
    expect(carbon).toMatchObject({ value: expect.closeTo(7.5 / eflop, 6), unit: "kgCO2e/EFLOP", better: "lower" });
  });
  test("is unknown where a server does not say how it is used, and says what is missing", () => {
    const silent = minutes(hall, 2, { ...said, "srv-3/util_pct": [null, null] }, minuteMs).slice(1);
    const found = result("compute_energy", hall, silent, "FP32:none");
    expect(found).toMatchObject({ value: null, quality: "INVALID" });
    expect(found.flags).toContain("MISSING:srv-3 (MP.CPU)");
    expect(result("compute_energy", four, minutes(four, 1, on(1))).flags).toContain(
      "DECLARATION_MISSING:ratings (theoretical_peak, general)",
    );
  });
});

describe("how servers are used", () => {
  test("TV-ITEU-1: servers at 10, 20, 30 and 60 % are an ITEUsv of 30 %", () => {
    const said = Object.fromEntries([10, 20, 30, 60].map((pct, index) => [`srv-${index + 1}/util_pct`, [pct]]));
    expect(result("iteusv", four, minutes(four, 1, { ...on(1), ...said }))).toMatchObject({
      value: 30,
      unit: "%",
      standard: "ISO/IEC 30134-5:2017 (aligned)",
      quality: "MEASURED",
      coverage: 1,
      flags: [],
    });
  });

  test("idle servers count, those out of operation do not, and over time it is the mean of its values", () => {
    const accounts = minutes(four, 2, {
      ...on(2),
      "srv-4/online": [1, 0],
      ...{
        "srv-1/util_pct": [0, 30],
        "srv-2/util_pct": [0, 30],
        "srv-3/util_pct": [0, 30],
        "srv-4/util_pct": [40, null],
      },
    });
    // 40 / 4 and 90 / 3.
    expect(result("iteusv", four, accounts).value).toBeCloseTo(20, 12);
    const hour = composeAccounts(four, { step: "1h", start: 0, end: 2 * minuteMs }, accounts);
    expect(result("iteusv", four, [hour]).value).toBeCloseTo(20, 12);
  });

  test("a server that says nothing makes the minute unknown, never idle, and is named", () => {
    const late = 10;
    const said = Object.fromEntries([1, 2, 3].map((one) => [`srv-${one}/util_pct`, Array(late).fill(50)]));
    const accounts = minutes(four, late, { ...on(late), ...said, "srv-4/util_pct": [50, 50, 50, 50, 50] });
    // Its last word of minute 5 is fresh for five more.
    expect(result("iteusv", four, accounts)).toMatchObject({ value: expect.closeTo(50, 9), coverage: 1 });
    const silent = minutes(four, 1, { ...on(1), ...said });
    expect(result("iteusv", four, silent)).toMatchObject({
      value: null,
      quality: "INVALID",
      flags: expect.arrayContaining(["MISSING:srv-4 (MP.CPU)"]),
    });
  });

  test("a day wants 95 % of its minutes known, a quarter 90 %", () => {
    expect([900_000, 23 * 3_600_000, 31 * 86_400_000, 365 * 86_400_000].map(leastCoverageOf)).toEqual([
      0.9, 0.95, 0.98, 0.99,
    ]);
  });

  test("more than 90 % is kept and flagged as unusual", () => {
    const said = Object.fromEntries([1, 2, 3, 4].map((one) => [`srv-${one}/util_pct`, [95]]));
    expect(result("iteusv", four, minutes(four, 1, { ...on(1), ...said }))).toMatchObject({
      value: 95,
      flags: ["UNUSUAL"],
    });
  });

  test("the example of DCcE: servers that serve in 25, 100 and 0 % of samples come to 41.67 %", () => {
    const three = site(`servers:
  - { device: a, primary: [{ quantity: util_pct, above: 15 }] }
  - { device: b, primary: [{ quantity: util_pct, above: 90 }, { quantity: network_bps, above: 1000000 }] }
  - { device: c, primary: [{ quantity: util_pct, above: 15 }] }
`);
    const accounts = minutes(three, 4, {
      "a/util_pct": [10, 80, 10, 10],
      "b/util_pct": [5, 5, 5, 5],
      "b/network_bps": [2e6, 2e6, 2e6, 2e6],
      "c/util_pct": [1, 2, 3, 4],
    });
    expect(result("dcce", three, accounts).value).toBeCloseTo(125 / 3, 9);
    expect(["a", "b", "c"].map((one) => result("sce", three, accounts, one).value)).toEqual([25, 100, 0]);
    const hour = composeAccounts(three, { step: "1h", start: 0, end: 4 * minuteMs }, accounts);
    expect(result("dcce", three, [hour])).toMatchObject({ value: expect.closeTo(125 / 3, 9), denominator: 3 });
  });

  test("a server that was out of operation half the time has half the samples, not half the service", () => {
    const said = {
      "srv-1/util_pct": [80, 80],
      "srv-2/util_pct": [80, 80],
      "srv-3/util_pct": [80, 80],
      "srv-4/util_pct": [80, null],
    };
    const accounts = minutes(four, 2, { ...on(2), "srv-4/online": [1, 0], ...said });
    expect(result("dcce", four, accounts).value).toBe(100);
  });

  test("a site that declares no server says so", () => {
    const none = site("");
    const accounts = minutes(none, 1, {});
    expect(result("iteusv", none, accounts).flags).toEqual(
      expect.arrayContaining(["POINT_MISSING:MP.CPU", "DECLARATION_MISSING:servers"]),
    );
    expect(result("dcce", none, accounts).flags).toContain("DECLARATION_MISSING:servers.primary");
  });

  test("what is wrong in their declaration is named with its place", () => {
    const bad = `site: s
time_zone: UTC
currency: EUR
bus_rating_w: 1000000
nodes: [{ id: grid, kind: grid, points: [{ code: MP.PCC, device: grid }] }]
servers:
  - { device: a, interval_s: 3600, operating: util_pct }
  - { device: b, primary: [{ quantity: work_jobs }] }
  - { device: c }
  - { device: c }
`;
    const parsed = parseSite(bad, "s.yaml");
    expect(parsed.ok ? [] : parsed.faults.map(({ line, message }) => `${line} ${message}`)).toEqual([
      "7 servers[0].interval_s: must be a number above 0 and at most 900, got 3600",
      '7 servers[0].operating: must be a known state, got "util_pct"',
      '8 servers[1].primary[0].quantity: must be a known gauge or state, got "work_jobs"',
      '10 servers[3]: second declaration of "c"',
    ]);
  });
});
