import { describe, expect, test } from "vitest";
import type { Account, NodeAccount, Totals } from "../account.ts";
import { composeAccounts } from "../compose.ts";
import type { SiteModel } from "../model.ts";
import { parseSite } from "../site.ts";
import { catalogue, findKpi, kpiResults } from "./index.ts";
import { creditedHour } from "./stored.ts";

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const site = (terms: string): SiteModel => {
  const parsed = parseSite(
    `site: s
time_zone: UTC
currency: CNY
bus_rating_w: 100000000
pue_category: 1
nodes:
  - { id: grid, kind: grid, points: [{ code: MP.PCC, device: grid, energy_forward: energy_import_wh }] }
  - { id: pv, kind: pv, points: [{ code: MP.PV.1, device: pv }] }
  - { id: hall, kind: it, points: [{ code: MP.UPS.OUT.1, device: hall }] }
  - { id: pdu, kind: it, parent: hall, points: [{ code: MP.PDU.OUT.1, device: pdu }] }
  - { id: crac, kind: cooling, points: [{ code: MP.COOL.1, device: crac }] }
${terms}`,
    "s.yaml",
  );
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.faults));
  return parsed.site;
};

const full = site(`
pue_points: { cat2: [pdu] }
design: { pue: 1.25, it_load_kw: 800, climate: Jinan, source: design model 3 }
water_intensity: { l_per_kwh: 1.8, source: illustrative }
media:
  - { code: MP.HEAT.OUT, device: heat, quantity: heat_wh, use: heat_reused }
  - { code: MP.HEAT.REMOVED, device: cold, quantity: heat_wh, use: heat_removed }
  - { code: MP.WATER.IN, device: water, quantity: water_m3, use: water_in }
  - { code: MP.PCC.Q, device: grid, quantity: reactive_energy_import_varh, use: reactive_import }
certificates:
  - { id: P1, kind: ppa, owner: us, volume_kwh: 4000, from: "1970-01-01", to: "1970-01-02", cancelled_for: s, source: contract 1 }
  - { id: G1, kind: goo, owner: us, volume_kwh: 2500, from: "1970-01-01", to: "1970-01-02", cancelled_for: s, source: registry }
  - { id: G2, kind: goo, owner: us, volume_kwh: 4000, from: "1970-01-01", to: "1970-01-02", cancelled_for: s, bundled_with: P1, source: registry }
  - { id: G3, kind: goo, owner: us, volume_kwh: 700, from: "1970-01-01", to: "1970-01-02", source: registry }
ratings:
  - { node: hall, name: A, count: 8, kind: theoretical_peak, group: intelligent, value: 989400, precision: FP16, sparsity: dense, power_w: 700, power_boundary: chip, source: data sheet }
  - { node: hall, name: B, count: 1, kind: theoretical_peak, group: general, value: 20000000, precision: FP32, sparsity: none, power_w: 800, power_boundary: node, source: data sheet }
  - { node: hall, name: X, kind: benchmark, group: general, value: 865618, unit: ssj_ops, precision: INT, sparsity: none, benchmark: ssj2008, version: "1.12", power_w: 258, power_boundary: node, source: published }
  - { node: hall, name: Y, kind: benchmark, group: general, value: 400000, unit: ssj_ops, precision: INT, sparsity: none, benchmark: ssj2008, version: "1.12", power_w: 200, power_boundary: node, source: published }
racks: { groups: [{ count: 480, rated_kw: 14.4 }, { count: 7056, rated_kw: 27.78 }], designed: 8000, installed: 7536, in_use: 6000, source: inventory }
idle: [{ node: pdu, device: gpu }]
power_factor: { reference: 0.9, source: contract, adjustment: [{ at_least: 0.9, pct: 0 }, { at_least: 0, pct: 5 }] }
tariff: { bands: [{ from: "00:00", to: "24:00", period: flat, price_per_kwh: 0.5 }], export_price_per_kwh: 0.1 }
demand: { contract_w: 8000000, price_per_kw_month: 40 }
carbon: { default_g_per_kwh: 536.6, residual_g_per_kwh: 600 }
`);

const node = (kwh: number): NodeAccount => ({
  forwardWh: kwh * 1000,
  reverseWh: 0,
  meanW: kwh * 1000,
  minW: kwh * 1000,
  maxW: kwh * 1000,
  socPct: null,
  coverage: 1,
  quality: "MEASURED",
  flags: [],
});
interface Day {
  readonly importKwh: number;
  readonly sunKwh?: number;
  readonly itKwh?: number;
  readonly pduKwh?: number;
  readonly coolingKwh?: number;
  readonly extra?: Partial<Totals>;
}
const account = ({ importKwh, sunKwh = 0, itKwh = 0, pduKwh = 0, coolingKwh = 0, extra = {} }: Day): Account => ({
  site: "s",
  step: "1h",
  start: 0 as Account["start"],
  end: dayMs as Account["end"],
  revision: 1,
  model: full.revision,
  nodes: { grid: node(importKwh), pv: node(sunKwh), hall: node(itKwh), pdu: node(pduKwh), crac: node(coolingKwh) },
  totals: {
    importWh: importKwh * 1000,
    exportWh: 0,
    renewableWh: sunKwh * 1000,
    gensetWh: 0,
    chargeWh: 0,
    dischargeWh: 0,
    itWh: itKwh * 1000,
    coolingWh: coolingKwh * 1000,
    lossWh: 0,
    otherWh: 0,
    loadWh: (importKwh + sunKwh) * 1000,
    facilityWh: (importKwh + sunKwh) * 1000,
    storedWh: 0,
    carbonG: importKwh * 536.6,
    cost: importKwh * 0.5,
    work: {},
    ...extra,
  },
  balance: { supplyW: null, loadW: null, residualW: null, uncertaintyW: null, toleranceW: null },
  coverage: 1,
  quality: "MEASURED",
  flags: [],
});
const results = (id: string, accounts: readonly Account[], model = full) => {
  const entry = findKpi(id);
  if (entry === undefined) throw new Error(`BUG: no KPI ${id}`);
  return kpiResults(entry, accounts, model, { start: 0, end: dayMs });
};
const find = (id: string, variant: string | undefined, accounts: readonly Account[], model = full) => {
  const found = results(id, accounts, model).find((result) => result.variant === variant);
  if (found === undefined) throw new Error(`BUG: no variant ${variant} of ${id}`);
  return found;
};

describe("the PUE family", () => {
  const day = account({ importKwh: 1300, itKwh: 1000, pduKwh: 950 });
  test("each category divides by its own point; one without a point says which", () => {
    expect(find("pue_category", "cat1", [day]).value).toBeCloseTo(1.3, 9);
    expect(find("pue_category", "cat2", [day]).value).toBeCloseTo(1300 / 950, 9);
    expect(find("pue_category", "cat3", [day])).toMatchObject({
      value: null,
      flags: expect.arrayContaining(["POINT_MISSING:MP.IT.IN", "DECLARATION_MISSING:pue_points.cat3"]),
    });
  });
  test("interim PUE is the PUE of its period, designed PUE is only declared", () => {
    expect(find("ipue", "cat1", [day]).value).toBeCloseTo(1.3, 9);
    expect(find("dpue", undefined, [])).toMatchObject({ value: 1.25, quality: "ESTIMATED", denominator: 800 });
    expect(find("dpue", undefined, []).flags).toContain("DECLARED");
  });
  test("what no meter explains is a share of its own", () => {
    const open = account({ importKwh: 1300, itKwh: 1000, coolingKwh: 235 });
    expect(find("unaccounted_share", undefined, [open]).value).toBeCloseTo(65 / 1300, 9);
  });
});

describe("heat and water", () => {
  const media = {
    "heat/heat_wh": 210_000_000,
    "cold/heat_wh": 9.2e9,
    "water/water_m3": 900,
    "grid/reactive_energy_import_varh": 0,
  };
  test("TV-ERE-1: 210,000 of 1,250,000 kWh reused at 820,000 of IT make ERE 1.26829 and ERF 0.168", () => {
    const day = account({ importKwh: 1_250_000, itKwh: 820_000, extra: { media } });
    expect(find("ere", undefined, [day]).value).toBeCloseTo(1.26829, 5);
    expect(find("erf", undefined, [day]).value).toBeCloseTo(0.168, 9);
    expect(find("wue", "in", [day]).value).toBeCloseTo(900_000 / 820_000, 9);
  });
  test("9,200 MWh of heat for 1,840 MWh of cooling is a CER of 5; without the meter it is estimated and says so", () => {
    const day = account({ importKwh: 1, itKwh: 9_000_000, coolingKwh: 1_840_000, extra: { media } });
    expect(find("cer", "metered", [day]).value).toBeCloseTo(5, 9);
    expect(find("cer", "estimated", [day])).toMatchObject({ quality: "ESTIMATED", value: expect.closeTo(4.891, 3) });
  });
  test("a silent register leaves the value unknown and is named", () => {
    const day = account({ importKwh: 10, itKwh: 9, extra: { media: { ...media, "water/water_m3": null } } });
    expect(find("wue", "in", [day])).toMatchObject({ value: null, quality: "INVALID" });
    expect(find("wue", "in", [day]).flags).toContain("MISSING:water/water_m3 (MP.WATER.IN)");
    expect(find("wue", "potable", [day]).flags).toContain("POINT_MISSING:MP.WATER.POT");
  });
  test("composed accounts keep the sums", () => {
    const parts = [0, 1].map((index) => ({
      ...account({ importKwh: 100, itKwh: 80, extra: { media } }),
      start: (index * hourMs) as Account["start"],
      end: ((index + 1) * hourMs) as Account["end"],
    }));
    const day = composeAccounts(full, { step: "1d", start: 0, end: dayMs }, parts);
    expect(day.totals.media?.["water/water_m3"]).toBe(1800);
    expect(find("wue", "in", [day]).value).toBeCloseTo(1_800_000 / 160, 6);
  });
});

describe("certificates", () => {
  test("TV-REF-1: 1,500 on site, 4,000 contracted and 2,500 certified of 10,000 are 0.80, bundled ones once", () => {
    const day = account({ importKwh: 8500, sunKwh: 1500, itKwh: 8000 });
    expect(find("ref", undefined, [day])).toMatchObject({
      value: 0.8,
      flags: ["ASSUMED:on_site_certificates_retained"],
    });
    expect(find("green_share", undefined, [day]).value).toBeCloseTo(0.8, 9);
  });
  test("the market-based account takes them from the import at the residual mix", () => {
    expect(find("scope2_market", undefined, [account({ importKwh: 10_000 })]).value).toBeCloseTo(3500 * 0.6, 9);
  });
  test("a certificate of half the window counts in proportion to its period", () => {
    const entry = findKpi("ref");
    const half = { start: 0, end: dayMs / 2 };
    const [result] = entry === undefined ? [] : kpiResults(entry, [account({ importKwh: 10_000 })], full, half);
    expect(result).toMatchObject({ value: 0.325, flags: expect.arrayContaining(["PRORATED:P1"]) });
  });
});

describe("rated compute", () => {
  test("TV-ITEE-1: two servers of one benchmark come to 2,763.36 operations per watt", () => {
    expect(find("iteesv", "ssj2008:1.12:ssj_ops", []).value).toBeCloseTo(2763.36, 2);
  });
  test("TV-CE-1: 20,000 TFLOPS of FP32 at 800 kW are 25 GFLOPS/W", () => {
    const ce = find("compute_efficiency", "FP32:none", [account({ importKwh: 1, itKwh: 800 * 24 })]);
    expect(ce).toMatchObject({ value: expect.closeTo(25, 9), flags: ["THEORETICAL_PEAK"], better: "higher" });
  });
  test("compute is added per precision, never over precisions", () => {
    expect(find("total_compute", "FP16:dense", []).value).toBeCloseTo((8 * 989_400) / 1e9, 12);
    expect(find("total_compute", "FP32:none", []).value).toBeCloseTo(0.02, 12);
    expect(results("intelligent_compute", []).map(({ variant }) => variant)).toEqual(["FP16:dense"]);
  });
  test("per watt: by the chip as declared, and with its share of the data centre", () => {
    const day = account({ importKwh: 1250, itKwh: 1000 });
    const chip = find("rated_compute_per_watt", "hall:A:theoretical_peak:FP16:dense|it", [day]);
    expect(chip).toMatchObject({ value: expect.closeTo(989_400 / 700, 6), unit: "GFLOPS/W" });
    expect(find("rated_compute_per_watt", "hall:A:theoretical_peak:FP16:dense|facility", [day]).value).toBeCloseTo(
      989_400 / 700 / 1.25,
      6,
    );
  });
  test("carbon of compute is given both ways, each with its direction", () => {
    const day = account({ importKwh: 1000, itKwh: 800 });
    const way = find("compute_carbon", "FP32:none|carbon_per_compute", [day]);
    expect(way).toMatchObject({ value: expect.closeTo(536.6 / 20_000, 12), better: "lower", unit: "kgCO2e/TFLOPS" });
    expect(find("compute_carbon", "FP32:none|compute_per_carbon", [day])).toMatchObject({ better: "higher" });
  });
  test("TV-RACK-1: 202,927.68 kW of racks are 81,171 standard racks", () => {
    expect(find("standard_racks", undefined, []).value).toBeCloseTo(81_171.07, 2);
    expect(find("rack_use", undefined, []).value).toBeCloseTo(6000 / 7536, 9);
  });
  test("an allocated accelerator that idles is a share of its allocated energy", () => {
    const day = account({ importKwh: 1, extra: { idle: { pdu: { allocatedWh: 8000, idleWh: 2000 } } } });
    expect(find("allocated_idle", "pdu", [day])).toMatchObject({ value: 0.25, better: "lower" });
  });
});

describe("the bill", () => {
  const media = {
    "grid/reactive_energy_import_varh": 484_300,
    "heat/heat_wh": 0,
    "cold/heat_wh": 0,
    "water/water_m3": 0,
  };
  const periods = { flat: { importWh: 1e6, cost: 500 } };
  const peaks = { windowMin: 15, fixedW: 9e6, slidingW: 9e6, headWh: [], tailWh: [] };
  const day: Account = { ...account({ importKwh: 1000, extra: { media, periods } }), demand: peaks };
  test("TV-PF-1: 1,000 kWh and 484.3 kvarh have a power factor of 0.90001", () => {
    expect(find("billing_power_factor", undefined, [day]).value).toBeCloseTo(0.90001, 5);
  });
  test("TV-DEM-4: its lines are energy, demand, export and power factor, and they add up to the total", () => {
    const line = (id: string) => find("bill", id, [day]).value ?? Number.NaN;
    expect(line("energy:flat")).toBe(500);
    expect(line("demand")).toBeCloseTo(384_000, 6);
    expect(line("power_factor")).toBe(0);
    expect(line("total")).toBeCloseTo(384_500, 6);
  });
  test("a low power factor adds what the contract's table says, to energy and demand", () => {
    const low = { ...media, "grid/reactive_energy_import_varh": 900_000 };
    const poor: Account = { ...account({ importKwh: 1000, extra: { media: low, periods } }), demand: peaks };
    expect(find("bill", "power_factor", [poor]).value).toBeCloseTo(384_500 * 0.05, 6);
    expect(find("billing_power_factor", undefined, [poor]).flags).toContain("BELOW_REFERENCE:0.9");
  });
});

test("TV-CFE-3: an hour of discharge credits the green it gave and loads the loss", () => {
  const sun = creditedHour(
    { load: 100, contracted: 100, imported: 0, gridShare: 0.3 },
    { discharge: 0, green: 0, efficiency: 0.9 },
  );
  const night = creditedHour(
    { load: 100, contracted: 0, imported: 10, gridShare: 0.3 },
    { discharge: 90, green: 90, efficiency: 0.9 },
  );
  expect((sun.free + night.free) / (sun.load + night.load)).toBeCloseTo(203 / 210, 9);
});

test("every entry answers for a bare site, with a reason instead of a value", () => {
  const bare = site("");
  for (const entry of catalogue) {
    const answers = kpiResults(entry, [], bare, { start: 0, end: dayMs });
    expect(answers.length, entry.id).toBeGreaterThan(0);
    for (const { value, flags } of answers) {
      expect(value, entry.id).toBeNull();
      expect(flags.length, entry.id).toBeGreaterThan(0);
    }
  }
});
test("every value is a number or null, whatever is zero", () => {
  for (const entry of catalogue)
    for (const { value } of kpiResults(entry, [account({ importKwh: 0 })], full, { start: 0, end: dayMs }))
      expect(value === null || Number.isFinite(value), entry.id).toBe(true);
});
test("every entry carries names in both languages, formula, unit, boundary and standard", () => {
  for (const { id, name, formula, unit, boundary, standard } of catalogue)
    for (const text of [name.en, name["zh-CN"], formula, unit, boundary, standard]) expect(text, id).not.toBe("");
  expect(new Set(catalogue.map(({ id }) => id)).size).toBe(catalogue.length);
});

describe("the catalogue", () => {
  test("names every entry in both languages, with formula, units, boundary, window, range and standard", () => {
    for (const entry of catalogue) {
      expect(entry.name.en).not.toBe("");
      expect(entry.name["zh-CN"]).toMatch(/\p{Script=Han}/u);
      for (const text of [entry.formula, entry.unit, entry.boundary, entry.standard, entry.window ?? ""])
        expect(text, entry.id).not.toBe("");
    }
    expect(new Set(catalogue.map(({ id }) => id)).size).toBe(catalogue.length);
  });
  test("of a window without accounts says so, never zero", () => {
    for (const entry of catalogue)
      for (const result of kpiResults(entry, [], full, { start: 0, end: dayMs })) {
        if (result.flags.includes("DECLARED")) continue;
        expect(result, entry.id).toMatchObject({ value: null, quality: "INVALID" });
        expect(result.flags, entry.id).toContain("MISSING:accounts of this window");
      }
  });
  test("WUE_source is WUE and the water of the electricity: 1.1 + 1.8 × 1.3 = 3.44 L/kWh", () => {
    const day = account({ importKwh: 1300, itKwh: 1000, extra: { media: { "water/water_m3": 1.1 } } });
    expect(find("wue_source", undefined, [day])).toMatchObject({ value: expect.closeTo(3.44, 9), unit: "L/kWh" });
  });
  test("values beyond the usual stand, and are flagged", () => {
    const thirsty = account({ importKwh: 1300, itKwh: 1000, extra: { media: { "water/water_m3": 11 } } });
    expect(find("wue", "in", [thirsty])).toMatchObject({ value: 11, quality: "MEASURED", flags: ["UNUSUAL"] });
    // A PUE of 4 of a hall at more than a fifth of its design, and of one that has hardly begun.
    const [usual, starting] = [
      account({ importKwh: 40_000, itKwh: 10_000 }),
      account({ importKwh: 4000, itKwh: 1000 }),
    ];
    expect(find("pue", "cat1", [usual]).flags).toContain("UNUSUAL");
    expect(find("pue", "cat1", [starting]).flags).not.toContain("UNUSUAL");
  });
});
