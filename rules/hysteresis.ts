import { Environment } from "@marcbachmann/cel-js";
import type { Context, Expression, Scope, Value } from "./expression.ts";
import { isNode } from "./needs.ts";
import type { Rule, RuleLevel } from "./rule.ts";
import { vocabularyOf } from "./vocabulary.ts";

/** One value that both trigger and clear are about, and the two bounds it is held against. */
export interface Bounds {
  /** The trigger is above its bound. */
  readonly isUpper: boolean;
  readonly trigger: Expression;
  readonly clear: Expression;
  /** Clear asks for nothing else: then equal bounds are no hysteresis either. */
  readonly isAlone: boolean;
}

/** A level that would clear while it triggers. */
export interface Loose {
  readonly level: number;
  /** Parameters that its bounds are made of. */
  readonly parameters: readonly string[];
  readonly message: string;
}

interface Comparison {
  readonly subject: string;
  readonly isAbove: boolean;
  readonly bound: string;
}

const above = new Set([">", ">="]);
const below = new Set(["<", "<="]);

const comparisonsIn = (text: string): readonly Comparison[] => {
  const slice = (node: object): string => {
    const { start, end } = node as { readonly start: number; readonly end: number };
    return text.slice(start, end).replaceAll(/\s+/g, " ");
  };
  const visit = (node: unknown): readonly Comparison[] => {
    if (!isNode(node) || !Array.isArray(node.args)) return [];
    const [left, right] = node.args as readonly unknown[];
    if (node.op === "&&" || node.op === "||") return [...visit(left), ...visit(right)];
    if (!isNode(left) || !isNode(right) || !(above.has(node.op) || below.has(node.op))) return [];
    return [{ subject: slice(left), isAbove: above.has(node.op), bound: slice(right) }];
  };
  return visit(new Environment({ unlistedVariablesAreDyn: true }).parse(text).ast);
};

/** The pairs of bounds of one level; texts that compiled. */
export const boundsOf = (trigger: string, clear: string, scope: Scope): readonly Bounds[] => {
  const clears = comparisonsIn(clear);
  return comparisonsIn(trigger).flatMap(({ subject, isAbove, bound }) =>
    clears
      .filter((one) => one.subject === subject && one.isAbove !== isAbove)
      .flatMap((one) => {
        const [on, off] = [scope.compile(bound), scope.compile(one.bound)];
        return on.ok && off.ok
          ? [{ isUpper: isAbove, trigger: on.expression, clear: off.expression, isAlone: clears.length === 1 }]
          : [];
      }),
  );
};

// Inputs of any size: a bound that is a share of a rating has no value without one.
const sizes = [1, 100, 1e4, 1e6];

/** Levels of a rule that, with its parameters, clear while they trigger. Bounds without a parameter are not looked at. */
export const looseLevels = (rule: Rule): readonly Loose[] => {
  const contexts = sizes.map((size) => contextAt(rule, size));
  return rule.levels.flatMap((level, index) =>
    level.bounds.flatMap((bounds) => {
      const parameters = parametersOf(rule, bounds);
      const found = parameters.length === 0 ? null : looseAt(bounds, contexts, readsInputs(rule, bounds));
      return found === null ? [] : [{ level: index, parameters, message: told(level, bounds, found) }];
    }),
  );
};

const looseAt = (
  bounds: Bounds,
  contexts: readonly Context[],
  readsInputs: boolean,
): readonly [on: number, off: number] | null => {
  for (const context of contexts) {
    const [on, off] = [bounds.trigger.run(context), bounds.clear.run(context)];
    if (typeof on !== "number" || typeof off !== "number") continue;
    // An input of no sense, such as a negative room, turns shares of it around.
    if (on <= 0 && readsInputs) continue;
    const over = bounds.isUpper ? off - on : on - off;
    if (over > 0 || (over === 0 && on !== 0 && bounds.isAlone)) return [on, off];
  }
  return null;
};

const told = ({ severity, subcode }: RuleLevel, { isUpper }: Bounds, [on, off]: readonly [number, number]): string =>
  `${severity} of "${subcode}" triggers ${isUpper ? "above" : "below"} ${short(on)} and would clear ${
    isUpper ? "below" : "above"
  } ${short(off)}: clear must be tighter than trigger`;

const short = (value: number): string => String(Number(value.toPrecision(6)));

const contextAt = (rule: Rule, size: number): Context => {
  const context: Record<string, Value> = {};
  const { type } = vocabularyOf(rule.on, rule.subject, rule.inputs);
  for (const name of rule.inputs) context[name] = type(name) === "bool" ? true : type(name) === "string" ? "" : size;
  for (const name of rule.companions) context[name] = name.endsWith("_absent") ? false : size;
  for (const { name } of rule.windows) context[name] = size;
  Object.assign(context, rule.parameters);
  for (const { name, expression } of [...rule.lets, ...rule.thresholds]) {
    const value = expression.run(context);
    if (value !== null) context[name] = value;
  }
  return context;
};

const namesUnder = (rule: Rule, names: readonly string[]): ReadonlySet<string> => {
  const named = new Map([...rule.lets, ...rule.thresholds].map(({ name, expression }) => [name, expression.names]));
  const seen = new Set<string>();
  const visit = (name: string): void => {
    if (seen.has(name)) return;
    seen.add(name);
    for (const one of named.get(name) ?? []) visit(one);
  };
  for (const name of names) visit(name);
  return seen;
};

const parametersOf = (rule: Rule, { trigger, clear }: Bounds): readonly string[] =>
  [...namesUnder(rule, [...trigger.names, ...clear.names])].filter((name) => Object.hasOwn(rule.parameters, name));

const readsInputs = (rule: Rule, { trigger, clear }: Bounds): boolean => {
  const under = namesUnder(rule, [...trigger.names, ...clear.names]);
  return [...rule.inputs, ...rule.windows.map(({ name }) => name)].some((name) => under.has(name));
};
