import type { SiteModel } from "../model.ts";
import { inKilo, type KpiEntry } from "./entry.ts";
import { itNodes } from "./pue.ts";

const supplyNodes = (model: SiteModel, withRenewables: boolean): readonly string[] =>
  model.nodes
    .filter((node) => node.counting === "counted" && node.points.length > 0)
    .filter(
      ({ kind }) => kind === "grid" || kind === "genset" || (withRenewables && (kind === "pv" || kind === "wind")),
    )
    .map((node) => node.id);

const standard = "ISO/IEC 30134-8:2022 (aligned), location-based";

// kpi.md §2.9 and §6.3: imports and generators; exports are not deducted.
const cue: KpiEntry = {
  id: "cue",
  name: { en: "Carbon usage effectiveness", "zh-CN": "碳利用效率 CUE" },
  formula: "Σ CO2e of imports and generators / E_IT",
  unit: "kgCO2e/kWh",
  numUnit: "kgCO2e",
  denUnit: "kWh",
  boundary: "data centre, use phase",
  range: { min: 0, max: null },
  standard,
  results: "one",
  factor: "carbon",
  variants: (model) => [
    {
      id: "",
      numerator: supplyNodes(model, false),
      denominator: itNodes(model),
      factors: [supplyNodes(model, false), itNodes(model)],
    },
  ],
  terms: ({ totals }) => ({ carbon: inKilo(totals.carbonG), it: inKilo(totals.itWh) }),
  ratio: (sums) => ({ numerator: sums.carbon ?? 0, denominator: sums.it ?? 0 }),
};

const carbon: KpiEntry = {
  id: "carbon",
  name: { en: "Carbon emitted", "zh-CN": "碳排放量" },
  formula: "Σ import × grid factor + generators × their factor",
  unit: "kgCO2e",
  numUnit: "kgCO2e",
  denUnit: "",
  boundary: "site, scope 2 location-based and generators",
  range: { min: 0, max: null },
  standard: "GHG Protocol Scope 2:2015 (aligned), location-based",
  results: "one",
  factor: "carbon",
  variants: (model) => [
    { id: "", numerator: supplyNodes(model, false), denominator: [], factors: [supplyNodes(model, false)] },
  ],
  terms: ({ totals }) => ({ carbon: inKilo(totals.carbonG) }),
  ratio: (sums) => ({ numerator: sums.carbon ?? 0, denominator: null }),
};

const intensity: KpiEntry = {
  id: "carbon_intensity",
  name: { en: "Carbon intensity of supply", "zh-CN": "供电碳强度" },
  formula: "Σ CO2e / Σ (import + renewables + generators)",
  unit: "gCO2e/kWh",
  numUnit: "gCO2e",
  denUnit: "kWh",
  boundary: "site supply",
  range: { min: 0, max: null },
  standard: "own definition",
  results: "one",
  factor: "carbon",
  variants: (model) => [{ id: "", numerator: supplyNodes(model, false), denominator: supplyNodes(model, true) }],
  terms: ({ totals }) => ({
    carbon: totals.carbonG,
    import: inKilo(totals.importWh),
    renewable: inKilo(totals.renewableWh),
    genset: inKilo(totals.gensetWh),
  }),
  ratio: (sums) => ({
    numerator: sums.carbon ?? 0,
    denominator: (sums.import ?? 0) + (sums.renewable ?? 0) + (sums.genset ?? 0),
  }),
};

export const carbonEntries: readonly KpiEntry[] = [carbon, cue, intensity];
