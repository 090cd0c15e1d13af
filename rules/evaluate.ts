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
  /** An input that must not be missing is missing; null while another alert says why. */
  readonly blind: boolean | null;
  readonly inputs: Alert["inputs"];
  readonly thresholds: Alert["thresholds"];
}

/** Judges one subject at one moment. The same rule and facts give the same finding. */
export const evaluate = (rule: Rule, facts: Facts, isSuppressed = false): Finding => {
  const context: Record<string, Value> = { ...rule.parameters };
  const inputs: Record<string, number | string | null> = {};
  for (const name of rule.inputs) inputs[name] = put(context, name, facts[name] ?? null);
  for (const name of rule.companions) put(context, name, facts[name] ?? null);
  for (const { name } of rule.windows) inputs[name] = put(context, name, facts[name] ?? null);
  for (const { name, value } of namedValues(rule.lets, context)) inputs[name] = value;
  const thresholds: Record<string, number | string> = { ...rule.parameters };
  for (const { name, value } of namedValues(rule.thresholds, context)) if (value !== null) thresholds[name] = value;
  const exempt = rule.exempt.some((expression) => expression.run(context) === true);
  const suppressed = isSuppressed || rule.suppressIf.some((expression) => expression.run(context) === true);
  return {
    standing: exempt ? "exempt" : "judged",
    levels: rule.levels.map((level) =>
      suppressed
        ? { trigger: null, clear: null }
        : { trigger: truth(level.trigger, context), clear: truth(level.clear, context) },
    ),
    blind: suppressed ? null : isBlind(rule, facts),
    inputs,
    thresholds,
  };
};

/** Whether anything of it could begin an alert: what most subjects need not be asked beyond. */
export const fires = (rule: Rule, facts: Facts): boolean => {
  if (isBlind(rule, facts)) return true;
  const { names, named } = firingOf(rule);
  const context: Record<string, Value> = { ...rule.parameters };
  for (const name of names) put(context, name, facts[name] ?? null);
  for (const { name, expression } of named) put(context, name, expression.run(context));
  return rule.levels.some((level) => level.trigger.run(context) === true);
};

/** What the triggers of a rule depend on, by any way: asked of every subject every time. */
const firingOf = (rule: Rule) => {
  const known = firings.get(rule);
  if (known !== undefined) return known;
  const needed = new Set(rule.levels.flatMap(({ trigger }) => trigger.names));
  const all = [...rule.lets, ...rule.thresholds];
  for (const { name, expression } of all.toReversed())
    if (needed.has(name)) for (const read of expression.names) needed.add(read);
  const given = [...rule.inputs, ...rule.companions, ...rule.windows.map(({ name }) => name)];
  const firing = { names: given.filter((name) => needed.has(name)), named: all.filter(({ name }) => needed.has(name)) };
  firings.set(rule, firing);
  return firing;
};
const firings = new WeakMap<Rule, { readonly names: readonly string[]; readonly named: readonly Named[] }>();

const isBlind = (rule: Rule, facts: Facts): boolean =>
  rule.blind?.inputs.some((name) => (facts[name] ?? null) === null) ?? false;

const truth = (expression: Expression, context: Context): boolean | null => {
  const value = expression.run(context);
  return typeof value === "boolean" ? value : null;
};

const put = (context: Record<string, Value>, name: string, value: Value | null): number | string | null => {
  if (value !== null) context[name] = value;
  return typeof value === "boolean" ? String(value) : value;
};

/** Gives each value its name in the context as it goes, so that the next may use it. */
const namedValues = (named: readonly Named[], context: Record<string, Value>) =>
  named.map(({ name, expression }) => ({ name, value: put(context, name, expression.run(context)) }));
