import type { Account, AccountStep, JointSums } from "./account.ts";
import { alikeOf } from "./alike.ts";
import type { KpiEntry, Variant } from "./kpi/entry.ts";
import { catalogue } from "./kpi/index.ts";
import { coverageOf, inputIds, variantsOf } from "./kpi/inputs.ts";
import { createTermSum, isKnown, jointKey, type TermSum } from "./kpi/term-sum.ts";
import type { SiteModel } from "./model.ts";

/** The terms of every KPI over the accounts of a window, oldest first, so that a ratio never joins different minutes. */
export interface JointTerms {
  readonly add: (account: Account) => void;
  /** To be asked once. */
  readonly finish: () => Record<string, JointSums>;
}

interface Part {
  readonly entry: KpiEntry;
  readonly variant: Variant;
  readonly key: string;
  /** Place of the nodes it looks at among `sets`. */
  readonly set: number;
}

interface Plan {
  readonly parts: readonly Part[];
  readonly sets: readonly (readonly string[])[];
}

const plans = new WeakMap<SiteModel, Plan>();

const planOf = (site: SiteModel): Plan => {
  const model = alikeOf(site);
  const known = plans.get(model);
  if (known !== undefined) return known;
  const parts = new Map<string, Part>();
  const sets = new Map<readonly string[], number>();
  for (const entry of catalogue) {
    for (const variant of variantsOf(entry, model)) {
      const key = jointKey(entry, variant);
      const isAbsent = entry.results === "many" && variant.id === "";
      if (isAbsent || key === null || parts.has(key)) continue;
      const ids = inputIds(variant, model);
      const set = sets.get(ids) ?? sets.size;
      sets.set(ids, set);
      parts.set(key, { entry, variant, key, set });
    }
  }
  const plan = { parts: [...parts.values()], sets: [...sets.keys()] };
  plans.set(model, plan);
  return plan;
};

/** Quarters leave parts of an hour for the hour they belong to. */
export const createJointTerms = (model: SiteModel, step: AccountStep): JointTerms => {
  const { parts, sets } = planOf(model);
  const form = step === "15m" ? "raw" : "settled";
  const sums: readonly TermSum[] = parts.map(({ entry }) => createTermSum(entry, form, model.timeZone));
  const coverages = new Float64Array(sets.length);

  const addJoined = (account: Account, joint: NonNullable<Account["joint"]>): void => {
    for (let place = 0; place < parts.length; place++) {
      const key = parts[place]?.key ?? "";
      const own = Object.hasOwn(joint, key) ? joint[key] : undefined;
      if (own !== undefined) sums[place]?.add(account, own.goodMs, own.terms);
    }
  };

  return {
    add: (account) => {
      if (account.joint !== undefined) return addJoined(account, account.joint);
      const ms = account.end - account.start;
      // Many KPIs look at the same nodes.
      for (let set = 0; set < sets.length; set++) coverages[set] = coverageOf(account, sets[set] ?? []);
      for (let place = 0; place < parts.length; place++) {
        const part = parts[place];
        if (part === undefined) continue;
        const terms = part.entry.terms(account, model, part.variant);
        if (!isKnown(terms)) continue;
        const coverage = part.entry.unmetered === true ? 1 : (coverages[part.set] ?? 0);
        sums[place]?.add(account, coverage * ms, terms);
      }
    },
    finish: () => {
      const joint: Record<string, JointSums> = {};
      for (const [place, { key }] of parts.entries()) {
        const sum = sums[place]?.finish() ?? null;
        if (sum !== null) joint[key] = sum;
      }
      return joint;
    },
  };
};
