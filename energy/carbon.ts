import type { CarbonTerms } from "./model.ts";

// Grid mixes are published hourly; after two hours of silence the default is more honest than the last word.
export const carbonFreshMs = 7_200_000;

export interface Factor {
  readonly gPerKwh: number;
  readonly by: "device" | "default";
}

/** Grid factor in force: a fresh reading of the carbon device, otherwise the default, which is marked. */
export const gridFactor = (terms: CarbonTerms, reading: number | null): Factor =>
  reading === null ? { gPerKwh: terms.defaultGPerKwh, by: "default" } : { gPerKwh: reading, by: "device" };

/**
 * Location-based grams of a window: imports and on-site generators; exports are not deducted, storage was booked at
 * charging (kpi.md §6.3). Null when a generator ran and has no factor.
 */
export const supplyCarbon = (
  importWh: number,
  gensetWh: number,
  gridGPerKwh: number,
  gensetGPerKwh: number | null,
): number | null => {
  if (gensetWh > 0 && gensetGPerKwh === null) return null;
  return (importWh * gridGPerKwh + (gensetWh > 0 ? gensetWh * (gensetGPerKwh ?? 0) : 0)) / 1000;
};

/** The carbon-free share of the grid in force, 0..1; null when neither a fresh reading nor a default knows. */
export const carbonFreeShare = (
  terms: CarbonTerms,
  readingPct: number | null,
): { readonly share: number; readonly by: Factor["by"] } | null => {
  if (readingPct !== null) return { share: readingPct / 100, by: "device" };
  const pct = terms.defaultCarbonFreePct ?? null;
  return pct === null ? null : { share: pct / 100, by: "default" };
};

/**
 * Market-based kilograms of an import: what certificates cover counts nothing, the rest the residual mix. Certificates
 * beyond the import are not credited (kpi.md §6.3). Null when the import or the residual mix is not known.
 */
export const marketCarbon = (
  importKwh: number | null,
  certificatesKwh: number,
  residualGPerKwh: number | null,
): number | null =>
  importKwh === null || residualGPerKwh === null
    ? null
    : (Math.max(0, importKwh - certificatesKwh) * residualGPerKwh) / 1000;

/** Grams per kWh of a mix of sources: energy-weighted, null without energy. */
export const mixIntensity = (
  energy: Readonly<Record<string, number>>,
  gPerKwh: Readonly<Record<string, number>>,
): number | null => {
  let grams = 0;
  let total = 0;
  for (const [source, amount] of Object.entries(energy)) {
    const factor = Object.hasOwn(gPerKwh, source) ? gPerKwh[source] : undefined;
    if (factor === undefined) return null;
    grams += amount * factor;
    total += amount;
  }
  return total > 0 ? grams / total : null;
};
