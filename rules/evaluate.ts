import type { Alert } from "./alert.ts";
import type { Expression, Value } from "./expression.ts";
import { createProgram, type Program, type Slots } from "./program.ts";
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
  const plan = planOf(rule);
  const { slots } = begun(plan);
  const inputs: Record<string, number | string | null> = {};
  for (const { name, slot, isTold } of plan.given) {
    const value = facts[name] ?? null;
    slots[slot] = value ?? undefined;
    if (isTold) inputs[name] = textOf(value);
  }
  for (const { name, slot, run } of plan.lets) inputs[name] = textOf(put(slots, slot, run()));
  const thresholds: Record<string, number | string> = { ...rule.parameters };
  for (const { name, slot, run } of plan.thresholds) {
    const value = textOf(put(slots, slot, run()));
    if (value !== null) thresholds[name] = value;
  }
  const exempt = plan.exempt.some((run) => run() === true);
  const suppressed = isSuppressed || plan.suppressIf.some((run) => run() === true);
  return {
    standing: exempt ? "exempt" : "judged",
    levels: plan.levels.map(({ trigger, clear }) =>
      suppressed ? { trigger: null, clear: null } : { trigger: truth(trigger()), clear: truth(clear()) },
    ),
    blind: suppressed ? null : isBlind(rule, facts),
    inputs,
    thresholds,
  };
};

/** Whether anything of it could begin an alert: what most subjects need not be asked beyond. */
export const fires = (rule: Rule, facts: Facts): boolean => {
  if (isBlind(rule, facts)) return true;
  const plan = planOf(rule);
  const { slots } = begun(plan);
  for (const { name, slot } of plan.firing.given) slots[slot] = facts[name] ?? undefined;
  for (const { slot, run } of plan.firing.named) put(slots, slot, run());
  for (const { trigger } of plan.levels) if (trigger() === true) return true;
  return false;
};

/**
 * Whether a subject about which nothing is open is worth a judgement: what does not apply to it begins no alert, and need
 * not be asked further.
 */
export const mayBegin = (rule: Rule, facts: Facts): boolean => {
  const plan = planOf(rule);
  const { given, exempt } = plan.outside;
  if (exempt.length > 0) {
    const { slots } = begun(plan);
    for (const { name, slot } of given) slots[slot] = facts[name] ?? undefined;
    for (const run of exempt) if (run() === true) return false;
  }
  return fires(rule, facts);
};

type Run = () => Value | null;
interface Given {
  readonly name: string;
  readonly slot: number;
  /** An input or a window: an alert says what it was. */
  readonly isTold: boolean;
}
interface Step {
  readonly name: string;
  readonly slot: number;
  readonly run: Run;
}
interface Plan {
  readonly program: Program;
  readonly parameters: readonly (readonly [slot: number, value: number])[];
  readonly given: readonly Given[];
  readonly lets: readonly Step[];
  readonly thresholds: readonly Step[];
  readonly exempt: readonly Run[];
  readonly suppressIf: readonly Run[];
  readonly levels: readonly { readonly trigger: Run; readonly clear: Run }[];
  /** What the triggers depend on, by any way: asked of every subject every time. */
  readonly firing: { readonly given: readonly Given[]; readonly named: readonly Step[] };
  /** Exemptions that need no named value. */
  readonly outside: { readonly given: readonly Given[]; readonly exempt: readonly Run[] };
}

const plans = new WeakMap<Rule, Plan>();
// Sites that change parameters of a rule have one of their own, of the same expressions.
const programs = new WeakMap<Rule["lets"], Pick<Rule, "inputs" | "companions" | "windows"> & { program: Program }>();

const programOf = ({ lets, inputs, companions, windows }: Rule): Program => {
  const known = programs.get(lets);
  if (known?.inputs === inputs && known.companions === companions && known.windows === windows) return known.program;
  const program = createProgram();
  programs.set(lets, { program, inputs, companions, windows });
  return program;
};

const planOf = (rule: Rule): Plan => {
  const known = plans.get(rule);
  if (known !== undefined) return known;
  const program = programOf(rule);
  const stepOf = ({ name, expression }: Named): Step => ({
    ...{ name, slot: program.slotOf(name), run: program.compile(expression) },
  });
  const givenOf = (names: readonly string[], isTold: boolean) =>
    names.map((name): Given => ({ name, slot: program.slotOf(name), isTold }));
  const runOf = (expression: Expression): Run => program.compile(expression);
  const given = [
    ...givenOf(rule.inputs, true),
    ...givenOf(rule.companions, false),
    ...givenOf(
      rule.windows.map(({ name }) => name),
      true,
    ),
  ];
  const [lets, thresholds] = [rule.lets.map(stepOf), rule.thresholds.map(stepOf)];
  const needed = neededBy(rule);
  const isNeeded = ({ name }: { readonly name: string }): boolean => needed.has(name);
  const steps = [...lets, ...thresholds];
  const direct = rule.exempt.filter(({ names }) => !steps.some(({ name }) => names.includes(name)));
  const plan: Plan = {
    ...{ program, given, lets, thresholds },
    parameters: Object.entries(rule.parameters).map(([name, value]) => [program.slotOf(name), value]),
    exempt: rule.exempt.map(runOf),
    suppressIf: rule.suppressIf.map(runOf),
    levels: rule.levels.map(({ trigger, clear }) => ({ trigger: runOf(trigger), clear: runOf(clear) })),
    firing: { given: given.filter(isNeeded), named: steps.filter(isNeeded) },
    outside: {
      given: given.filter(({ name }) => direct.some(({ names }) => names.includes(name))),
      exempt: direct.map(runOf),
    },
  };
  plans.set(rule, plan);
  return plan;
};

const neededBy = (rule: Rule): ReadonlySet<string> => {
  const needed = new Set(rule.levels.flatMap(({ trigger }) => trigger.names));
  for (const { name, expression } of [...rule.lets, ...rule.thresholds].toReversed())
    if (needed.has(name)) for (const read of expression.names) needed.add(read);
  return needed;
};

const begun = ({ program, parameters }: Plan): Program => {
  const { slots } = program;
  for (const [slot, value] of parameters) slots[slot] = value;
  return program;
};

const isBlind = (rule: Rule, facts: Facts): boolean => {
  if (rule.blind === null) return false;
  for (const name of rule.blind.inputs) if ((facts[name] ?? null) === null) return true;
  return false;
};

const truth = (value: Value | null): boolean | null => (typeof value === "boolean" ? value : null);

/** Gives a value its name as it goes, so that the next may use it. */
const put = (slots: Slots, slot: number, value: Value | null): Value | null => {
  slots[slot] = value ?? undefined;
  return value;
};

const textOf = (value: Value | null): number | string | null => (typeof value === "boolean" ? String(value) : value);
