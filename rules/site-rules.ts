import type { SiteModel, SiteRule } from "#energy";
import { type Rule, withParameters } from "./rule.ts";

/** The rules as the site file changes them; those that are off are left out. */
export const rulesOf = (model: SiteModel, rules: readonly Rule[]): readonly Rule[] =>
  rules.map((rule) => changedRule(rule, model.rules?.[rule.id])).filter(({ mode }) => mode !== "off");

/** One rule with a site's mode and parameters. */
export const changedRule = (rule: Rule, change: SiteRule | undefined): Rule =>
  change === undefined ? rule : { ...withParameters(rule, change.parameters), mode: change.mode ?? rule.mode };
