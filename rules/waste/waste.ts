import type { Account, SiteModel, SiteNode } from "#energy";
import { createAccountFacts } from "../account-facts.ts";
import type { Alert } from "../alert.ts";
import { evaluate, type Facts } from "../evaluate.ts";
import type { Context, Expression } from "../expression.ts";
import type { Rule } from "../rule.ts";
import { lossKeeps } from "./keeps.ts";

/** What an alert's rule says was lost while it lasted. null: not known in any minute, or not of its kind. */
export interface Waste {
  readonly energyWh: number | null;
  /** By the rule's own formula, or at the site's mean cost of each minute; null also where no tariff is known. */
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
 * Loss by the rule's own formula, minute by minute over the accounts, in which the alert was active. Unless the rule
 * says its money, money and carbon are the loss's share of what the site used in that minute (`facilityWh`). What no
 * minute tells (windows, what was learned, the readings of a rule on readings) is as it was when the alert became
 * active. Accounts come oldest first; those from before the alert only fill what a minute looks back on. null when the
 * rule has no loss formula.
 */
export const wasteMeter = (
  alert: Alert,
  { rule, model, until }: { readonly rule: Rule; readonly model: SiteModel; readonly until: number },
): WasteMeter | null => {
  const { loss } = rule;
  const { active } = alert;
  if (loss === null) return null;
  if (active === null) return { take: () => undefined, waste: () => none };
  const facts = createAccountFacts(model, [rule]);
  const node = rule.subject === "site" ? null : nodeOf(model, alert.subject);
  const kept = keptFacts(rule, alert);
  let waste = none;
  let once: number | null = null;
  return {
    take(accounts) {
      for (const account of accounts) {
        const seen = facts.at(account, new Set());
        const shareMs = Math.min(account.end, until) - Math.max(account.start, active);
        if (shareMs <= 0) continue;
        const context = contextOf(rule, node === null ? seen.site : seen.node(node), kept);
        const value = (part: Expression | null): number | null => {
          const result = part?.run(context) ?? null;
          return typeof result === "number" ? result : null;
        };
        const onceNow = value(loss.moneyOnce);
        if (onceNow !== null) once = Math.max(once ?? 0, onceNow);
        const perH = value(loss.moneyPerH);
        const lostW = value(loss.power);
        waste = added(waste, account, shareMs, lostW, {
          isKnown: lostW !== null || perH !== null || onceNow !== null,
          cost: perH === null ? null : (perH * shareMs) / msPerHour,
          hasOwnCost: loss.moneyPerH !== null || loss.moneyOnce !== null,
        });
      }
    },
    waste: () => (once === null ? waste : { ...waste, cost: (waste.cost ?? 0) + once }),
  };
};

/** Itself, or the only node whose only meter the device is. */
const nodeOf = (model: SiteModel, subject: string): SiteNode | null =>
  model.nodes.find(({ id }) => id === subject) ??
  model.nodes.find(({ points }) => points.length === 1 && points[0]?.device === subject) ??
  null;

const keptFacts = (rule: Rule, { lossInputs = {} }: Alert): Facts =>
  Object.fromEntries(lossKeeps(rule).map((name) => [name, lossInputs[name] ?? null]));

/** Facts of a node come with those of its site: the formula may name either. */
const contextOf = (rule: Rule, now: Facts, kept: Facts): Context => {
  const facts: Record<string, Facts[string]> = {};
  for (const name in now) facts[name] = now[name] ?? null;
  Object.assign(facts, kept);
  // A device that is a meter of its own has an account of its own.
  if (rule.subject === "device" && "power_w" in kept && typeof now.mean_w === "number") facts.power_w = now.mean_w;
  for (const name of rule.companions)
    if (name.endsWith("_absent")) facts[name] = (facts[name.slice(0, -"_absent".length)] ?? null) === null;
  const { inputs, thresholds } = evaluate(rule, facts);
  const known = { ...rule.parameters, ...facts, ...inputs, ...thresholds };
  return Object.fromEntries(Object.entries(known).filter(([, value]) => value !== null)) as Context;
};

const added = (
  waste: Waste,
  account: Account,
  shareMs: number,
  lostW: number | null,
  own: { readonly isKnown: boolean; readonly cost: number | null; readonly hasOwnCost: boolean },
): Waste => {
  const minutes = waste.minutes + shareMs / 60_000;
  if (!own.isKnown) return { ...waste, minutes };
  const energyWh = lostW === null ? null : (lostW * shareMs) / msPerHour;
  const { facilityWh, cost, carbonG } = account.totals;
  const part = (amount: number | null): number | null =>
    energyWh === null || amount === null || facilityWh === null || facilityWh <= 0
      ? null
      : (amount * energyWh) / facilityWh;
  return {
    energyWh: sumOf(waste.energyWh, energyWh),
    cost: sumOf(waste.cost, own.hasOwnCost ? own.cost : part(cost)),
    carbonG: sumOf(waste.carbonG, part(carbonG)),
    minutes,
    knownMinutes: waste.knownMinutes + shareMs / 60_000,
  };
};

const sumOf = (sum: number | null, part: number | null): number | null => (part === null ? sum : (sum ?? 0) + part);
