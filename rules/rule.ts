import type { Text } from "#energy";
import type { Severity } from "./alert.ts";
import {
  createScope,
  type Expression,
  functionNames,
  hasOpenDivision,
  type Scope,
  typeOfName,
  type ValueType,
} from "./expression.ts";
import { type Bounds, boundsOf, looseLevels } from "./hysteresis.ts";
import { findPlaces, type RuleFault } from "./rule-places.ts";
import { ruleShape, type Shaped, type WindowFunction } from "./rule-shape.ts";
import {
  derivedValue,
  deviceConstants,
  modelConstants,
  placesOfName,
  readsSilence,
  typeOfValue,
  type Vocabulary,
  vocabularyOf,
} from "./vocabulary.ts";
import { expressionText, issueText, keyed, meant, typeText, unknownKey } from "./wording.ts";

/** A rule, checked and compiled: plain data and expressions, no thresholds in code. */
export interface Rule {
  readonly id: string;
  readonly version: number;
  readonly title: Text;
  readonly action: Text;
  /** `shadow`: evaluated and recorded, told to nobody; `off`: not evaluated. */
  readonly mode: "on" | "shadow" | "off";
  readonly on: "account" | "reading";
  readonly subject: "site" | "node" | "device";
  readonly inputs: readonly string[];
  /** A rule on values is about devices that report one of these. */
  readonly needs: readonly string[];
  /** Until when the last known value of an input stands in for a missing one, s. */
  readonly maxAgeS: Readonly<Record<string, number>>;
  /** Ages and absences of inputs that some expression reads. */
  readonly companions: readonly string[];
  readonly points: readonly RulePoint[];
  /** Numbers that a site file may change; in the base unit of their suffix. */
  readonly parameters: Readonly<Record<string, number>>;
  readonly windows: readonly RuleWindow[];
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
  /** As `suppressIf`, while an alert of another rule is open. */
  readonly suppressedBy: readonly Suppressor[];
  /** An alert of another rule makes its own worse. */
  readonly raisedBy: readonly Raiser[];
  /** Power that is lost while its alert is active; null: it says nothing about that. */
  readonly loss: RuleLoss | null;
  /** Shortest time between two judgements of one subject; null: whenever something comes. */
  readonly everyS: number | null;
  /** Which devices it is about; null: all of them. */
  readonly where: Expression | null;
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

export interface RulePoint {
  readonly name: string;
  readonly device: string;
  readonly quantity: string;
  readonly maxAgeS: number;
}

export interface RuleWindow extends Named {
  readonly how: WindowFunction;
  readonly overS: number;
  /** How long ago the window ended. */
  readonly agoS: number;
  readonly q: number;
  /** Share of the window that must be known. */
  readonly least: number;
}

/** What an alert costs while it is active. */
export interface RuleLoss {
  readonly power: Expression | null;
  /** Money an hour in place of the energy at the site's mean cost. */
  readonly moneyPerH: Expression | null;
  /** Charged once: the highest that it came to. */
  readonly moneyOnce: Expression | null;
}

/** Alerts of another rule that concern a subject of this one. */
export interface RuleLink {
  readonly rule: string;
  /**
   * Its alert about anything of the site, about the same subject, about that or something above it in the tree, or under
   * it, or about what counts in the site's balance.
   */
  readonly within: "site" | "subject" | "above" | "below" | "balance";
  /** Its alerts of these subcodes; null: of any. */
  readonly subcodes: readonly string[] | null;
}

export interface Suppressor extends RuleLink {
  /** Only so long after it started, s; null: as long as it is open. */
  readonly forS: number | null;
  /** So long after it ended too, s. */
  readonly afterS: number;
}

export interface Raiser extends RuleLink {
  /** Which alerts of this rule; null: all that its levels raise. */
  readonly own: readonly string[] | null;
  readonly to: Severity;
}

export interface RuleLevel {
  readonly severity: Severity;
  readonly subcode: string;
  readonly trigger: Expression;
  readonly holdOnS: number;
  readonly clear: Expression;
  readonly holdOffS: number;
  /** Where trigger and clear hold the same value against a bound each. */
  readonly bounds: readonly Bounds[];
  /** The parameters that the holds are, where they are. */
  readonly holds: { readonly on: string | null; readonly off: string | null };
}

/** One alert for the site, or for a gateway, in place of one per device while more than `over` of its devices fire. */
export interface RuleGroup {
  readonly over: number;
  readonly under: number;
  readonly atLeast: number;
  readonly title: Text;
  readonly gateway: Text | null;
}

/** An alert of its own when inputs have been missing so long that nobody would be warned. */
export interface RuleBlind {
  readonly inputs: readonly string[];
  readonly severity: Severity;
  readonly holdOnS: number;
  readonly holdOffS: number;
  readonly title: Text;
}

/** Judged on the values of a device, not on whether one came. */
export const readsValues = (rule: Rule): boolean =>
  rule.on === "reading" && rule.subject === "device" && !readsSilence(rule.inputs);

/** Judged on a device's silence. */
export const watchesSilence = (rule: Rule): boolean =>
  rule.on === "reading" && rule.subject === "device" && readsSilence(rule.inputs);

/** A rule file, or every fault in it with its place. Opens nothing. */
export const parseRule = (
  source: string,
  file: string,
): { readonly ok: true; readonly rule: Rule } | { readonly ok: false; readonly faults: readonly RuleFault[] } => {
  const places = findPlaces(source, file);
  if (places.faults.length > 0) return { ok: false, faults: places.faults };
  const shaped = ruleShape.safeParse(places.value);
  if (!shaped.success) {
    const faults = shaped.error.issues.map((issue) =>
      places.fault(
        issue.path.map(String),
        keyed(issue.path.join("."), issueText(issue, places.value)),
        0,
        unknownKey(issue),
      ),
    );
    return { ok: false, faults };
  }
  const faults: RuleFault[] = [];
  const rule = compileRule(shaped.data, source, file, (path, message, at) =>
    faults.push(places.fault(path, message, at)),
  );
  for (const { level, message } of faults.length > 0 ? [] : looseLevels(rule))
    faults.push(places.fault(["levels", String(level), "clear"], message));
  return faults.length > 0 ? { ok: false, faults } : { ok: true, rule };
};

type Report = (path: readonly string[], message: string, at?: number) => void;

const compileRule = (shaped: Shaped, source: string, file: string, report: Report): Rule => {
  const inputs = shaped.inputs.map((input) => (typeof input === "string" ? input : input.name));
  const known = vocabularyOf(shaped.on, shaped.subject, inputs);
  const scope = createScope({});
  const companions = new Set<string>();
  const declareInput = (path: readonly string[], input: string, type: ValueType): void => {
    if (scope.has(input)) {
      report(path, `input "${input}" is listed twice`);
      return;
    }
    scope.declare(input, type);
    for (const [suffix, kind] of [
      ["absent", "bool"],
      ["age_s", "Time"],
    ] as const) {
      const companion = `${input}_${suffix}`;
      if (known.type(companion) !== undefined || scope.has(companion)) continue;
      companions.add(companion);
      scope.declare(companion, kind);
    }
  };
  inputs.forEach((input, index) => {
    const type = known.type(input);
    const path = ["inputs", String(index)];
    if (type === undefined) report(path, unknownInput(input, known));
    else declareInput(path, input, type);
  });
  const points = Object.entries(shaped.points).flatMap(([name, point]): RulePoint[] => {
    const path = ["points", name];
    const type = typeOfValue(point.quantity);
    if (known.type(name) !== undefined) report(path, `"${name}" is taken already`);
    else if (type === undefined)
      report([...path, "quantity"], `unknown quantity "${point.quantity}", expected one such as power_w or inlet_c`);
    else declareInput(path, name, type);
    return [{ name, device: point.device, quantity: point.quantity, maxAgeS: point.max_age_s }];
  });
  const isTaken = (path: readonly string[], name: string): boolean => {
    const taken = known.type(name) !== undefined || scope.has(name);
    if (taken) report(path, `"${name}" is taken already`);
    return taken;
  };
  for (const name of Object.keys(shaped.parameters)) {
    if (!isTaken(["parameters", name], name)) scope.declare(name, typeOfName(name));
  }
  const constants = createScope(deviceConstants);
  for (const name of Object.keys(shaped.parameters)) constants.declare(name, typeOfName(name));

  const used = new Set<string>();
  const compile = (
    path: readonly string[],
    text: string,
    wanted: ValueType | null,
    within: Scope = scope,
    named?: string,
  ): Expression | null => {
    const compiled = within.compile(text);
    if (!compiled.ok) {
      const unknown = /^Unknown variable: (\w+)$/.exec(compiled.message)?.[1];
      const isInput = unknown !== undefined && known.type(unknown) !== undefined;
      const said = expressionText(compiled.message, text, { names: within.names(), functions: functionNames });
      report(path, isInput ? `unknown name "${unknown}", expected it under inputs` : said, compiled.at);
      return null;
    }
    for (const name of compiled.expression.names) used.add(name);
    if (wanted === null || compiled.expression.type === wanted) return compiled.expression;
    report(path, typeText(compiled.expression.type, wanted, named));
    return null;
  };
  const windows = Object.entries(shaped.windows).flatMap(([name, window]): RuleWindow[] => {
    const path = ["windows", name];
    if (isTaken(path, name)) return [];
    const type = typeOfName(name);
    const wanted = window.function === "count" ? "bool" : type;
    if (window.function === "count" && type !== "double") report(path, typeText("double", type, name));
    const compiled = compile([...path, "of"], window.of, wanted, scope, window.function === "count" ? undefined : name);
    scope.declare(name, type);
    if (compiled === null) return [];
    const { over_s: overS, ago_s: agoS, q = 0, least } = window;
    return [{ name, expression: compiled, how: window.function, overS, agoS, q, least }];
  });
  const compileNamed = (section: "let" | "thresholds"): Named[] =>
    Object.entries(shaped[section]).flatMap(([name, text]) => {
      const path = [section, name];
      if (isTaken(path, name)) return [];
      const compiled = compile(path, text, typeOfName(name), scope, name);
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
    const { severity, subcode, hold_on_s: on, hold_off_s: off } = level;
    const holds = { on: typeof on === "string" ? on : null, off: typeof off === "string" ? off : null };
    const [holdOnS, holdOffS] = [secondsOf(on, shaped.parameters), secondsOf(off, shaped.parameters)];
    const bounds = boundsOf(level.trigger, level.clear, scope);
    return [{ severity, subcode, trigger, holdOnS, clear, holdOffS, bounds, holds }];
  });
  const conditions = (section: "suppress_if" | "exempt"): Expression[] =>
    shaped[section].flatMap((text, index) => condition([section, String(index)], text));
  const suppressIf = conditions("suppress_if");
  const exempt = conditions("exempt");
  const chosen = createScope(modelConstants);
  for (const name of Object.keys(modelConstants)) chosen.declare(`${name}_absent`, "bool");
  for (const name of Object.keys(shaped.parameters)) chosen.declare(name, typeOfName(name));
  const where = shaped.where === undefined ? null : compile(["where"], shaped.where, "bool", chosen);
  const lookAfterS = shaped.look_after_s.flatMap((text, index) => {
    const compiled = compile(["look_after_s", String(index)], text, "Time", constants);
    return compiled === null ? [] : [compiled];
  });
  /** A rule on readings is held against accounts for what it costs: those facts are known there, and only there. */
  const compileLoss = (given: NonNullable<Shaped["loss"]>): RuleLoss => {
    if (shaped.on === "reading") {
      const { facts } = vocabularyOf("account", shaped.subject === "site" ? "site" : "node", []);
      for (const [name, type] of Object.entries(facts)) if (!scope.has(name)) scope.declare(name, type);
    }
    if (typeof given === "string")
      return { power: compile(["loss"], given, "Power"), moneyPerH: null, moneyOnce: null };
    const part = (key: keyof typeof given, wanted: ValueType): Expression | null => {
      const text = given[key];
      return text === undefined ? null : compile(["loss", key], text, wanted);
    };
    return {
      power: part("power", "Power"),
      moneyPerH: part("money_per_h", "Money"),
      moneyOnce: part("money_once", "Money"),
    };
  };
  const loss = shaped.loss === undefined ? null : compileLoss(shaped.loss);
  const { id, version, mode, title, action, on, subject, parameters, group, blind } = shaped;
  return {
    id,
    version,
    mode,
    title,
    action,
    on,
    subject,
    inputs: [...inputs, ...points.map((point) => point.name)],
    needs:
      shaped.needs.length > 0
        ? shaped.needs
        : inputs.filter(
            (input) => input === "lag_s" || (typeOfValue(input) !== undefined && derivedValue(input) === null),
          ),
    maxAgeS: Object.fromEntries(
      shaped.inputs.flatMap((input) => (typeof input === "string" ? [] : [[input.name, input.max_age_s]])),
    ),
    companions: [...companions].filter((name) => used.has(name)),
    points,
    parameters,
    windows,
    lets,
    thresholds,
    levels,
    suppressIf,
    exempt,
    suppressedBy: shaped.suppressed_by.map((by) => ({
      ...{ rule: by.rule, within: by.within, subcodes: by.subcodes ?? null },
      ...{ forS: by.for_s ?? null, afterS: by.after_s ?? 0 },
    })),
    raisedBy: shaped.raised_by.map((by) => ({
      ...{ rule: by.rule, within: by.within, subcodes: by.subcodes ?? null },
      ...{ own: by.own ?? null, to: by.to },
    })),
    loss,
    everyS: shaped.every_s ?? null,
    where,
    lookAfterS,
    group:
      group === undefined
        ? null
        : {
            over: group.over,
            under: group.under,
            atLeast: group.at_least,
            title: group.title,
            gateway: group.gateway ?? null,
          },
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

/** Names that are much alike, or where the name belongs; all that there are when nothing is near. */
const unknownInput = (input: string, known: Vocabulary): string => {
  const near = meant(input, Object.keys(known.facts));
  if (near !== "") return `unknown input "${input}"${near}`;
  const where = placesOfName(input);
  const hint = where === null ? "" : ` (it is known ${where})`;
  return `unknown input "${input}"${hint}, expected ${known.expected}`;
};

const secondsOf = (hold: number | string, parameters: Readonly<Record<string, number>>): number =>
  typeof hold === "number" ? hold : (parameters[hold] ?? 0);

/** A rule with some of its parameters changed. */
export const withParameters = (rule: Rule, changed: Readonly<Record<string, number>>): Rule => {
  const parameters = { ...rule.parameters, ...changed };
  return {
    ...rule,
    parameters,
    levels: rule.levels.map((level) => ({
      ...level,
      holdOnS: secondsOf(level.holds.on ?? level.holdOnS, parameters),
      holdOffS: secondsOf(level.holds.off ?? level.holdOffS, parameters),
    })),
  };
};
