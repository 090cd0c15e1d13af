import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { Account, NodeAccount } from "../account.ts";
import { catalogue, kpiResults } from "../kpi/index.ts";
import type { SiteModel } from "../model.ts";
import { parseSite } from "../site.ts";
import { cnReport, energyGrade } from "./cn.ts";
import { coolingDegreeDays, euReport } from "./eu.ts";
import type { Report, ReportInput } from "./report.ts";
import { reportTable } from "./table.ts";

const site = (terms: string): SiteModel => {
  const parsed = parseSite(
    `site: jinan-1
name: { en: Jinan hall 1, zh-CN: 济南一号机房 }
time_zone: Asia/Shanghai
currency: CNY
bus_rating_w: 2000000
pue_category: 1
nodes:
  - { id: grid, kind: grid, points: [{ code: MP.PCC, device: pcc }] }
  - { id: roof, kind: pv, points: [{ code: MP.PV.1, device: pv }] }
  - { id: diesel, kind: genset, points: [{ code: MP.GEN.1, device: gen }] }
  - { id: hall, kind: it, rating_w: 1200000, points: [{ code: MP.UPS.OUT.1, device: ups }] }
  - { id: chillers, kind: cooling, points: [{ code: MP.COOL.1, device: cool }] }
${terms}`,
    "jinan.yaml",
  );
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.faults));
  return parsed.site;
};
const declared = site(`
carbon: { default_g_per_kwh: 530.6, genset_g_per_kwh: 800, residual_g_per_kwh: 609.6 }
place: { country: CN, province: 山东, city: 济南 }
weather: { device: mast }
media:
  - { code: MP.WATER.IN, device: water, quantity: water_m3, use: water_in }
  - { code: MP.HEAT.OUT, device: heat, quantity: heat_wh, use: heat_reused }
certificates:
  - { id: PPA-7, kind: ppa, owner: operator, volume_kwh: 2000000, from: "2025-01-01", to: "2026-01-01", cancelled_for: jinan-1, source: contract 7 }
  - { id: GO-1, kind: goo, owner: operator, volume_kwh: 500000, from: "2025-01-01", to: "2026-01-01", cancelled_for: jinan-1, source: registry }
racks: { groups: [{ count: 100, rated_kw: 10 }], designed: 150, installed: 100, in_use: 82, source: inventory of 2025 }
facts:
  - { field: OWNER, text: Example Holdings, source: register }
  - { field: LAU, text: "370100", source: register }
  - { field: T_IN_C, value: 24, unit: °C, source: set-points of the building system }
  - { field: TRAFFIC_IN_EB, value: 0.002, unit: EB, source: routers }
  - { field: SCR, value: 800, unit: ft², source: plan }
`);
const bare = site("");

const start = Date.UTC(2024, 11, 31, 16);
const end = Date.UTC(2025, 11, 31, 16);
const node = (kwh: number): NodeAccount => ({
  ...{ forwardWh: kwh * 1000, reverseWh: 0, meanW: null, minW: null, maxW: null, socPct: null },
  ...{ coverage: 0.995, quality: "MEASURED", flags: [] },
});
const year = (model: SiteModel): Account => ({
  ...{
    site: model.id,
    step: "1h",
    revision: 3,
    model: model.revision,
    coverage: 0.995,
    quality: "MEASURED",
    flags: [],
  },
  start: start as Account["start"],
  end: end as Account["end"],
  nodes: { grid: node(9e6), roof: node(5e5), diesel: node(4000), hall: node(7.5e6), chillers: node(1.6e6) },
  totals: {
    ...{ importWh: 9e9, exportWh: 0, renewableWh: 5e8, gensetWh: 4e6, chargeWh: 0, dischargeWh: 0, storedWh: 0 },
    ...{ itWh: 7.5e9, coolingWh: 1.6e9, lossWh: 3e8, otherWh: 1e8, loadWh: 9.5e9, facilityWh: 9.504e9 },
    ...{ carbonG: 9e6 * 530.6 + 4000 * 800, cost: null, work: {} },
    ...(model === declared ? { media: { "water/water_m3": 9000, "heat/heat_wh": 4e8 } } : {}),
  },
  balance: { supplyW: null, loadW: null, residualW: null, uncertaintyW: null, toleranceW: null },
});
const inputOf = (model: SiteModel): ReportInput => {
  const window = { start, end };
  const results = catalogue.flatMap((entry) => kpiResults(entry, [year(model)], model, window));
  const days = [20, 23, 24, 26, ...Array.from<null>({ length: 361 }).fill(null)];
  return { model, window, results, gensetKwh: 4000, days };
};
const fieldOf = (report: Report, code: string) => {
  const found = report.fields.find((field) => field.code === code);
  if (found === undefined) throw new Error(`BUG: no field ${code}`);
  return found;
};
const golden = (name: string): string => join(import.meta.dirname, "..", "cases", "report", name);
// The revision of the model is a hash of the file above: it is no part of what is held.
const held = (report: Report): string => `${JSON.stringify({ ...report, siteModel: "-" }, null, 2)}\n`;

describe("the report under (EU) 2024/1364", () => {
  const report = euReport(inputOf(declared), []);
  test("is what it was, field by field", async () => {
    await expect(held(report)).toMatchFileSnapshot(golden("eu.json"));
  });
  test("has the 11 fields of Annex I, the 24 of Annex II with one sub-field, the 4 of Annex III", () => {
    const count = (annex: string) => report.fields.filter(({ ref }) => ref.startsWith(`${annex} `)).length;
    expect([count("I"), count("II"), count("III")]).toEqual([11, 25, 4]);
    expect(new Set(report.fields.map(({ code }) => code)).size).toBe(report.fields.length);
  });
  test("keeps the two TIN apart: intake temperature in °C, incoming traffic in EB", () => {
    expect(fieldOf(report, "T_IN_C")).toMatchObject({ ref: "II 1(l)", value: 24, unit: "°C" });
    expect(fieldOf(report, "TRAFFIC_IN_EB")).toMatchObject({ ref: "II 3(c)", value: 0.002, unit: "EB" });
  });
  test("its indicators are the quotients of its own fields", () => {
    const value = (code: string) => Number(fieldOf(report, code).value);
    expect(value("PUE")).toBeCloseTo(value("EDC") / value("EIT"), 12);
    expect(value("WUE")).toBeCloseTo(value("WIN") / (value("EIT") / 1000), 12);
    expect(value("ERF")).toBeCloseTo(value("EREUSE") / value("EDC"), 12);
    expect(value("REF")).toBeCloseTo(value("ERES-TOT") / value("EDC"), 12);
    expect(value("ERES-TOT")).toBeCloseTo(value("ERES-GOO") + value("ERES-PPA") + value("ERES-OS"), 9);
  });
  test("names the measurement points that each figure is from", () => {
    expect(fieldOf(report, "EIT").points).toEqual(["MP.UPS.OUT.1 (ups)"]);
    expect(fieldOf(report, "EDC").points).toEqual(["MP.PCC (pcc)", "MP.PV.1 (pv)", "MP.GEN.1 (gen)"]);
    expect(fieldOf(report, "WIN").points).toEqual(["MP.WATER.IN (water)"]);
  });
  test("a declaration in another unit is not taken", () => {
    expect(fieldOf(report, "SCR")).toMatchObject({ value: null, quality: "MISSING", notes: ["UNIT_DECLARED:ft²"] });
  });
  test("degree days say how many days had a temperature", () => {
    expect(fieldOf(report, "CDD")).toMatchObject({ value: 8, quality: "PARTLY_ESTIMATED" });
    expect(coolingDegreeDays([26, 23, 24])).toBe(8);
  });
  test("of a bare site says what is missing, and has no zero in its place", () => {
    const empty = euReport(inputOf(bare), []);
    for (const { value, notes, code } of empty.fields) expect(value !== null || notes.length > 0, code).toBe(true);
    expect(fieldOf(empty, "WIN")).toMatchObject({ value: null, quality: "MISSING" });
    expect(fieldOf(empty, "WIN").notes).toContain("POINT_MISSING:MP.WATER.IN");
    expect(fieldOf(empty, "PDIT")).toMatchObject({ value: 1200, notes: ["RATED_IT_LOAD"] });
  });
});

describe("the Chinese sheet", () => {
  const report = cnReport(inputOf(declared), []);
  test("is what it was, field by field", async () => {
    await expect(held(report)).toMatchFileSnapshot(golden("cn.json"));
  });
  test("judges by the dated figures in force, unrounded", () => {
    expect(fieldOf(report, "PUE").judged).toContainEqual(
      expect.objectContaining({ factor: "cn-dc-mean-pue", met: true }),
    );
    expect(fieldOf(report, "PUE").judged).toContainEqual(
      expect.objectContaining({ factor: "cn-dc-new-pue", met: false }),
    );
    expect(fieldOf(report, "RACK_USE")).toMatchObject({
      value: 0.82,
      quality: "DECLARED",
      source: "inventory of 2025",
    });
  });
  test("a PUE of 1.304 is grade 3, whatever it rounds to; beyond 1.5 is no grade; before 2022-11 there was none", () => {
    expect([1.2, 1.3, 1.304, 1.5, 1.501].map((pue) => energyGrade(pue, end))).toEqual([1, 2, 3, 3, 0]);
    expect(energyGrade(1.2, Date.UTC(2022, 9, 31))).toBeNull();
    expect(energyGrade(null, end)).toBeNull();
  });
  test("of a bare site says what is missing", () => {
    for (const { value, notes, code } of cnReport(inputOf(bare), []).fields)
      expect(value !== null || notes.length > 0, code).toBe(true);
  });
  test("has a place for each of the 16 indicators; those whose text was not read say so and take what the site declares", () => {
    const numbers = report.fields.flatMap(({ ref }) => /^指标 (\d+)$/.exec(ref)?.[1] ?? []).map(Number);
    expect(new Set(numbers)).toEqual(new Set(Array.from({ length: 16 }, (_, index) => index + 1)));
    expect(fieldOf(report, "INDICATOR_3")).toMatchObject({
      value: null,
      quality: "MISSING",
      notes: ["DECLARATION_MISSING:facts.INDICATOR_3", "INSTRUMENT_NOT_READ:工信厅联节函〔2025〕279号 annex 1"],
    });
    const facts = [{ field: "INDICATOR_3", value: 4, unit: null, note: null, source: "self-assessment 2025" }];
    const stated = { ...declared, declared: { ...declared.declared, facts } } as SiteModel;
    expect(fieldOf(cnReport(inputOf(stated), []), "INDICATOR_3")).toMatchObject({
      value: 4,
      quality: "DECLARED",
      source: "self-assessment 2025",
    });
  });
});

test("as a table a report keeps every field, with its points and notes", async () => {
  const rows = reportTable({ ...euReport(inputOf(declared), []), siteModel: "-" });
  expect(rows).toHaveLength(7 + 40);
  await expect(`${rows.map((row) => row.join("\t")).join("\n")}\n`).toMatchFileSnapshot(golden("eu.tsv"));
});
