import type { Account } from "./account.ts";
import { minuteOfDay } from "./calendar.ts";
import { demandWindows } from "./demand.ts";
import type { SiteModel } from "./model.ts";

/** The highest demand windows of a span, with the minutes at its ends, so that neighbouring spans join exactly. */
export interface DemandPeaks {
  readonly windowMin: number;
  /** Highest complete window in W: blocks of the wall clock, and one window per minute. Null when none is complete. */
  readonly fixedW: number | null;
  readonly slidingW: number | null;
  /** Imports of the first and last minutes, Wh, one fewer than a window; null is a minute that is not known. */
  readonly headWh: readonly (number | null)[];
  readonly tailWh: readonly (number | null)[];
}

interface Span {
  readonly start: number;
  readonly end: number;
  readonly peaks: DemandPeaks;
}

const minuteMs = 60_000;
const usualWindowMin = 15;

export const hasBattery = (model: SiteModel): boolean =>
  model.nodes.some((node) => node.kind === "battery" && node.counting === "counted" && node.points.length > 0);

export const demandWindowMin = (model: SiteModel): number => model.demand?.windowMin ?? usualWindowMin;

const higher = (a: number | null, b: number | null): number | null =>
  a === null || b === null ? (a ?? b) : Math.max(a, b);

/** `import`: what the grid connections drew; `base`: what they would have drawn without storage. */
export type DemandOf = "import" | "base";

const minuteWh = ({ totals }: Account, of: DemandOf): number | null => {
  const { importWh, chargeWh, dischargeWh } = totals;
  if (of === "import" || importWh === null || chargeWh === null || dischargeWh === null)
    return of === "import" ? importWh : null;
  return importWh + dischargeWh - chargeWh;
};

const spanOf = (account: Account, windowMin: number, of: DemandOf): Span | null => {
  const { start, end } = account;
  const demand = of === "import" ? account.demand : account.baseDemand;
  if (demand !== undefined) return demand.windowMin === windowMin ? { start, end, peaks: demand } : null;
  if (end - start !== minuteMs) return null;
  const wh = minuteWh(account, of);
  const whole = windowMin === 1 && wh !== null ? wh * 60 : null;
  const minute = windowMin === 1 ? [] : [wh];
  return { start, end, peaks: { windowMin, fixedW: whole, slidingW: whole, headWh: minute, tailWh: minute } };
};

const join = (a: Span, b: Span, timeZone: string): Span => {
  const { windowMin } = a.peaks;
  const keep = windowMin - 1;
  const missing = Math.min(windowMin, Math.max(0, Math.round((b.start - a.end) / minuteMs)));
  const gap = new Array<null>(missing).fill(null);
  const seam = [...a.peaks.tailWh, ...gap, ...b.peaks.headWh];
  const seamStart = a.end - a.peaks.tailWh.length * minuteMs;
  let fixedW = higher(a.peaks.fixedW, b.peaks.fixedW);
  let slidingW = higher(a.peaks.slidingW, b.peaks.slidingW);
  demandWindows(seam, windowMin, "sliding").forEach((power, index) => {
    slidingW = higher(slidingW, power);
    if (minuteOfDay(seamStart + index * minuteMs, timeZone) % windowMin === 0) fixedW = higher(fixedW, power);
  });
  const { headWh } = a.peaks;
  const { tailWh } = b.peaks;
  return {
    start: a.start,
    end: b.end,
    peaks: {
      windowMin,
      fixedW,
      slidingW,
      headWh: headWh.length < keep ? [...headWh, ...gap, ...b.peaks.headWh].slice(0, keep) : headWh,
      tailWh: tailWh.length < keep ? [...a.peaks.tailWh, ...gap, ...tailWh].slice(-keep) : tailWh,
    },
  };
};

/** Demand over accounts, oldest first; a missing minute makes its windows unknown, never lower. */
export const demandPeaks = (
  accounts: readonly Account[],
  model: SiteModel,
  of: DemandOf = "import",
): DemandPeaks | null => {
  const windowMin = demandWindowMin(model);
  let whole: Span | null = null;
  for (const account of accounts) {
    const span = spanOf(account, windowMin, of);
    if (span !== null) whole = whole === null ? span : join(whole, span, model.timeZone);
  }
  return whole?.peaks ?? null;
};
