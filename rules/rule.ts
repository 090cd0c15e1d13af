import { isMap, isScalar, LineCounter, parseDocument } from "yaml";
import { z } from "zod";
import type { Text } from "#energy";
import { type Severity, severities } from "./alert.ts";
import { createScope, type Expression, hasOpenDivision, type Scope, typeOfName, type ValueType } from "./expression.ts";
import { deviceConstants, factsOf, valueFacts } from "./vocabulary.ts";

/** A rule, checked and compiled: plain data and expressions, no thresholds in code. */
export interface Rule {
  readonly id: string;
  readonly version: number;
  readonly title: Text;
  readonly action: Text;
  /** `shadow`: evaluated and recorded, told to nobody. */
  readonly mode: "on" | "shadow";
  readonly on: "account" | "reading";
  readonly subject: "site" | "node" | "device";
  readonly inputs: readonly string[];
  /** Named values, in order; each may use those before it. */
  readonly lets: readonly Named[];
  /** As `lets`, recorded with the alert as what it was held against. */
  readonly thresholds: readonly Named[];
  /** In the file's order; within a subcode the severity rises. */
  readonly levels: readonly RuleLevel[];
  /** While one is true the rule does not judge: its state is not known. */
  readonly suppressIf: readonly Expression[];
  /** While one is true the rule does not apply. */
  readonly exempt: readonly Expression[];
  /** Silences of a device after which it is judged without a reading. */
  readonly lookAfterS: readonly Expression[];
  readonly group: RuleGroup | null;
  readonly blind: RuleBlind | null;
  /** The file as it was read. */
  readonly source: string;
  readonly file: string;
}

export interface Named {
  readonly name: string;
  readonly expression: Expression;
}

export interface RuleLevel {
  readonly severity: Severity;
  readonly subcode: string;
  readonly trigger: Expression;
  readonly holdOnS: number;
  readonly clear: Expression;
  readonly holdOffS: number;
}

/** One alert for the site in place of one per device, while more than `over` of its devices fire. */
export interface RuleGroup {
  readonly over: number;
  readonly under: number;
  readonly atLeast: number;
  readonly title: Text;
}

/** An alert of its own when inputs have been missing so long that nobody would be warned. */
export interface RuleBlind {
  readonly inputs: readonly string[];
  readonly severity: Severity;
  readonly holdOnS: number;
  readonly holdOffS: number;
  readonly title: Text;
}

export interface RuleFault {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

/** Subcodes that the engine gives itself. */
export const groupSubcode = "group";
export const blindSubcode = "blind";

const text = z.strictObject({ en: z.string().min(1), "zh-CN": z.string().min(1) });
const expression = z.string().min(1);
const seconds = z.number().int().min(0).max(31_536_000);
const subcode = z.string().regex(/^[a-z][a-z0-9-]{0,31}$/, "must be lower-case words joined by -");
const named = z.record(z.string().regex(/^[a-z][a-z0-9_]{0,63}$/, "must be lower-case words joined by _"), expression);

const shape = z
  .strictObject({
    id: z.string().regex(/^[A-Z][A-Z0-9-]{0,31}$/, "must be capitals and digits, such as R01"),
    version: z.number().int().min(1),
    mode: z.enum(["on", "shadow"]).default("on"),
    title: text,
    action: text,
    on: z.enum(["account", "reading"]),
    subject: z.enum(["site", "node", "device"]),
    inputs: z.array(z.string()).min(1),
    let: named.default({}),
    thresholds: named.default({}),
    levels: z
      .array(
        z.strictObject({
          severity: z.enum(severities),
          subcode,
          trigger: expression,
          hold_on_s: seconds,
          clear: z.string("a level needs a clear condition, tighter than its trigger").min(1),
          hold_off_s: seconds,
        }),
      )
      .min(1),
    suppress_if: z.array(expression).default([]),
    exempt: z.array(expression).default([]),
    look_after_s: z.array(expression).default([]),
    group: z
      .strictObject({
        over: z.number().gt(0).lt(1),
        under: z.number().gt(0).lt(1),
        at_least: z.number().int().min(2),
        title: text,
      })
      .optional(),
    blind: z
      .strictObject({
        inputs: z.array(z.string()).min(1),
        severity: z.enum(severities),
        hold_on_s: seconds,
        hold_off_s: seconds,
        title: text,
      })
      .optional(),
  })
  .superRefine((rule, context) => {
    const fault = (path: (string | number)[], message: string): void =>
      context.addIssue({ code: "custom", path, message });
    if ((rule.on === "account") === (rule.subject === "device")) {
      fault(["subject"], `must be ${rule.on === "account" ? "site or node" : "device"} for a rule on: ${rule.on}`);
    }
    if (rule.group !== undefined && rule.on === "account")
      fault(["group"], "only a rule on: reading has devices to group");
    if (rule.group !== undefined && rule.group.under >= rule.group.over) {
      fault(["group", "under"], "must be below over: a group needs hysteresis too");
    }
    if (rule.inputs.includes("age_s") && rule.look_after_s.length === 0) {
      fault(["inputs"], "a rule that reads age_s needs look_after_s, or silence is never looked at");
    }
    if (rule.subject === "device" && rule.inputs.some(isValue)) {
      rule.inputs.forEach((input, index) => {
        if (!isValue(input)) fault(["inputs", index], `a rule that reads values reads nothing else, got "${input}"`);
      });
      if (rule.group !== undefined) fault(["group"], "a rule that reads values has no group");
      if (rule.look_after_s.length > 0) fault(["look_after_s"], "a rule that reads values is judged when one comes");
    }
    rule.blind?.inputs.forEach((input, index) => {
      if (!rule.inputs.includes(input))
        fault(["blind", "inputs", index], `must be one of the rule's inputs, got "${input}"`);
    });
    rule.levels.forEach((level, index) => {
      if (level.subcode === groupSubcode || level.subcode === blindSubcode) {
        fault(["levels", index, "subcode"], `"${level.subcode}" is a subcode of the engine's own`);
      }
      const plain = bare(level.trigger);
      if (bare(level.clear) === plain || bare(level.clear) === `!(${plain})`) {
        fault(["levels", index, "clear"], "must be strictly tighter than the trigger: hysteresis is mandatory");
      }
      const before = rule.levels.slice(0, index).findLast((other) => other.subcode === level.subcode);
      if (before !== undefined && severities.indexOf(before.severity) >= severities.indexOf(level.severity)) {
        fault(
          ["levels", index, "severity"],
          `must be worse than ${before.severity}, the level before it in "${level.subcode}"`,
        );
      }
    });
  });

const isValue = (input: string): boolean => Object.hasOwn(valueFacts, input);

/** Judged on the values of a reading, not on whether one came. */
export const readsValues = (rule: Rule): boolean => rule.on === "reading" && rule.inputs.some(isValue);

const bare = (expression: string): string => expression.replaceAll(/\s+/g, "");

/** A rule file, or every fault in it with its place. Opens nothing. */
export const parseRule = (
  source: string,
  file: string,
): { readonly ok: true; readonly rule: Rule } | { readonly ok: false; readonly faults: readonly RuleFault[] } => {
  const places = findPlaces(source, file);
  if (places.faults.length > 0) return { ok: false, faults: places.faults };
  const shaped = shape.safeParse(places.value);
  if (!shaped.success) {
    const faults = shaped.error.issues.map((issue) =>
      places.fault(issue.path.map(String), keyed(issue.path.join("."), issueText(issue)), 0, unknownKey(issue)),
    );
    return { ok: false, faults };
  }
  const faults: RuleFault[] = [];
  const rule = compileRule(shaped.data, source, file, (path, message, at) =>
    faults.push(places.fault(path, message, at)),
  );
  return rule === null || faults.length > 0 ? { ok: false, faults } : { ok: true, rule };
};

type Shaped = z.infer<typeof shape>;
type Report = (path: readonly string[], message: string, at?: number) => void;

const compileRule = (shaped: Shaped, source: string, file: string, report: Report): Rule | null => {
  const facts = factsOf(shaped.subject);
  const declared: Record<string, ValueType> = {};
  shaped.inputs.forEach((input, index) => {
    const type = Object.hasOwn(facts, input) ? facts[input] : undefined;
    const path = ["inputs", String(index)];
    if (type === undefined) report(path, `unknown input "${input}", expected one of ${Object.keys(facts).join(", ")}`);
    else if (Object.hasOwn(declared, input)) report(path, `input "${input}" is listed twice`);
    else declared[input] = type;
  });
  const scope = createScope(declared);
  const constants = createScope(deviceConstants);
  const used = new Set<string>();
  const compile = (
    path: readonly string[],
    text: string,
    wanted: ValueType,
    within: Scope = scope,
  ): Expression | null => {
    const compiled = within.compile(text);
    if (!compiled.ok) {
      const hint = Object.keys(facts).some((fact) => compiled.message === `Unknown variable: ${fact}`);
      report(path, hint ? `${compiled.message} (list it under inputs)` : compiled.message, compiled.at);
      return null;
    }
    for (const name of compiled.expression.names) used.add(name);
    if (compiled.expression.type === wanted) return compiled.expression;
    report(path, `is a ${compiled.expression.type}, expected a ${wanted}`);
    return null;
  };
  const compileNamed = (section: "let" | "thresholds"): Named[] =>
    Object.entries(shaped[section]).flatMap(([name, text]) => {
      const path = [section, name];
      if (Object.hasOwn(facts, name) || scope.has(name)) {
        report(path, `"${name}" is taken already`);
        return [];
      }
      const compiled = compile(path, text, typeOfName(name));
      // Declared even when faulty, so that one fault is not reported again wherever the name is used.
      scope.declare(name, typeOfName(name));
      return compiled === null ? [] : [{ name, expression: compiled }];
    });
  const condition = (path: readonly string[], text: string): Expression[] => {
    const compiled = compile(path, text, "bool");
    if (compiled === null) return [];
    if (!hasOpenDivision(text)) return [compiled];
    report(path, "divides by a value that can be zero: give the quotient a name under let");
    return [];
  };
  const lets = compileNamed("let");
  const thresholds = compileNamed("thresholds");
  const levels = shaped.levels.flatMap((level, index): RuleLevel[] => {
    const [trigger] = condition(["levels", String(index), "trigger"], level.trigger);
    const [clear] = condition(["levels", String(index), "clear"], level.clear);
    if (trigger === undefined || clear === undefined) return [];
    const { severity, subcode, hold_on_s: holdOnS, hold_off_s: holdOffS } = level;
    return [{ severity, subcode, trigger, holdOnS, clear, holdOffS }];
  });
  const conditions = (section: "suppress_if" | "exempt"): Expression[] =>
    shaped[section].flatMap((text, index) => condition([section, String(index)], text));
  const suppressIf = conditions("suppress_if");
  const exempt = conditions("exempt");
  const lookAfterS = shaped.look_after_s.flatMap((text, index) => {
    const compiled = compile(["look_after_s", String(index)], text, "Time", constants);
    return compiled === null ? [] : [compiled];
  });
  const { id, version, mode, title, action, on, subject, inputs, group, blind } = shaped;
  return {
    id,
    version,
    mode,
    title,
    action,
    on,
    subject,
    inputs,
    lets,
    thresholds,
    levels,
    suppressIf,
    exempt,
    lookAfterS,
    group:
      group === undefined
        ? null
        : { over: group.over, under: group.under, atLeast: group.at_least, title: group.title },
    blind:
      blind === undefined
        ? null
        : {
            inputs: blind.inputs,
            severity: blind.severity,
            holdOnS: blind.hold_on_s,
            holdOffS: blind.hold_off_s,
            title: blind.title,
          },
    source,
    file,
  };
};

const issueText = (issue: z.core.$ZodIssue): string => {
  if (issue.code === "unrecognized_keys") return `unknown key ${issue.keys.map((key) => `"${key}"`).join(", ")}`;
  if (issue.code !== "invalid_type") return issue.message;
  return issue.message.replace(/^Invalid input: (expected \w+), received undefined$/, "is missing, $1");
};
const unknownKey = (issue: z.core.$ZodIssue): string | undefined =>
  issue.code === "unrecognized_keys" ? issue.keys[0] : undefined;
const keyed = (path: string, message: string): string => (path === "" ? message : `${path}: ${message}`);

/** The YAML as plain data, and for each path in it the line and column it came from. */
const findPlaces = (source: string, file: string) => {
  const counter = new LineCounter();
  const document = parseDocument(source, { lineCounter: counter, prettyErrors: false });
  const faultAt = (offset: number, message: string): RuleFault => {
    const { line, col } = counter.linePos(offset);
    return { file, line, column: col, message };
  };
  const startOf = (node: unknown): number | undefined =>
    (node as { range?: readonly number[] | null } | null | undefined)?.range?.[0];
  const keyOf = (node: unknown, key: string): unknown =>
    isMap(node) ? node.items.find((pair) => isScalar(pair.key) && pair.key.value === key)?.key : undefined;
  return {
    value: document.errors.length > 0 ? null : (document.toJS() as unknown),
    faults: document.errors.map((error) => faultAt(error.pos[0], error.message)),
    /** `within`: an offset in the text of the value; `key`: a key of the mapping at the path. */
    fault(path: readonly string[], message: string, within = 0, key?: string): RuleFault {
      for (let depth = path.length; depth >= 0; depth--) {
        const node: unknown = depth === 0 ? document.contents : document.getIn(path.slice(0, depth), true);
        const place = key !== undefined && depth === path.length ? keyOf(node, key) : undefined;
        const start = startOf(place ?? node);
        if (start !== undefined)
          return faultAt(start + (depth === path.length ? inScalar(source, node, start, within) : 0), message);
      }
      return faultAt(0, message);
    },
  };
};

// Folded and escaped texts have no simple offset: their faults point at where the text begins.
const inScalar = (source: string, node: unknown, start: number, within: number): number => {
  if (within === 0 || !isScalar(node) || typeof node.value !== "string") return 0;
  const quoted = node.type === "QUOTE_DOUBLE" || node.type === "QUOTE_SINGLE" ? 1 : 0;
  return source.slice(start + quoted).startsWith(node.value) ? quoted + within : 0;
};
