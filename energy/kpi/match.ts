import type { SiteModel } from "../model.ts";
import { inKilo, type KpiEntry } from "./entry.ts";
import { pick, shares, sources } from "./green.ts";

/** One hour of load, of contracted carbon-free energy, of imports for load, and the carbon-free share of the grid. */
export interface MatchHour {
  readonly load: number;
  readonly contracted: number;
  readonly imported: number;
  readonly gridShare: number;
}

/** What of an hour's load was matched by contracted energy: capped in the hour, surplus is lost (kpi.md §6.2). */
export const matchedEnergy = ({ load, contracted }: Pick<MatchHour, "load" | "contracted">): number =>
  Math.max(0, Math.min(load, contracted));

/** The same and the carbon-free part of what the grid gave the rest (kpi.md §6.1). */
export const carbonFreeEnergy = (hour: MatchHour): number => {
  const rest = Math.max(0, hour.load - matchedEnergy(hour));
  return matchedEnergy(hour) + Math.min(rest, Math.max(0, hour.imported)) * hour.gridShare;
};

const missing = ({ carbon }: SiteModel): readonly string[] =>
  carbon === null || (carbon.device === null && (carbon.defaultCarbonFreePct ?? null) === null)
    ? ["DECLARATION_MISSING:carbon.default_carbon_free_pct"]
    : [];

export const cfe: KpiEntry = {
  id: "cfe",
  window: "calendar year; shown by day and month",
  name: { en: "24/7 carbon-free energy", "zh-CN": "全天候无碳电力占比 CFE" },
  formula:
    "Σ_h (min(load, contracted) + import for the rest × carbon-free share of the grid) / Σ_h load; contracted = on-site renewables − their charge; discharge counts as not carbon-free",
  unit: "1",
  numUnit: "kWh",
  denUnit: "kWh",
  boundary: "site load, hour by hour; charging is not load",
  range: { min: 0, max: 1 },
  standard: "24/7 CFE score (aligned), discharge not credited",
  results: "one",
  factor: "carbon",
  missing,
  variants: (model) => [{ id: "", numerator: sources(model), denominator: sources(model) }],
  terms: ({ totals }) => ({
    ...pick(shares(totals), "load", "contracted", "imported"),
    gridImport: inKilo(totals.importWh),
    gridFree: inKilo(totals.carbonFreeWh),
  }),
  hourly: ({ load = 0, contracted = 0, imported = 0, gridImport = 0, gridFree = 0 }) => ({
    load,
    free: carbonFreeEnergy({ load, contracted, imported, gridShare: gridImport > 0 ? gridFree / gridImport : 0 }),
  }),
  ratio: (sums) => ({ numerator: sums.free ?? 0, denominator: sums.load ?? 0 }),
};

const hourlyMatching: KpiEntry = {
  id: "hourly_matching",
  window: "calendar year; shown by day and month",
  name: { en: "Hourly matching", "zh-CN": "小时级匹配率" },
  formula: "Σ_h min(load, on-site renewables − their charge) / Σ_h load",
  unit: "1",
  numUnit: "kWh",
  denUnit: "kWh",
  boundary: "site load, hour by hour; charging is not load",
  range: { min: 0, max: 1 },
  standard: "own definition, as proposed for GHG Protocol Scope 2, discharge not credited",
  results: "one",
  variants: (model) => [{ id: "", numerator: sources(model), denominator: sources(model) }],
  terms: ({ totals }) => pick(shares(totals), "load", "contracted"),
  hourly: ({ load = 0, contracted = 0 }) => ({ load, matched: matchedEnergy({ load, contracted }) }),
  ratio: (sums) => ({ numerator: sums.matched ?? 0, denominator: sums.load ?? 0 }),
};

export const matchEntries: readonly KpiEntry[] = [cfe, hourlyMatching];
