import type { Rating } from "../declared.ts";
import type { SiteModel } from "../model.ts";
import { deliveredGflop } from "../rating.ts";
import { inKilo, type KpiEntry, type Scope, type Sums } from "./entry.ts";
import { itNodes } from "./pue.ts";
import { iteusv } from "./server.ts";

// kpi.md §3.4: compute delivered = peak × hours × utilisation, an estimate. Servers only: the CPU utilisation that they
// report says nothing about accelerators.

const peaks = (model: SiteModel): readonly Rating[] =>
  (model.declared?.ratings ?? []).filter(({ kind, group }) => kind === "theoretical_peak" && group === "general");
const precisionOf = ({ precision, sparsity }: Rating): string => `${precision}:${sparsity}`;

const gflopOf = ({ used = 0 }: Sums, { model, variant }: Scope): number =>
  peaks(model)
    .filter((rating) => precisionOf(rating) === variant.id)
    .reduce((sum, { value, count }) => sum + deliveredGflop(value * count, used / 100), 0);

const flagsOf = ({ variant }: Scope): readonly string[] => [
  "THEORETICAL_PEAK",
  ...(variant.id.startsWith("UNKNOWN_PRECISION") ? ["UNKNOWN_PRECISION"] : []),
];

const perEnergy: KpiEntry = {
  id: "compute_energy",
  name: { en: "Compute delivered per energy", "zh-CN": "算力能效" },
  formula: "Σ theoretical peak of servers at one precision × hours × ITEUsv / E_IT",
  unit: "GFLOP/kWh",
  numUnit: "GFLOP",
  denUnit: "kWh",
  boundary: "compute of servers, accelerators left out; energy of all IT",
  range: { min: 0, max: null },
  standard: "算力能效 (aligned), peak × utilisation",
  window: "calendar year; shown by day and month",
  better: "higher",
  results: "many",
  joint: () => "server_use_it",
  missing: (model) => [
    ...(peaks(model).length > 0 ? [] : ["DECLARATION_MISSING:ratings (theoretical_peak, general)"]),
    ...((model.declared?.servers ?? []).length > 0 ? [] : ["POINT_MISSING:MP.CPU", "DECLARATION_MISSING:servers"]),
  ],
  ...(iteusv.lacks === undefined ? {} : { lacks: iteusv.lacks }),
  variants: (model) =>
    [...new Set(peaks(model).map(precisionOf))].map((id) => ({
      id,
      numerator: [],
      denominator: itNodes(model),
      factors: [itNodes(model)],
    })),
  terms: (account, model, variant) => ({ ...iteusv.terms(account, model, variant), it: inKilo(account.totals.itWh) }),
  ratio: (sums, _windowMs, scope) => ({
    numerator: gflopOf(sums, scope),
    denominator: sums.it ?? 0,
    flags: flagsOf(scope),
    estimated: true,
  }),
};

const gflopPerEflop = 1e9;

const energyPer: KpiEntry = {
  ...perEnergy,
  id: "energy_per_compute",
  name: { en: "Energy per compute delivered", "zh-CN": "单位算力能耗" },
  formula: "E_IT / (Σ theoretical peak of servers at one precision × hours × ITEUsv)",
  unit: "kWh/EFLOP",
  numUnit: "kWh",
  denUnit: "EFLOP",
  standard: "单位算力能耗 (aligned), peak × utilisation",
  better: "lower",
  denominatorOf: "count",
  ratio: (sums, _windowMs, scope) => ({
    numerator: sums.it ?? 0,
    denominator: gflopOf(sums, scope) / gflopPerEflop,
    flags: flagsOf(scope),
    estimated: true,
  }),
};

const carbonPer: KpiEntry = {
  ...energyPer,
  id: "carbon_per_compute",
  name: { en: "Carbon per compute delivered", "zh-CN": "单位算力碳排放" },
  formula: "CO2e / (Σ theoretical peak of servers at one precision × hours × ITEUsv)",
  unit: "kgCO2e/EFLOP",
  numUnit: "kgCO2e",
  boundary: "compute of servers, accelerators left out; carbon of the data centre",
  standard: "算力碳效 (aligned), peak × utilisation",
  factor: "carbon",
  joint: () => "server_use_carbon",
  missing: (model) => [
    ...(perEnergy.missing?.(model, { id: "", numerator: [], denominator: [] }) ?? []),
    ...(model.carbon === null ? ["DECLARATION_MISSING:carbon"] : []),
  ],
  terms: (account, model, variant) => ({
    ...iteusv.terms(account, model, variant),
    carbon: inKilo(account.totals.carbonG),
  }),
  ratio: (sums, _windowMs, scope) => ({
    numerator: sums.carbon ?? 0,
    denominator: gflopOf(sums, scope) / gflopPerEflop,
    flags: flagsOf(scope),
    estimated: true,
  }),
};

export const deliveredEntries: readonly KpiEntry[] = [perEnergy, energyPer, carbonPer];
