import type { PowerFactorTerms } from "./declared.ts";
import { billingPowerFactor } from "./phase.ts";

/** Reactive energy that a bill counts: both directions by their amounts, or their difference (kpi.md R24). */
export const billedReactive = (
  importKvarh: number,
  exportKvarh: number,
  reactive: PowerFactorTerms["reactive"],
): number => (reactive === "sum" ? Math.abs(importKvarh) + Math.abs(exportKvarh) : Math.abs(importKvarh - exportKvarh));

/** Per cent that the contract's table adds to the bill; null when the table has no row for the factor. */
export const factorAdjustment = (
  terms: PowerFactorTerms,
  activeKwh: number,
  reactiveKvarh: number,
): { readonly factor: number; readonly pct: number } | null => {
  const exact = billingPowerFactor(activeKwh, reactiveKvarh);
  if (exact === null) return null;
  // 水电财字〔1983〕215号: two decimals, rounded half up, before the table is read.
  const factor = Math.round(exact * 100) / 100;
  const row = terms.adjustment.find(({ atLeast }) => factor >= atLeast - 1e-9);
  return row === undefined ? null : { factor, pct: row.pct };
};
