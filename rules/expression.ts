import { Environment } from "@marcbachmann/cel-js";

/** What a value is. A name says it by its suffix: `_w`, `_wh`, `_s`, `_c`; the rest are plain numbers. */
export type ValueType = "Power" | "Energy" | "Time" | "Temperature" | "double" | "bool" | "string";
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
  declare(name: string, type: ValueType): void;
  compile(text: string): { readonly ok: true; readonly expression: Expression } | ExpressionFault;
}

const dimensions = ["Power", "Energy", "Time", "Temperature"] as const;
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
];
const products: readonly (readonly [left: Dimension, right: Dimension, product: Dimension, seconds: number])[] = [
  ["Power", "Time", "Energy", 3600],
];
const numbers = ["int", "double"] as const;
const comparisons = ["<", "<=", ">", ">="] as const;
const suffixes: readonly (readonly [suffix: string, type: Dimension])[] = [
  ["_wh", "Energy"],
  ["_w", "Power"],
  ["_s", "Time"],
  ["_c", "Temperature"],
];

/** The type a name promises by its suffix. */
export const typeOfName = (name: string): Dimension | "double" =>
  suffixes.find(([suffix]) => name.endsWith(suffix))?.[1] ?? "double";

/**
 * Two environments: expressions are checked with units as types, so that kW + kWh or an unknown name is a fault with a
 * position before anything runs, and evaluated over plain numbers in W, Wh, s and °C, so that units cost nothing.
 */
export const createScope = (facts: Readonly<Record<string, ValueType>>): Scope => {
  const checking = checkingBase().clone();
  const running = runningBase().clone();
  const known = new Set<string>();
  const declare = (name: string, type: ValueType): void => {
    known.add(name);
    checking.registerVariable(name, type);
    running.registerVariable(name, type === "bool" || type === "string" ? type : "double");
  };
  for (const [name, type] of Object.entries(facts)) declare(name, type);
  return {
    has: (name) => known.has(name),
    declare,
    compile(text) {
      try {
        const checked = checking.parse(text).check();
        if (!checked.valid) return faultOf(checked.error);
        const program = running.parse(text);
        const type = checked.type === "int" ? "double" : (checked.type as ValueType);
        const names = [...namesIn(program.ast)].filter((name) => known.has(name));
        return { ok: true, expression: { text, type, names, run: runner(program) } };
      } catch (error) {
        return faultOf(error);
      }
    },
  };
};

const runner =
  (program: (context: Context) => unknown) =>
  (context: Context): Value | null => {
    try {
      const result = program(context);
      if (typeof result === "boolean" || typeof result === "string") return result;
      const number = Number(result);
      return Number.isFinite(number) ? number : null;
    } catch {
      // Types were checked at load: what can still fail is a name without a value, and that is not known, never false.
      return null;
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

const isNode = (node: unknown): node is { op: string; args: unknown } =>
  typeof node === "object" && node !== null && "op" in node && "args" in node;

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
  for (const [left, right, product] of products) {
    environment.registerFunction(`energy(${left}, ${right}): ${product}`, never);
    environment.registerFunction(`power(${product}, ${right}): ${left}`, never);
  }
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
  for (const [, , , seconds] of products) {
    environment.registerFunction("energy(double, double): double", (w: number, s: number) => (w * s) / seconds);
    environment.registerFunction("power(double, double): double", (wh: number, s: number) => (wh * seconds) / s);
  }
  registerNumbers(environment);
  runningEnvironment = environment;
  return environment;
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
