import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Account, NodeAccount, Totals } from "../account.ts";
import type { SiteModel } from "../model.ts";
import { parseSite } from "../site.ts";
import { catalogue, findKpi, kpiKey, kpiResults, renderCatalogue } from "./index.ts";
import { relativeUncertainty } from "./result.ts";

const hourMs = 3_600_000;
const site = (boundary: "inside" | "outside" = "outside"): SiteModel => {
  const parsed = parseSite(
    `site: s
time_zone: Asia/Shanghai
currency: CNY
bus_rating_w: 100000000
nodes:
  - { id: grid, kind: grid, points: [{ code: MP.PCC, device: grid, energy_forward: energy_import_wh }] }
  - { id: pv, kind: pv, points: [{ code: MP.PV, device: pv, energy_forward: energy_import_wh }] }
  - { id: bess, kind: battery, capacity_wh: 1000000, boundary: ${boundary}, points: [{ code: MP.B, device: b }] }
  - { id: hall, kind: it, points: [{ code: MP.IT, device: hall, energy_forward: energy_import_wh }] }
tariff: { bands: [{ from: "00:00", to: "24:00", period: flat, price_per_kwh: 0.5 }], source: list 7 }
carbon: { default_g_per_kwh: 536.6, source: table 3 }
compute: { work: [{ device: gpu, quantity: work_samples, workload: BERT, precision: FP8, node: hall }] }
`,
    "s.yaml",
  );
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.faults));
  return parsed.site;
};
const outside = site();
const inside = site("inside");

const zero: Totals = {
  importWh: 0,
  exportWh: 0,
  renewableWh: 0,
  gensetWh: 0,
  chargeWh: 0,
  dischargeWh: 0,
  itWh: 0,
  coolingWh: 0,
  lossWh: 0,
  otherWh: 0,
  loadWh: 0,
  facilityWh: 0,
  storedWh: 0,
  carbonG: 0,
  cost: 0,
  work: {},
};
const node = (wh: number): NodeAccount => ({
  forwardWh: wh,
  reverseWh: 0,
  meanW: wh,
  minW: wh,
  maxW: wh,
  socPct: null,
  coverage: 1,
  quality: "MEASURED",
  flags: [],
});
/** An hour's account; figures in kWh, facility energy by the formula of the model unless given. */
const hour = (kwh: Partial<Record<keyof Totals, number | null>>, index = 0, model = outside): Account => {
  const wh = (key: keyof Totals): number => (kwh[key] ?? 0) * 1000;
  const bess = model === outside ? wh("dischargeWh") - wh("chargeWh") : 0;
  const facilityWh = wh("importWh") - wh("exportWh") + wh("renewableWh") + wh("gensetWh") + bess;
  const given = Object.fromEntries(
    Object.entries(kwh).map(([key, value]) => [key, value === null ? null : (value ?? 0) * 1000]),
  );
  return {
    site: "s",
    step: "1h",
    start: (index * hourMs) as Account["start"],
    end: ((index + 1) * hourMs) as Account["end"],
    revision: 1,
    model: model.revision,
    nodes: {
      grid: node(wh("importWh")),
      pv: node(wh("renewableWh")),
      bess: node(wh("dischargeWh")),
      hall: node(wh("itWh")),
    },
    totals: { ...zero, facilityWh, ...given } as Totals,
    balance: { supplyW: null, loadW: null, residualW: null, uncertaintyW: null, toleranceW: null },
    coverage: 1,
    quality: "MEASURED",
    flags: [],
  };
};
const result = (id: string, accounts: readonly Account[], variant?: string, model = outside) => {
  const entry = findKpi(id);
  if (entry === undefined) throw new Error(`BUG: no KPI ${id}`);
  const window = { start: 0, end: Math.max(1, accounts.length) * hourMs };
  const results = kpiResults(entry, accounts, model, window);
  const found = variant === undefined ? results[0] : results.find((one) => one.variant === variant);
  if (found === undefined) throw new Error(`BUG: no variant ${variant}`);
  return found;
};

describe("PUE", () => {
  const vector = { importWh: 10_000, renewableWh: 2000, exportWh: 500, chargeWh: 1200, dischargeWh: 1000, itWh: 9000 };
  test("TV-PUE-3: storage outside the boundary gives 1.25556, inside 1.27778", () => {
    expect(result("pue", [hour(vector)]).value).toBeCloseTo(1.25556, 5);
    expect(result("pue", [hour(vector, 0, inside)], undefined, inside).value).toBeCloseTo(1.27778, 5);
  });
  test("TV-PUE-1: a filing of 37,818.35 for 31,534.248 (10⁴ kWh) of three rack groups gives 1.19928", () => {
    const itWh = (100 * 328 + 24 * 82 + 15 * 82) * 8760;
    expect(itWh).toBeCloseTo(31_534.248e4, 0);
    expect(result("pue", [hour({ importWh: 37_818.35e4, itWh })]).value).toBeCloseTo(1.19928, 5);
  });
  test("TV-PUE-2: a filing of 20.8589 for 17.7765 (10⁸ kWh) gives 1.17340", () => {
    expect(result("pue", [hour({ importWh: 20.8589e8, itWh: 17.7765e8 })]).value).toBeCloseTo(1.1734, 5);
  });
  test("in a short window what storage inside gained is not overhead", () => {
    const gained = hour({ ...vector, storedWh: 500 }, 0, inside);
    expect(result("pue", [gained], undefined, inside).value).toBeCloseTo((11_500 - 500) / 9000, 9);
  });
  test("storage inside without a state of charge leaves PUE unknown", () => {
    const blind = hour({ ...vector, storedWh: null }, 0, inside);
    expect(result("pue", [blind], undefined, inside)).toMatchObject({ value: null, quality: "INVALID" });
  });
  test("TV-PUE-4: with its solar power a site has 1.30, without it 0.90 is invalid", () => {
    expect(result("pue", [hour({ importWh: 900, renewableWh: 400, itWh: 1000 })]).value).toBeCloseTo(1.3, 9);
    const naive = result("pue", [hour({ importWh: 900, itWh: 1000 })]);
    expect(naive).toMatchObject({ value: 0.9, quality: "INVALID", flags: ["BELOW_PHYSICAL_MIN"] });
  });
  test("a value just under one, within its uncertainty, is kept as measured and flagged", () => {
    const close = result("pue", [hour({ importWh: 995, itWh: 1000 })]);
    expect(close).toMatchObject({ value: 0.995, quality: "MEASURED", flags: ["BELOW_PHYSICAL_MIN"] });
  });
  test("TV-PUE-5: partial PUEs of 1.25, 1.09 and 1.02 add to 1.36", () => {
    const account = hour({ itWh: 1000, coolingWh: 250, lossWh: 90, otherWh: 20, importWh: 1360 });
    const parts = ["cooling", "power", "misc"].map((variant) => result("ppue", [account], variant).value ?? Number.NaN);
    expect(parts).toEqual([1.25, 1.09, 1.02]);
    expect(result("pue", [account]).value).toBeCloseTo(1 + parts.reduce((sum, part) => sum + part - 1, 0), 9);
  });
  test("TV-AGG-1: two hours give the ratio of sums 1.28, not the mean 1.60", () => {
    const hours = [hour({ importWh: 200, itWh: 100 }), hour({ importWh: 1080, itWh: 900 }, 1)];
    expect(result("pue", hours)).toMatchObject({ value: 1.28, numerator: 1280, denominator: 1000 });
  });
  test("TV-AGG-1: weighted by energy as the EU averages, the same two hours are 1.325", () => {
    const hours = [hour({ importWh: 200, itWh: 100 }), hour({ importWh: 1080, itWh: 900 }, 1)];
    expect(result("pue_energy_weighted", hours).value).toBeCloseTo(1.325, 9);
    const idle = [...hours, hour({ importWh: 50, itWh: 0 }, 2)];
    expect(result("pue_energy_weighted", idle).value).toBeCloseTo(1.325, 9);
    expect(result("pue_energy_weighted", [hour({ importWh: 50, itWh: 0 })])).toMatchObject({
      value: null,
      quality: "INVALID",
    });
  });
  test("an hour that lacks one side counts for neither", () => {
    const hours = [hour({ importWh: 200, itWh: 100 }), hour({ importWh: 1080, itWh: null }, 1)];
    expect(result("pue", hours)).toMatchObject({ value: 2, coverage: 0.5, flags: ["COVERAGE_LOW"] });
  });
  test("TV-UNC-2: limits of 1 % on both sides give ± 0.0212 at 1.30", () => {
    const side = (energy: number) => ({ energy, variance: (energy * 0.01) ** 2 / 3 });
    expect(1.3 * (relativeUncertainty([side(1300), side(1000)]) ?? 0)).toBeCloseTo(0.0212, 4);
    const account = hour({ importWh: 1300, itWh: 1000 });
    expect(result("pue", [account]).uncertainty).toBeCloseTo(0.0212, 4);
  });
  test("carries the whole envelope", () => {
    expect(result("pue", [hour({ importWh: 130, itWh: 100 })])).toEqual({
      kpi: "pue",
      better: "lower",
      variant: "cat2",
      standard: "ISO/IEC 30134-2:2026 (aligned), interval PUE",
      value: 1.3,
      unit: "1",
      numerator: 130,
      denominator: 100,
      numUnit: "kWh",
      denUnit: "kWh",
      window: {
        start: "1970-01-01T08:00:00+08:00",
        end: "1970-01-01T09:00:00+08:00",
        tz: "Asia/Shanghai",
        complete: true,
      },
      boundaryId: `s@${outside.revision}`,
      coverage: 1,
      uncertainty: expect.closeTo(0.0212, 4),
      quality: "MEASURED",
      flags: [],
      revision: 1,
    });
  });
  test("any overhead that is not negative gives at least one", () => {
    const energy = fc.double({ min: 1, max: 1e6, noNaN: true });
    fc.assert(
      fc.property(energy, energy, (it, overhead) => {
        const value = result("pue", [hour({ importWh: it + overhead, itWh: it })]).value ?? 0;
        expect(value).toBeGreaterThanOrEqual(1);
      }),
    );
  });
});

describe("what cannot be known", () => {
  test("is null with the name of the meter that lacks, never NaN or Infinity", () => {
    const account = hour({ importWh: 100, itWh: null });
    const blind = { ...account, nodes: { ...account.nodes, hall: { ...node(0), forwardWh: null } } };
    const pue = result("pue", [blind]);
    expect(pue).toMatchObject({ value: null, numerator: null, quality: "INVALID", coverage: 0 });
    expect(pue.flags).toEqual(expect.arrayContaining(["MISSING:hall", "NO_DATA"]));
  });
  test("is null without accounts", () => {
    for (const entry of catalogue)
      for (const { value, quality } of kpiResults(entry, [], outside, { start: 0, end: hourMs }))
        expect({ value, quality }).toEqual({ value: null, quality: "INVALID" });
  });
  test("is null under a kilowatt-hour in the denominator", () => {
    expect(result("pue", [hour({ importWh: 2, itWh: 0.99 })])).toMatchObject({
      value: null,
      flags: ["DENOMINATOR_LOW"],
    });
    expect(result("pue", [hour({ importWh: 2, itWh: 1 })]).value).toBe(2);
  });
  test("has a floor of 4 kW of mean power in windows under 15 minutes", () => {
    const minute = { ...hour({ importWh: 0.14, itWh: 0.07 }), end: 60_000 as Account["end"] };
    const entry = findKpi("pue");
    const of = (account: Account) => (entry ? kpiResults(entry, [account], outside, account)[0]?.value : null);
    expect(of(minute)).toBeCloseTo(2, 9);
    expect(of({ ...minute, totals: { ...minute.totals, itWh: 60 } })).toBeNull();
  });
  test("is never NaN or Infinity, whatever the totals are", () => {
    const figure = fc.option(fc.double({ min: -1e9, max: 1e9, noNaN: true }), { nil: null });
    const keys = Object.keys(zero).filter((key) => key !== "work") as (keyof Totals)[];
    fc.assert(
      fc.property(fc.array(figure, { minLength: keys.length, maxLength: keys.length }), (figures) => {
        const account = hour(Object.fromEntries(keys.map((key, index) => [key, figures[index] ?? null])));
        for (const entry of catalogue) {
          for (const { value, uncertainty } of kpiResults(entry, [account], outside, account)) {
            if (value !== null) expect(Number.isFinite(value)).toBe(true);
            if (uncertainty !== undefined) expect(Number.isFinite(uncertainty)).toBe(true);
          }
        }
      }),
    );
  });
});

describe("compute per energy", () => {
  const account = {
    ...hour({ importWh: 1300, itWh: 1000 }),
    totals: {
      ...hour({ importWh: 1300, itWh: 1000 }).totals,
      work: { "gpu/work_samples": { amount: 5e6, energyWh: 500_000 } },
    },
  };
  test("is work per kilowatt-hour of the node that did it", () => {
    expect(result("compute_per_watt", [account], "gpu/work_samples:it")).toMatchObject({
      value: 10_000,
      unit: "sample/kWh",
      numUnit: "sample",
    });
  });
  test("is that divided by the PUE of the same window at the facility boundary", () => {
    const facility = result("compute_per_watt", [account], "gpu/work_samples:facility");
    expect(facility.value).toBeCloseTo(10_000 / 1.3, 6);
    // Three meters of 1 % limit, as independent.
    expect((facility.uncertainty ?? 0) / (facility.value ?? 1)).toBeCloseTo(0.02, 6);
  });
  test("is zero, not unknown, while a single server idles under a kilowatt-hour", () => {
    const idle = (energyWh: number) => ({
      ...account,
      totals: { ...account.totals, work: { "gpu/work_samples": { amount: 0, energyWh } } },
    });
    expect(result("compute_per_watt", [idle(600)], "gpu/work_samples:it").value).toBe(0);
    expect(result("compute_per_watt", [idle(29)], "gpu/work_samples:it").flags).toContain("DENOMINATOR_LOW");
  });
  test("without a counter says so", () => {
    const blind = { ...account, totals: { ...account.totals, work: {} }, flags: ["WORK_MISSING" as const] };
    const { value, flags } = result("compute_per_watt", [blind], "gpu/work_samples:it");
    expect(value).toBeNull();
    expect(flags).toContain("WORK_MISSING");
  });
});

describe("carbon and self-supply", () => {
  test("CUE is kilograms per kilowatt-hour of IT, with its factor named", () => {
    const account = hour({ importWh: 10_000, itWh: 9000, carbonG: 5366 });
    expect(result("cue", [account])).toMatchObject({
      value: expect.closeTo(5366 / 9000, 9),
      unit: "kgCO2e/kWh",
      factors: [{ id: "carbon:site file", version: "table 3" }],
    });
    expect(result("carbon", [account])).toMatchObject({ value: 5366, unit: "kgCO2e", denominator: null });
    expect(result("carbon_intensity", [account]).value).toBeCloseTo(536.6, 9);
  });
  test("TV-SC-1: four hours with a battery give SC 0.76316 and SS 0.7375", () => {
    const eta = 0.95;
    const charge = 100 / eta;
    const hours = [
      hour({ loadWh: 100, importWh: 100 }),
      hour({ loadWh: 100, renewableWh: 180, chargeWh: 80 }, 1),
      hour({ loadWh: 100, renewableWh: 220, chargeWh: charge - 80, exportWh: 120 - (charge - 80) }, 2),
      hour({ loadWh: 100, importWh: 5, dischargeWh: 95 }, 3),
    ];
    expect(result("self_consumption", hours).value).toBeCloseTo(0.76316, 5);
    expect(result("self_sufficiency", hours).value).toBeCloseTo(0.7375, 9);
    const total = (key: "chargeWh" | "dischargeWh") =>
      hours.reduce((sum, { totals }) => sum + (totals[key] ?? 0), 0) / 1000;
    expect(total("chargeWh") - total("dischargeWh")).toBeCloseTo(10.2632, 4);
  });
  test("a battery charged from the grid is not import for load", () => {
    const hours = [hour({ importWh: 300, chargeWh: 200 }), hour({ dischargeWh: 100, importWh: 0 }, 1)];
    expect(result("self_sufficiency", hours).value).toBeCloseTo(0.5, 9);
  });
  test("both lie between none and all, whatever the flows", () => {
    const energy = fc.integer({ min: 0, max: 10_000 });
    fc.assert(
      fc.property(energy, energy, energy, energy, (load, sun, charge, discharge) => {
        const net = load - sun + charge - discharge;
        const flows = { importWh: Math.max(0, net), exportWh: Math.max(0, -net), renewableWh: sun };
        const account = hour({ ...flows, chargeWh: charge, dischargeWh: discharge });
        for (const id of ["self_consumption", "self_sufficiency"]) {
          const { value } = result(id, [account]);
          if (value === null) continue;
          expect(value).toBeGreaterThanOrEqual(-1e-9);
          expect(value).toBeLessThanOrEqual(1 + 1e-9);
        }
      }),
    );
  });
  test("cost is in the site's currency", () => {
    const account = { ...hour({ importWh: 10 }), totals: { ...zero, cost: 5 } };
    expect(result("cost", [account])).toMatchObject({
      value: 5,
      unit: "CNY",
      factors: [{ id: "tariff:site file", version: "list 7" }],
    });
  });
});

describe("the catalogue", () => {
  test("has one place per result", () => {
    const keys = catalogue.flatMap((entry) => entry.variants(outside).map(({ id }) => kpiKey(entry, id)));
    expect(new Set(keys).size).toBe(keys.length);
    expect(keys).toContain("pue");
    expect(keys).toContain("compute_per_watt/gpu/work_samples:facility");
  });
  test("renders itself as a table with a row per entry", () => {
    const lines = renderCatalogue().trim().split("\n");
    expect(lines).toHaveLength(catalogue.length + 2);
    expect(new Set(lines.map((line) => line.split(" | ").length)).size).toBe(1);
  });
});
