import type { Alert } from "./alert.ts";
import type { Context, Expression, Value } from "./expression.ts";
import type { Named, Rule } from "./rule.ts";

/** Values by name; null is missing. */
export type Facts = Readonly<Record<string, Value | null>>;

/** What a rule saw. `null` is not known, and never false. */
export interface Finding {
  readonly standing: "judged" | "exempt";
  /** As the rule's levels. */
  readonly levels: readonly { readonly trigger: boolean | null; readonly clear: boolean | null }[];
  /** An input that must not be missing is missing. */
  readonly blind: boolean;
  readonly inputs: Alert["inputs"];
  readonly thresholds: Alert["thresholds"];
}

/** Judges one subject at one moment. The same rule and facts give the same finding. */
export const evaluate = (rule: Rule, facts: Facts): Finding => {
  const context: Record<string, Value> = {};
  const inputs: Record<string, number | string | null> = {};
  for (const name of rule.inputs) {
    const value = facts[name] ?? null;
    inputs[name] = typeof value === "boolean" ? String(value) : value;
    if (value !== null) context[name] = value;
  }
  for (const { name, value } of namedValues(rule.lets, context)) inputs[name] = value;
  const thresholds: Record<string, number | string> = {};
  for (const { name, value } of namedValues(rule.thresholds, context)) if (value !== null) thresholds[name] = value;
  const exempt = rule.exempt.some((expression) => expression.run(context) === true);
  const suppressed = rule.suppressIf.some((expression) => expression.run(context) === true);
  return {
    standing: exempt ? "exempt" : "judged",
    levels: rule.levels.map((level) =>
      suppressed
        ? { trigger: null, clear: null }
        : { trigger: truth(level.trigger, context), clear: truth(level.clear, context) },
    ),
    blind: rule.blind?.inputs.some((name) => (facts[name] ?? null) === null) ?? false,
    inputs,
    thresholds,
  };
};

const truth = (expression: Expression, context: Context): boolean | null => {
  const value = expression.run(context);
  return typeof value === "boolean" ? value : null;
};

/** Gives each value its name in the context as it goes, so that the next may use it. */
const namedValues = (named: readonly Named[], context: Record<string, Value>) =>
  named.map(({ name, expression }) => {
    const value = expression.run(context);
    if (value !== null) context[name] = value;
    return { name, value: typeof value === "boolean" ? String(value) : value };
  });
