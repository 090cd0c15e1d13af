import { Environment } from "@marcbachmann/cel-js";
import { isNode, neededNames } from "./needs.ts";
import { scalarOf } from "./scalar.ts";
import { type Kind, type NumberFunction, type Tree, type TreeTerms, treeOf } from "./tree.ts";

/**
 * What a value is. A name says it by its suffix: `_w`, `_wh`, `_s`, `_c`, `_v`, `_a`, `_hz`, `_va`, `_var`, `_money`, `_g`,
 * `_text`, or by its prefix `is_` or `has_`; the rest are plain numbers.
 */
export type ValueType = Dimension | "double" | "bool" | "string";
export type Value = number | boolean | string;
/** Missing values have no key. */
export type Context = Readonly<Record<string, Value>>;

export interface Expression {
  readonly text: string;
  readonly type: ValueType;
  /** Names it reads, in order of first use. */
  readonly names: readonly string[];
  /** null: an input it needs is missing, or the result is not a finite number. `true || missing` is true. */
  run(context: Context): Value | null;
  /** The same by the reference interpreter, which knows the whole language. */
  interpret(context: Context): Value | null;
  /** Its shape; null when it is none of those that can be compiled, and is interpreted. */
  readonly tree: Tree | null;
}

export interface ExpressionFault {
  readonly ok: false;
  /** Offset in the text. */
  readonly at: number;
  readonly message: string;
}

/** Names with their types, in which expressions are checked and compiled. */
export interface Scope {
  has(name: string): boolean;
  names(): readonly string[];
  declare(name: string, type: ValueType): void;
  compile(text: string): { readonly ok: true; readonly expression: Expression } | ExpressionFault;
}

export const dimensions = [
  "Power",
  "Energy",
  "Time",
  "Temperature",
  "Voltage",
  "Current",
  "Frequency",
  "Apparent",
  "Reactive",
  "Money",
  "Price",
  "Mass",
  "Intensity",
] as const;
type Dimension = (typeof dimensions)[number];

// Literals take their unit from a function: kW(2) is 2000 in watts, minutes(5) is 300 in seconds.
const literals: readonly (readonly [name: string, type: Dimension, factor: number])[] = [
  ["W", "Power", 1],
  ["kW", "Power", 1e3],
  ["MW", "Power", 1e6],
  ["Wh", "Energy", 1],
  ["kWh", "Energy", 1e3],
  ["MWh", "Energy", 1e6],
  ["seconds", "Time", 1],
  ["minutes", "Time", 60],
  ["hours", "Time", 3600],
  ["celsius", "Temperature", 1],
  ["volts", "Voltage", 1],
  ["amperes", "Current", 1],
  ["hertz", "Frequency", 1],
  ["kVA", "Apparent", 1e3],
  ["kvar", "Reactive", 1e3],
  ["money", "Money", 1],
  ["kilograms", "Mass", 1e3],
];
interface Mixed {
  readonly name: string;
  readonly takes: readonly [Dimension, Dimension];
  readonly gives: Dimension | "double";
  readonly run: (left: number, right: number) => number;
}
// Plain numbers are W, Wh, s, VA, var, money, money per kWh, g and g per kWh.
const mixed: readonly Mixed[] = [
  { name: "energy", takes: ["Power", "Time"], gives: "Energy", run: (w, s) => (w * s) / 3600 },
  { name: "power", takes: ["Energy", "Time"], gives: "Power", run: (wh, s) => (wh * 3600) / s },
  { name: "cost", takes: ["Energy", "Price"], gives: "Money", run: (wh, price) => (wh / 1000) * price },
  { name: "carbon", takes: ["Energy", "Intensity"], gives: "Mass", run: (wh, g) => (wh / 1000) * g },
  { name: "apparent", takes: ["Power", "Reactive"], gives: "Apparent", run: Math.hypot },
  { name: "power_factor_of", takes: ["Power", "Apparent"], gives: "double", run: (w, va) => w / va },
];
// For the compiled form; the interpreter has the same by the types that they take.
const numberFunctions: ReadonlyMap<string, NumberFunction> = new Map<string, NumberFunction>([
  ...literals.map(([name, , factor]) => [name, { run: (value: number) => value * factor, isTotal: true }] as const),
  ...mixed.map(
    ({ name, run }) =>
      [name, { run: (x: number, y: number) => run(x, y), isTotal: !name.startsWith("power") }] as const,
  ),
  ["plain", { run: (value) => value, isTotal: true }],
  ["abs", { run: Math.abs, isTotal: true }],
  ["sqrt", { run: Math.sqrt, isTotal: false }],
  ["max", { run: Math.max, isTotal: true }],
  ["min", { run: Math.min, isTotal: true }],
]);
/** What an expression may call. */
export const functionNames: readonly string[] = [...numberFunctions.keys(), "clock"];
const numbers = ["int", "double"] as const;
const comparisons = ["<", "<=", ">", ">="] as const;
const suffixes: readonly (readonly [suffix: string, type: ValueType])[] = [
  ["_g_per_kwh", "Intensity"],
  ["_price_per_kwh", "Price"],
  ["_money", "Money"],
  ["_text", "string"],
  ["_var", "Reactive"],
  ["_wh", "Energy"],
  ["_va", "Apparent"],
  ["_hz", "Frequency"],
  ["_w", "Power"],
  ["_s", "Time"],
  ["_c", "Temperature"],
  ["_v", "Voltage"],
  ["_a", "Current"],
  ["_g", "Mass"],
];

/** The type a name promises by its suffix or prefix. */
export const typeOfName = (name: string): ValueType =>
  name.startsWith("is_") || name.startsWith("has_")
    ? "bool"
    : (suffixes.find(([suffix]) => name.endsWith(suffix))?.[1] ?? "double");

/**
 * Two environments: expressions are checked with units as types, so that kW + kWh or an unknown name is a fault with a
 * position before anything runs, and evaluated over plain numbers in W, Wh, s and °C, so that units cost nothing.
 */
export const createScope = (facts: Readonly<Record<string, ValueType>>): Scope => {
  const checking = checkingBase().clone();
  const running = runningBase().clone();
  const known = new Map<string, ValueType>();
  const terms: TreeTerms = {
    kindOf: (name) => kindOf(known.get(name)),
    functionOf: (name) => numberFunctions.get(name),
    clock: secondsOfDay,
  };
  const declare = (name: string, type: ValueType): void => {
    known.set(name, type);
    checking.registerVariable(name, type);
    running.registerVariable(name, type === "bool" || type === "string" ? type : "double");
  };
  for (const [name, type] of Object.entries(facts)) declare(name, type);
  return {
    has: (name) => known.has(name),
    names: () => [...known.keys()],
    declare,
    compile(text) {
      try {
        const clock = /clock\("(?!(?:[01]\d|2[0-3]):[0-5]\d"|24:00")/.exec(text);
        if (clock !== null)
          return { ok: false, at: clock.index, message: 'expected a time of day such as clock("08:00")' };
        const checked = checking.parse(text).check();
        if (!checked.valid) return faultOf(checked.error);
        const program = running.parse(text);
        const type = checked.type === "int" ? "double" : (checked.type as ValueType);
        const names = [...namesIn(program.ast)].filter((name) => known.has(name));
        const needed = [...new Set(neededNames(program.ast))].filter((name) => known.has(name));
        const interpret = interpreter(program, needed);
        const tree = treeOf(program.ast, terms);
        const run = tree === null ? interpret : compiled(tree);
        return { ok: true, expression: { text, type, names, run, interpret, tree } };
      } catch (error) {
        return faultOf(error);
      }
    },
  };
};

const kindOf = (type: ValueType | undefined): Kind | undefined => {
  if (type === undefined) return undefined;
  return type === "bool" ? "truth" : type === "string" ? "text" : "number";
};

const compiled = (tree: Tree): Expression["run"] => {
  const run = scalarOf(tree);
  return (context) => {
    const value = run(context);
    if (value === undefined) return null;
    return typeof value !== "number" || Number.isFinite(value) ? value : null;
  };
};

const interpreter =
  (program: (context: Context) => unknown, needed: readonly string[]) =>
  (context: Context): Value | null => {
    // An exception for each missing value of each rack costs more than everything else.
    for (const name of needed) if (!Object.hasOwn(context, name)) return null;
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0;
    try {
      const result = program(context);
      if (typeof result === "boolean" || typeof result === "string") return result;
      const number = Number(result);
      return Number.isFinite(number) ? number : null;
    } catch {
      // Types were checked at load: what can still fail is a name without a value, and that is not known, never false.
      return null;
    } finally {
      Error.stackTraceLimit = stackTraceLimit;
    }
  };

const faultOf = (error: unknown): ExpressionFault => {
  const { range, summary, message } = error as { range?: { start: number }; summary?: string; message: string };
  return { ok: false, at: range?.start ?? 0, message: summary ?? message };
};

/** Divisions whose divisor is not a number written out: their zero must become a missing value, so they need a name. */
export const hasOpenDivision = (text: string): boolean => {
  const visit = (node: unknown): boolean => {
    if (Array.isArray(node)) return node.some(visit);
    if (!isNode(node)) return false;
    if (node.op === "/" && Array.isArray(node.args) && isNode(node.args[1]) && node.args[1].op !== "value") return true;
    return visit(node.args);
  };
  return visit(new Environment({ unlistedVariablesAreDyn: true }).parse(text).ast);
};

const namesIn = (node: unknown, names: Set<string> = new Set()): Set<string> => {
  if (Array.isArray(node)) for (const part of node) namesIn(part, names);
  else if (isNode(node)) {
    if (node.op === "id" && typeof node.args === "string") names.add(node.args);
    else namesIn(node.args, names);
  }
  return names;
};

let checkingEnvironment: Environment | undefined;
const checkingBase = (): Environment => {
  if (checkingEnvironment !== undefined) return checkingEnvironment;
  const never = (): never => {
    throw new Error("BUG: the checking environment does not run");
  };
  const environment = new Environment();
  for (const type of dimensions) environment.registerType(type, { [type]: class {} }[type] as new () => object);
  for (const type of dimensions) {
    for (const op of ["+", "-"]) environment.registerOperator(`${type} ${op} ${type}: ${type}`, never);
    for (const op of comparisons) environment.registerOperator(`${type} ${op} ${type}: bool`, never);
    for (const number of numbers) {
      environment.registerOperator(`${type} * ${number}: ${type}`, never);
      environment.registerOperator(`${number} * ${type}: ${type}`, never);
      environment.registerOperator(`${type} / ${number}: ${type}`, never);
    }
    environment.registerOperator(`${type} / ${type}: double`, never);
    environment.registerOperator(`-${type}: ${type}`, never);
    registerFunctions(environment, type);
  }
  for (const [name, type] of literals) {
    for (const number of numbers) environment.registerFunction(`${name}(${number}): ${type}`, never);
  }
  for (const { name, takes, gives } of mixed)
    environment.registerFunction(`${name}(${takes.join(", ")}): ${gives}`, never);
  for (const type of dimensions) environment.registerFunction(`plain(${type}): double`, never);
  environment.registerFunction("clock(string): Time", never);
  registerNumbers(environment);
  checkingEnvironment = environment;
  return environment;
};

let runningEnvironment: Environment | undefined;
const runningBase = (): Environment => {
  if (runningEnvironment !== undefined) return runningEnvironment;
  const environment = new Environment();
  for (const [name, , factor] of literals) {
    for (const number of numbers) {
      environment.registerFunction(`${name}(${number}): double`, (value: number | bigint) => Number(value) * factor);
    }
  }
  for (const { name, run } of mixed)
    environment.registerFunction(`${name}(double, double): double`, (left: number, right: number) => run(left, right));
  environment.registerFunction("plain(double): double", (value: number) => value);
  environment.registerFunction("clock(string): double", secondsOfDay);
  registerNumbers(environment);
  runningEnvironment = environment;
  return environment;
};

const secondsOfDay = (text: string): number => {
  const [hours, minutes] = text.split(":").map(Number);
  return (hours ?? 0) * 3600 + (minutes ?? 0) * 60;
};

const registerFunctions = (environment: Environment, type: string): void => {
  environment.registerFunction(`abs(${type}): ${type}`, (value: number) => Math.abs(value));
  for (const [name, run] of [
    ["max", Math.max],
    ["min", Math.min],
  ] as const) {
    for (const count of [2, 3, 4]) {
      const parameters = Array.from({ length: count }, () => type).join(", ");
      environment.registerFunction(`${name}(${parameters}): ${type}`, (...values: number[]) => run(...values));
    }
  }
};

// CEL keeps int and double apart; a rule that says 3 * u_w means the number 3.
const registerNumbers = (environment: Environment): void => {
  registerFunctions(environment, "double");
  environment.registerFunction("sqrt(double): double", (value: number) => Math.sqrt(value));
  const arithmetic = {
    "+": (left: number, right: number) => left + right,
    "-": (left: number, right: number) => left - right,
    "*": (left: number, right: number) => left * right,
    "/": (left: number, right: number) => left / right,
  };
  for (const [op, run] of Object.entries(arithmetic)) {
    const handler = (left: number | bigint, right: number | bigint): number => run(Number(left), Number(right));
    environment.registerOperator(`int ${op} double: double`, handler);
    environment.registerOperator(`double ${op} int: double`, handler);
  }
};
