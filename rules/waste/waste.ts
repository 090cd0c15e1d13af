import type { Account, SiteModel } from "#energy";
import { createAccountFacts } from "../account-facts.ts";
import type { Alert } from "../alert.ts";
import { evaluate } from "../evaluate.ts";
import type { Rule } from "../rule.ts";

/** What an alert's rule says was lost while it lasted. null: not known in any minute. */
export interface Waste {
  readonly energyWh: number | null;
  /** At the site's mean cost of each minute, in its currency; null also where no tariff is known. */
  readonly cost: number | null;
  readonly carbonG: number | null;
  /** Minutes of the alert, and those whose loss is known. */
  readonly minutes: number;
  readonly knownMinutes: number;
}

const msPerHour = 3_600_000;
const none: Waste = { energyWh: null, cost: null, carbonG: null, minutes: 0, knownMinutes: 0 };

/** Adds up an alert's loss as accounts come, oldest first. */
export interface WasteMeter {
  take(accounts: readonly Account[]): void;
  waste(): Waste;
}

/**
 * Loss by the rule's own formula, minute by minute over the accounts, in which the alert was active. Money and carbon
 * are the loss's share of what the site used in that minute (`facilityWh`). Accounts come oldest first; those from
 * before the alert only fill the windows. null when the rule has no loss formula.
 */
export const wasteMeter = (
  alert: Alert,
  { rule, model, until }: { readonly rule: Rule; readonly model: SiteModel; readonly until: number },
): WasteMeter | null => {
  const { loss } = rule;
  const { active } = alert;
  if (loss === null) return null;
  if (rule.on !== "account" || active === null) return { take: () => undefined, waste: () => none };
  const facts = createAccountFacts(model, [rule]);
  const node = model.nodes.find(({ id }) => id === alert.subject) ?? null;
  let waste = none;
  return {
    take(accounts) {
      for (const account of accounts) {
        const seen = facts.at(account, new Set());
        const shareMs = Math.min(account.end, until) - Math.max(account.start, active);
        if (shareMs <= 0) continue;
        const known = rule.subject === "node" && node !== null ? seen.node(node) : seen.site;
        const { inputs } = evaluate(rule, known);
        const values = Object.entries({ ...rule.parameters, ...known, ...inputs }).filter(
          ([, value]) => value !== null,
        );
        const lossW = loss.run(Object.fromEntries(values) as Parameters<typeof loss.run>[0]);
        waste = added(waste, account, shareMs, typeof lossW === "number" ? lossW : null);
      }
    },
    waste: () => waste,
  };
};

const added = (waste: Waste, account: Account, shareMs: number, lossW: number | null): Waste => {
  const minutes = waste.minutes + shareMs / 60_000;
  if (lossW === null) return { ...waste, minutes };
  const energyWh = (lossW * shareMs) / msPerHour;
  const { facilityWh, cost, carbonG } = account.totals;
  const part = (amount: number | null): number | null =>
    amount === null || facilityWh === null || facilityWh <= 0 ? null : (amount * energyWh) / facilityWh;
  return {
    energyWh: (waste.energyWh ?? 0) + energyWh,
    cost: sumOf(waste.cost, part(cost)),
    carbonG: sumOf(waste.carbonG, part(carbonG)),
    minutes,
    knownMinutes: waste.knownMinutes + shareMs / 60_000,
  };
};

const sumOf = (sum: number | null, part: number | null): number | null => (part === null ? sum : (sum ?? 0) + part);
