import type { DemandBilling } from "./model.ts";

/** Where the current demand window is heading. */
export interface DemandProjection {
  /** Mean power of the whole window if the load stays as it is. */
  readonly projectedW: number;
  /** Mean power that the rest of the window may still have; null when nothing of it is left. */
  readonly allowedW: number | null;
  /** What has to go now so that the limit holds; 0 when nothing has to, null when nothing of the window is left. */
  readonly shedW: number | null;
  /** Elapsed share of the window, 0..1. */
  readonly elapsed: number;
}

const msPerHour = 3_600_000;

/** kpi.md R16: `(E so far + P now × remaining) / window`. Energies in Wh, powers in W. */
export const demandProjection = (window: {
  readonly energySoFarWh: number;
  readonly elapsedMs: number;
  readonly windowMs: number;
  readonly nowW: number;
  readonly limitW: number;
}): DemandProjection => {
  const hours = window.windowMs / msPerHour;
  const leftHours = Math.max(0, window.windowMs - window.elapsedMs) / msPerHour;
  const projectedW = (window.energySoFarWh + window.nowW * leftHours) / hours;
  const allowedW = leftHours === 0 ? null : (window.limitW * hours - window.energySoFarWh) / leftHours;
  return {
    projectedW,
    allowedW,
    shedW: allowedW === null ? null : Math.max(0, window.nowW - allowedW),
    elapsed: Math.min(1, window.elapsedMs / window.windowMs),
  };
};

/**
 * Mean power of every demand window over consecutive minutes of energy (Wh), in order. `fixed`: blocks from the first
 * minute; `sliding`: one per minute, ending there. A missing minute makes its windows null, never lower.
 */
export const demandWindows = (
  minutesWh: readonly (number | null)[],
  windowMin: number,
  method: "fixed" | "sliding",
): readonly (number | null)[] => {
  const stride = method === "fixed" ? windowMin : 1;
  const windows: (number | null)[] = [];
  for (let start = 0; start + windowMin <= minutesWh.length; start += stride) {
    let sum: number | null = 0;
    for (let minute = start; minute < start + windowMin; minute++) {
      const wh: number | null = minutesWh[minute] ?? null;
      sum = wh === null || sum === null ? null : sum + wh;
    }
    windows.push(sum === null ? null : (sum * 60) / windowMin);
  }
  return windows;
};

/** Maximum demand in W over the windows that are complete; null when none is. */
export const maxDemand = (
  minutesWh: readonly (number | null)[],
  windowMin: number,
  method: "fixed" | "sliding",
): number | null => {
  const known = demandWindows(minutesWh, windowMin, method).filter((value) => value !== null);
  return known.length === 0 ? null : known.reduce((highest, value) => Math.max(highest, value), -Infinity);
};

/** Load factor as its two energies: what was drawn over what the peak would have drawn. Null without a peak. */
export const loadFactor = (
  energyKwh: number,
  hours: number,
  peakKw: number,
): { readonly numerator: number; readonly denominator: number } | null =>
  peakKw > 0 && hours > 0 ? { numerator: energyKwh, denominator: peakKw * hours } : null;

// Demand up to 105 % of the contract is billed as the contract (kpi.md §5.7).
const contractMargin = 1.05;

/**
 * The demand that a month is billed for, in the unit of its arguments; the readings of the rule are kpi.md §5.7. Billed
 * by capacity the contract is in kVA, and no maximum changes it.
 */
export const billedDemand = (maximum: number, contract: number, billing: DemandBilling): number => {
  if (billing === "actual") return maximum;
  if (billing === "capacity") return contract;
  const excess = maximum - contractMargin * contract;
  if (excess <= 0) return contract;
  return billing === "contract" ? maximum + excess : contract + 2 * excess;
};
