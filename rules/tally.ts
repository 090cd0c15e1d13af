import { formatLocal, type SiteModel } from "#energy";
import type { Alert } from "./alert.ts";
import type { Facts } from "./evaluate.ts";
import type { Rule } from "./rule.ts";
import { blindSubcode } from "./rule-shape.ts";

/** By rule, how often it became active in its newest billing month, and the newest time; plain data. */
export type SavedTally = Readonly<Record<string, Count>>;
type Count = readonly [month: string, events: number, newest: string];

/** Counts for rules that read `month_events`. */
export interface Tally {
  note(alert: Alert): void;
  facts(rule: Rule, now: number): Facts;
  save(): SavedTally;
}

const dayMs = 86_400_000;
const quarterMs = 900_000;
const none: Facts = {};

/** Months begin on the day that the site file says of its demand cycle, in the site's zone. */
export const createTally = (model: SiteModel, rules: readonly Rule[], saved: SavedTally = {}): Tally => {
  const asked = new Set(rules.filter(({ inputs }) => inputs.includes("month_events")).map(({ id }) => id));
  const counts = new Map<string, Count>(Object.entries(saved));
  const before = ((model.demand?.cycleStartDay ?? 1) - 1) * dayMs;
  let quarter = Number.NaN;
  let month = "";
  // Asked at every reading; months begin at full quarters of an hour everywhere.
  const monthOf = (at: number): string => {
    const current = Math.floor(at / quarterMs);
    if (current !== quarter) [quarter, month] = [current, formatLocal(at - before, model.timeZone).slice(0, 7)];
    return month;
  };
  return {
    note(alert) {
      if (!asked.has(alert.rule) || alert.subcode === blindSubcode || alert.occurrences === 0) return;
      const newest = `${alert.id}/${alert.occurrences}`;
      const known = counts.get(alert.rule);
      if (known?.[2] === newest) return;
      const mine = monthOf(alert.changed.site);
      counts.set(alert.rule, [mine, (known?.[0] === mine ? known[1] : 0) + 1, newest]);
    },
    facts(rule, now) {
      if (!asked.has(rule.id)) return none;
      const known = counts.get(rule.id);
      return { month_events: known?.[0] === monthOf(now) ? known[1] : 0 };
    },
    save: () => Object.fromEntries(counts),
  };
};
