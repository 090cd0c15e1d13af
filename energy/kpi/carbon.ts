import type { Window } from "../calendar.ts";
import { marketCarbon } from "../carbon.ts";
import { certified } from "../certificate.ts";
import { factorAt } from "../factor.ts";
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
  usual: { max: 2.5 },
  window: "calendar year; shown by hour where the factor is hourly, and month",
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
  window: "calendar year; shown by hour and month",
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
  window: "hour and day",
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

const gridNodes = (model: SiteModel): readonly string[] =>
  model.nodes
    .filter((node) => node.kind === "grid" && node.counting === "counted" && node.points.length > 0)
    .map((node) => node.id);

const scope2 = {
  unit: "kgCO2e",
  numUnit: "kgCO2e",
  denUnit: "",
  range: { min: 0, max: null },
  results: "one",
  factor: "carbon",
} as const;

const gensetNodes = (model: SiteModel): readonly string[] =>
  model.nodes
    .filter(({ kind, counting, points }) => kind === "genset" && counting === "counted" && points.length > 0)
    .map(({ id }) => id);

const scope1: KpiEntry = {
  ...scope2,
  id: "scope1",
  name: { en: "Scope 1, generators", "zh-CN": "范围一排放（发电机）" },
  formula: "Σ energy of generators × their factor; gas and refrigerants are not metered here",
  boundary: "on-site generators",
  standard: "GHG Protocol (aligned)",
  window: "calendar year; shown by month",
  missing: (model) => {
    const has = gensetNodes(model).length > 0;
    if (!has) return ["POINT_MISSING:MP.GEN"];
    return (model.carbon?.gensetGPerKwh ?? null) === null ? ["DECLARATION_MISSING:carbon.genset_g_per_kwh"] : [];
  },
  variants: (model) => [{ id: "", numerator: gensetNodes(model), denominator: [], factors: [gensetNodes(model)] }],
  terms: ({ totals }) => ({ energy: inKilo(totals.gensetWh) }),
  ratio: ({ energy = 0 }, _windowMs, { model }) => ({
    numerator: (energy * (model.carbon?.gensetGPerKwh ?? 0)) / 1000,
    denominator: null,
  }),
};

// kpi.md §6.3: imports only; a generator is scope 1.
const scope2Location: KpiEntry = {
  ...scope2,
  id: "scope2_location",
  window: "calendar year; shown by month",
  name: { en: "Scope 2, location-based", "zh-CN": "范围二排放（基于位置）" },
  formula: "Σ import × factor of the grid at that time",
  boundary: "grid connections; exports are not deducted",
  standard: "GHG Protocol Scope 2:2015 (aligned), location-based",
  missing: (model) => (model.carbon === null ? ["DECLARATION_MISSING:carbon"] : []),
  variants: (model) => [{ id: "", numerator: gridNodes(model), denominator: [], factors: [gridNodes(model)] }],
  terms: ({ totals: { carbonG, gensetWh } }, { carbon }) => {
    if (carbonG === null || gensetWh === null) return { carbon: null };
    return { carbon: inKilo(carbonG - gensetWh * ((carbon?.gensetGPerKwh ?? 0) / 1000)) };
  },
  ratio: (sums) => ({ numerator: sums.carbon ?? 0, denominator: null }),
};

/** The residual mix of a window: the dated factor when the site names one, which must hold over all of it. */
const residualMix = (model: SiteModel, window: Window): number | null | string => {
  const id = model.declared?.factors.residual;
  if (id === undefined) return model.carbon?.residualGPerKwh ?? null;
  const [first, last] = [factorAt(id, window.start), factorAt(id, window.end - 1)];
  if (!first.ok || !last.ok) return `FACTOR_NOT_VALID:${id}`;
  return first.factor === last.factor ? first.factor.value : `FACTOR_CHANGES_WITHIN:${id}`;
};

const scope2Market: KpiEntry = {
  ...scope2,
  id: "scope2_market",
  window: "calendar year; shown by month",
  name: { en: "Scope 2, market-based", "zh-CN": "范围二排放（基于市场）" },
  formula: "(Σ import − contracts and certificates cancelled for the site) × residual mix",
  boundary: "grid connections; exports are not deducted",
  standard: "GHG Protocol Scope 2:2015 (aligned), market-based",
  factorUse: "residual",
  missing: (model) =>
    (model.carbon?.residualGPerKwh ?? null) === null && model.declared?.factors.residual === undefined
      ? ["DECLARATION_MISSING:carbon.residual_g_per_kwh"]
      : [],
  variants: (model) => [{ id: "", numerator: gridNodes(model), denominator: [], factors: [gridNodes(model)] }],
  terms: ({ totals }) => ({ import: inKilo(totals.importWh) }),
  ratio: (sums, _windowMs, { model, window }) => {
    const { kwh, flags } = certified(model, ["ppa", "green_trade", "goo", "gec"], window);
    const residual = residualMix(model, window);
    if (typeof residual === "string") return { numerator: Number.NaN, denominator: null, flags: [residual] };
    const numerator = marketCarbon(sums.import ?? 0, kwh, residual);
    return numerator === null ? null : { numerator, denominator: null, flags };
  },
};

export const carbonEntries: readonly KpiEntry[] = [carbon, cue, intensity, scope1, scope2Location, scope2Market];
