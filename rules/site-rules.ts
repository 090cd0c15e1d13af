import type { DeclaredRule, SiteModel, SiteRule } from "#energy";
import { looseLevels } from "./hysteresis.ts";
import { type Rule, withParameters } from "./rule.ts";
import { inOrder } from "./suppress.ts";

/** The rules as the site file changes them; those that are off are left out. Sites that change none share one list. */
export const rulesOf = (model: SiteModel, rules: readonly Rule[]): readonly Rule[] => {
  if (model.rules !== undefined) return standing(rules.map((rule) => changedRule(rule, model.rules?.[rule.id])));
  const known = unchanged.get(rules) ?? standing(rules);
  unchanged.set(rules, known);
  return known;
};

const standing = (rules: readonly Rule[]): readonly Rule[] => {
  const on = rules.filter(({ mode }) => mode !== "off");
  return inOrder(on) ?? on;
};
const unchanged = new WeakMap<readonly Rule[], readonly Rule[]>();

/** One rule with a site's mode and parameters. */
export const changedRule = (rule: Rule, change: SiteRule | undefined): Rule =>
  change === undefined ? rule : { ...withParameters(rule, change.parameters), mode: change.mode ?? rule.mode };

/** What a site file may change of a rule, and why some changes are refused: hysteresis holds there too. */
export const declaredRule = (rule: Rule): DeclaredRule => ({
  parameters: Object.keys(rule.parameters),
  refuse: (changed) =>
    looseLevels(withParameters(rule, changed)).map(({ parameters, message }) => ({
      parameter: parameters.find((name) => Object.hasOwn(changed, name)) ?? null,
      message,
    })),
});
