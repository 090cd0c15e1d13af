import type { Totals } from "../account.ts";
import type { SiteModel } from "../model.ts";
import { inKilo, type KpiEntry, type Terms } from "./entry.ts";

export const sources = (model: SiteModel): readonly string[] =>
  model.nodes
    .filter((node) => node.counting === "counted" && node.points.length > 0 && node.role !== "load")
    .map((node) => node.id);

/**
 * kpi.md §7.1 and §7.2: load has priority for renewables, then the battery, then the grid. What the grid put into the
 * battery is not import for load.
 */
export const shares = (totals: Totals): Terms => {
  const { renewableWh, gensetWh, importWh, exportWh, chargeWh, dischargeWh } = totals;
  const unknown = { generated: null, exported: null, load: null, imported: null, contracted: null };
  if (renewableWh === null || gensetWh === null || importWh === null || exportWh === null) return unknown;
  if (chargeWh === null || dischargeWh === null) return unknown;
  // By the supply meters: a loss that nobody meters is consumption too.
  const load = importWh - exportWh + renewableWh + gensetWh + dischargeWh - chargeWh;
  const surplus = Math.max(0, renewableWh - load);
  const greenCharge = Math.min(chargeWh, surplus);
  return {
    generated: inKilo(renewableWh),
    exported: inKilo(Math.min(exportWh, surplus - greenCharge)),
    load: inKilo(load),
    // What is left of generation after charging: what goes into storage is used when it comes out.
    contracted: inKilo(renewableWh - greenCharge),
    imported: inKilo(importWh - Math.min(importWh, chargeWh - greenCharge)),
  };
};

export const pick = (terms: Terms, ...names: string[]): Terms => {
  const picked: Record<string, number | null> = {};
  for (const name of names) picked[name] = terms[name] ?? null;
  return picked;
};

const selfConsumption: KpiEntry = {
  id: "self_consumption",
  window: "month and year; shown by day",
  name: { en: "Self-consumption", "zh-CN": "自发自用率" },
  formula: "(E_gen − E_export of generation) / E_gen",
  unit: "1",
  numUnit: "kWh",
  denUnit: "kWh",
  boundary: "site, on-site renewables",
  range: { min: 0, max: 1 },
  standard: "own definition, per minute",
  results: "one",
  variants: (model) => [{ id: "", numerator: sources(model), denominator: sources(model) }],
  terms: ({ totals }) => pick(shares(totals), "generated", "exported"),
  ratio: (sums) => ({
    numerator: (sums.generated ?? 0) - (sums.exported ?? 0),
    denominator: sums.generated ?? 0,
  }),
};

const selfSufficiency: KpiEntry = {
  id: "self_sufficiency",
  window: "month and year; shown by day",
  name: { en: "Self-sufficiency", "zh-CN": "自给率" },
  formula: "(E_load − E_import for load) / E_load; E_load = import − export + generation + discharge − charge",
  unit: "1",
  numUnit: "kWh",
  denUnit: "kWh",
  boundary: "site load",
  range: { min: 0, max: 1 },
  standard: "own definition, per minute",
  results: "one",
  variants: (model) => [{ id: "", numerator: sources(model), denominator: sources(model) }],
  terms: ({ totals }) => pick(shares(totals), "load", "imported"),
  ratio: (sums) => ({ numerator: (sums.load ?? 0) - (sums.imported ?? 0), denominator: sums.load ?? 0 }),
};

export const greenEntries: readonly KpiEntry[] = [selfConsumption, selfSufficiency];
