import type { Account } from "#energy";
import { createLocalDay } from "./time-facts.ts";

/** Energy since the civil year began, as far as it was recorded here. */
export interface YearSums {
  readonly year: string;
  readonly facts: {
    readonly year_green_wh: number;
    readonly year_total_wh: number;
    readonly year_renewable_wh: number;
    readonly year_export_wh: number;
  };
}

const dayOf = createLocalDay();
const zero: YearSums["facts"] = { year_green_wh: 0, year_total_wh: 0, year_renewable_wh: 0, year_export_wh: 0 };
export const noYear: YearSums = { year: "", facts: zero };

/** Minutes in which one of the terms is missing count in none of them: the ratio is one of the same time. */
export const yearAfter = (before: YearSums, account: Account, timeZone: string): YearSums => {
  const year = dayOf(account.start, timeZone).slice(0, 4);
  const sums = year === before.year ? before.facts : zero;
  const { renewableWh, exportWh, loadWh } = account.totals;
  if (renewableWh === null || exportWh === null || loadWh === null) return { year, facts: sums };
  return {
    year,
    facts: {
      year_green_wh: sums.year_green_wh + renewableWh - exportWh,
      year_total_wh: sums.year_total_wh + loadWh,
      year_renewable_wh: sums.year_renewable_wh + renewableWh,
      year_export_wh: sums.year_export_wh + exportWh,
    },
  };
};
