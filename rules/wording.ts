import type { z } from "zod";
import type { ValueType } from "./expression.ts";

// What a rule file has wrong, in words of the person who wrote it.

const kinds: Readonly<Record<string, string>> = {
  int: "a plain number",
  double: "a plain number",
  bool: "a condition that is true or false",
  string: "a text",
  Apparent: "an apparent power",
  Reactive: "a reactive power",
  Intensity: "a carbon intensity",
};
const kindOf = (type: string): string => kinds[type] ?? `${/^[AEIOU]/.test(type) ? "an" : "a"} ${type.toLowerCase()}`;

const literals: Readonly<Record<string, string>> = {
  Power: "kW(5)",
  Energy: "kWh(5)",
  Time: "minutes(5)",
  Temperature: "celsius(27)",
  Voltage: "volts(230)",
  Current: "amperes(16)",
  Frequency: "hertz(50)",
  Apparent: "kVA(5)",
  Reactive: "kvar(5)",
  Money: "money(5)",
  Mass: "kilograms(5)",
};

const suffixes: Readonly<Record<string, string>> = {
  Power: "_w",
  Energy: "_wh",
  Time: "_s",
  Temperature: "_c",
  Voltage: "_v",
  Current: "_a",
  Frequency: "_hz",
  Apparent: "_va",
  Reactive: "_var",
  Money: "_money",
  Mass: "_g",
  string: "_text",
};

/** Why an expression does not fit where it stands; with the name that it is given, what that name promises. */
export const typeText = (got: ValueType, wanted: ValueType, name?: string): string => {
  if (name === undefined) return `is ${kindOf(got)}, expected ${kindOf(wanted)}`;
  const suffix = suffixes[wanted];
  const promise = suffix !== undefined && name.endsWith(suffix) ? `a name that ends in ${suffix}` : "a name like this";
  const other = suffixes[got];
  const rename =
    other !== undefined ? `, or end the name in ${other}` : got === "double" ? ", or a name without a unit" : "";
  return `is ${kindOf(got)}, expected ${kindOf(wanted)} for ${promise} ("${name}")${rename}`;
};

const tokens: Readonly<Record<string, string>> = { GT: ">", LT: "<", GE: ">=", LE: "<=", EQ: "==", NE: "!=" };
const verbs: Readonly<Record<string, string>> = { "+": "adds", "-": "subtracts", "*": "multiplies", "/": "divides" };

/** What the expression language says, told with what was expected. */
export const expressionText = (
  message: string,
  text: string,
  { names, functions }: { readonly names: readonly string[]; readonly functions: readonly string[] },
): string => {
  const unknown = /^Unknown variable: (\w+)$/.exec(message)?.[1];
  if (unknown !== undefined) return `unknown name "${unknown}"${meant(unknown, names)}`;
  const [, left, operator, right] = /^no such overload: (\w+) (\S+) (\w+)$/.exec(message) ?? [];
  if (left !== undefined && operator !== undefined && right !== undefined) return mixedText(left, operator, right);
  const [, called, taken] = /^found no matching overload for '(\w+)\((.*)\)'$/.exec(message) ?? [];
  if (called !== undefined)
    return functions.includes(called)
      ? `${called}() does not take ${taken === "" ? "nothing" : (taken ?? "").split(", ").map(kindOf).join(" and ")}`
      : `there is no function ${called}()${meant(called, functions)}, expected one of ${functions.join(", ")}`;
  if (/\b(and|or|not)\b/.test(text)) return `cannot be read: write &&, || and ! for and, or and not`;
  if (message === "Unexpected character: =") return "cannot be read: write == to compare";
  if (message === "Unexpected token: EOF") return "cannot be read: the expression ends too early";
  const token = /^Unexpected token: (\w+)$/.exec(message)?.[1];
  return token === undefined ? message : `cannot be read: did not expect ${tokens[token] ?? token.toLowerCase()} here`;
};

const mixedText = (left: string, operator: string, right: string): string => {
  const isPlain = (type: string): boolean => type === "int" || type === "double";
  const unit = isPlain(right) ? literals[left] : isPlain(left) ? literals[right] : undefined;
  const does = verbs[operator] ?? "compares";
  const joint = does === "compares" || does === "adds" ? "with" : does === "subtracts" ? "and" : "by";
  const said = `${does} ${kindOf(left)} ${does === "adds" ? "and" : joint} ${kindOf(right)}`;
  if (unit !== undefined) return `${said}: write the number with its unit, such as ${unit}`;
  return does === "multiplies" || does === "divides"
    ? `${said}: expected a plain number, or one of energy(), power(), cost(), carbon()`
    : `${said}: expected two of one kind`;
};

// import_watts for import_w
const sameBegin = 6;

/** Up to three known names that are written much alike; empty when none is. */
export const meant = (name: string, known: readonly string[]): string => {
  const near = nearest(name, known);
  return near.length === 0 ? "" : `, did you mean ${near.join(" or ")}?`;
};

export const nearest = (name: string, known: readonly string[]): readonly string[] =>
  known
    .map((one) => ({ one, apart: distance(name.toLowerCase(), one.toLowerCase()) }))
    .filter(
      ({ one, apart }) =>
        apart <= Math.max(1, Math.floor(Math.min(name.length, one.length) / 3)) ||
        (name.length > sameBegin && one.slice(0, sameBegin) === name.slice(0, sameBegin)),
    )
    .sort((a, b) => a.apart - b.apart)
    .slice(0, 3)
    .map(({ one }) => one);

/** Letters to change, insert or leave out. */
const distance = (left: string, right: string): number => {
  let before = Array.from({ length: right.length + 1 }, (_, at) => at);
  for (let row = 1; row <= left.length; row++) {
    const next = [row];
    for (let at = 1; at <= right.length; at++)
      next.push(
        Math.min(
          (before[at] ?? 0) + 1,
          (next[at - 1] ?? 0) + 1,
          (before[at - 1] ?? 0) + (left[row - 1] === right[at - 1] ? 0 : 1),
        ),
      );
    before = next;
  }
  return before[right.length] ?? 0;
};

const shapes: Readonly<Record<string, string>> = {
  object: "a mapping of keys and values",
  record: "a mapping of keys and values",
  array: "a list",
  string: "a text",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
};

const shown = (value: unknown): string => {
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object" && value !== null) return "a mapping";
  return JSON.stringify(value)?.slice(0, 80) ?? "nothing";
};

/** What does not fit the shape of a file. */
export const issueText = (issue: z.core.$ZodIssue, file: unknown = undefined): string => {
  const value = issue.path.reduce<unknown>(
    (inside, key) => (inside as Record<PropertyKey, unknown> | null | undefined)?.[key],
    file,
  );
  if (issue.code === "unrecognized_keys") return `unknown key ${issue.keys.map((key) => `"${key}"`).join(", ")}`;
  if (issue.code === "invalid_value") {
    const values = issue.values.map(String).join(", ");
    return value === undefined
      ? `is missing, expected one of ${values}`
      : `must be one of ${values}, got ${shown(value)}`;
  }
  if (issue.code === "too_small") {
    if (issue.origin === "array") return `must have ${String(issue.minimum)} or more entries`;
    if (issue.origin === "string") return "must not be empty";
    return `must be ${issue.inclusive === true ? "at least" : "more than"} ${String(issue.minimum)}, got ${shown(value)}`;
  }
  if (issue.code === "too_big" && issue.origin !== "string")
    return `must be ${issue.inclusive === true ? "at most" : "less than"} ${String(issue.maximum)}, got ${shown(value)}`;
  if (issue.code !== "invalid_type") return issue.message;
  const expected = shapes[issue.expected] ?? issue.expected;
  if (issue.path.length === 0 && file === null) return "the file is empty";
  // A message of the schema's own says more.
  if (!issue.message.startsWith("Invalid input")) return issue.message;
  return value === undefined ? `is missing, expected ${expected}` : `must be ${expected}, got ${shown(value)}`;
};

export const unknownKey = (issue: z.core.$ZodIssue): string | undefined =>
  issue.code === "unrecognized_keys" ? issue.keys[0] : undefined;
export const keyed = (path: string, message: string): string => (path === "" ? message : `${path}: ${message}`);

/** Of a text that is no YAML. */
export const yamlText = (message: string): string => {
  if (message.startsWith("Tabs are not allowed")) return "a tab stands here, expected spaces for indentation";
  if (message.startsWith("Map keys must be unique")) return "the key stands in this mapping twice";
  const open = /^Flow (sequence|map) .* end with a (.)/.exec(message);
  return open === null ? message : `a ${open[1] === "map" ? "mapping" : "list"} is not closed, expected ${open[2]}`;
};
