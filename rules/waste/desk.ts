import { readAccounts, type SiteModel } from "#energy";
import { type Ledger, timestamp } from "#store";
import type { Alert } from "../alert.ts";
import { createBreath } from "../breath.ts";
import { alertKind, readAlert } from "../record.ts";
import type { Rule } from "../rule.ts";
import { changedRule } from "../site-rules.ts";
import { type Waste, wasteOf } from "./waste.ts";

export interface WasteQuery {
  readonly site: string;
  /** `[from, to)` of the alerts' start, UTC ms; at most 31 days. */
  readonly from: number;
  readonly to: number;
  readonly limit: number;
}

export interface WastedAlert {
  readonly alert: Alert;
  readonly waste: Waste;
}

export interface WasteDeps {
  readonly ledger: Ledger;
  readonly sites: readonly SiteModel[];
  readonly rules: readonly Rule[];
  readonly now: () => number;
}

const dayMs = 86_400_000;
// Longer ones are told for their first days.
const longestMs = 7 * dayMs;
const pageRows = 1000;
const sliceMs = 25;

/** Alerts whose rule has a loss formula, the dearest first; those whose loss is not known last. */
export const createWasteDesk = ({ ledger, sites, rules, now }: WasteDeps) => ({
  waste: async ({ site, from, to, limit }: WasteQuery): Promise<readonly WastedAlert[]> => {
    const model = sites.find(({ id }) => id === site);
    if (model === undefined) return [];
    const lossy = new Map(
      rules.flatMap((rule) => {
        const own = changedRule(rule, model.rules?.[rule.id]);
        return own.loss === null || own.mode === "off" ? [] : [[own.id, own] as const];
      }),
    );
    const found: WastedAlert[] = [];
    const breathe = createBreath(sliceMs);
    for (const alert of await alertsOf(ledger, site, from, to)) {
      const rule = lossy.get(alert.rule);
      if (rule === undefined || alert.active === null || alert.shadow === true) continue;
      const end = Math.min(alert.returned ?? alert.closed ?? now(), alert.active + longestMs);
      const first = Math.floor(alert.active / 60_000) * 60_000;
      const accounts = await readAccounts(ledger, site, "1m", first, end);
      const waste = wasteOf(alert, { rule, model, accounts, now: end });
      if (waste !== null) found.push({ alert, waste });
      await breathe();
    }
    return found.sort((a, b) => dearness(b) - dearness(a) || b.alert.start - a.alert.start).slice(0, limit);
  },
});

/** By energy: it is known wherever money or carbon is. */
const dearness = ({ waste }: WastedAlert): number => waste.energyWh ?? -1;

const alertsOf = async (ledger: Ledger, site: string, from: number, to: number): Promise<readonly Alert[]> => {
  const found: Alert[] = [];
  let cursor: string | null = null;
  do {
    const page: Awaited<ReturnType<Ledger["list"]>> = await ledger.list({
      ...{ kind: alertKind, site, from: timestamp(from), to: timestamp(to), limit: pageRows },
      ...(cursor === null ? {} : { cursor }),
    });
    for (const row of page.items) found.push(...[readAlert(row)].filter((alert) => alert !== null));
    cursor = page.next;
  } while (cursor !== null);
  return found;
};
