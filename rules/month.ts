import type { SiteModel } from "#energy";
import type { Facts } from "./evaluate.ts";
import { createLocalDay } from "./time-facts.ts";

/** Highest demand of a billing cycle; plain data. */
export interface MonthDemand {
  readonly cycle: string;
  readonly highestW: number;
  /** Without the newest completed window. */
  readonly beforeW: number;
}

export const noMonth: MonthDemand = { cycle: "", highestW: 0, beforeW: 0 };

const dayMs = 86_400_000;
const dayOf = createLocalDay();

/** A cycle begins on a day of the month, in the site's zone. */
export const monthAfter = (
  before: MonthDemand,
  model: SiteModel,
  start: number,
  { window_complete: isComplete, demand_w: demandW }: Facts,
): MonthDemand => {
  const startDay = model.demand?.cycleStartDay ?? 1;
  const cycle = dayOf(start - (startDay - 1) * dayMs, model.timeZone).slice(0, 7);
  const known = cycle === before.cycle ? before : { cycle, highestW: 0, beforeW: 0 };
  if (isComplete !== true || typeof demandW !== "number") return known;
  return { cycle, highestW: Math.max(known.highestW, demandW), beforeW: known.highestW };
};
