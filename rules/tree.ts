import { isNode } from "./needs.ts";

/** An expression of plain numbers, truths and texts, taken from the parser's tree; what runs without it. */
export type Tree =
  | { readonly op: "constant"; readonly kind: Kind; readonly value: number | boolean | string }
  | { readonly op: "name"; readonly kind: Kind; readonly name: string }
  | { readonly op: "not" | "negative"; readonly kind: Kind; readonly of: Tree }
  | {
      readonly op: Comparison | Arithmetic | "and" | "or";
      readonly kind: Kind;
      readonly left: Tree;
      readonly right: Tree;
    }
  | { readonly op: "if"; readonly kind: Kind; readonly condition: Tree; readonly yes: Tree; readonly no: Tree }
  | { readonly op: "call"; readonly kind: "number"; readonly by: NumberFunction; readonly args: readonly Tree[] };

export type Kind = "number" | "truth" | "text";
export type Comparison = "<" | "<=" | ">" | ">=" | "==" | "!=";
export type Arithmetic = "+" | "-" | "*" | "/";
export interface NumberFunction {
  readonly run: (...values: number[]) => number;
  /** A number for any finite numbers: never a root of less than nothing, never a division. */
  readonly isTotal: boolean;
}

export interface TreeTerms {
  readonly kindOf: (name: string) => Kind | undefined;
  readonly functionOf: (name: string) => NumberFunction | undefined;
  /** The seconds of a time of day. */
  readonly clock: (text: string) => number;
}

const ordering = new Set<string>(["<", "<=", ">", ">="]);
const equality = new Set<string>(["==", "!="]);
const arithmetic = new Set<string>(["+", "-", "*", "/"]);

/** Null for anything but the shapes that rules are made of: whole-number arithmetic, lists, methods, macros. */
export const treeOf = (node: unknown, terms: TreeTerms): Tree | null => {
  const whole = wholeOf(node, terms);
  return whole === null || isWhole(node) ? null : whole;
};

const wholeOf = (node: unknown, terms: TreeTerms): Tree | null => {
  if (!isNode(node)) return null;
  const { op, args } = node;
  if (op === "value") return constantOf(args);
  if (op === "id") return typeof args === "string" ? nameOf(args, terms) : null;
  if (op === "!_" || op === "-_") {
    const of = wholeOf(args, terms);
    const kind = op === "!_" ? "truth" : "number";
    return of === null || of.kind !== kind ? null : { op: op === "!_" ? "not" : "negative", kind, of };
  }
  if (!Array.isArray(args)) return null;
  const parts = args as readonly unknown[];
  if (op === "call") return callOf(parts, terms);
  if (op === "?:") return ifOf(parts, terms);
  const [left, right] = [wholeOf(parts[0], terms), wholeOf(parts[1], terms)];
  return left === null || right === null ? null : binaryOf(op, left, right, isWhole(parts[0]) && isWhole(parts[1]));
};

/** Whole numbers are a type of their own, with a division of their own. */
const isWhole = (node: unknown): boolean => {
  if (!isNode(node)) return false;
  if (node.op === "value") return typeof node.args === "bigint";
  return node.op === "-_" && isWhole(node.args);
};

const constantOf = (value: unknown): Tree | null => {
  if (typeof value === "bigint") return { op: "constant", kind: "number", value: Number(value) };
  if (typeof value === "number") return { op: "constant", kind: "number", value };
  if (typeof value === "boolean") return { op: "constant", kind: "truth", value };
  return typeof value === "string" ? { op: "constant", kind: "text", value } : null;
};

const nameOf = (name: string, terms: TreeTerms): Tree | null => {
  const kind = terms.kindOf(name);
  return kind === undefined ? null : { op: "name", kind, name };
};

const binaryOf = (op: string, left: Tree, right: Tree, bothWhole: boolean): Tree | null => {
  if (left.kind !== right.kind) return null;
  const { kind } = left;
  if (op === "&&" || op === "||")
    return kind === "truth" ? { op: op === "&&" ? "and" : "or", kind, left, right } : null;
  if (equality.has(op)) return { op: op as Comparison, kind: "truth", left, right };
  if (kind !== "number") return null;
  if (ordering.has(op)) return { op: op as Comparison, kind: "truth", left, right };
  return arithmetic.has(op) && !bothWhole ? { op: op as Arithmetic, kind, left, right } : null;
};

const ifOf = (parts: readonly unknown[], terms: TreeTerms): Tree | null => {
  const [condition, yes, no] = parts.map((part) => wholeOf(part, terms));
  if (!condition || !yes || !no || condition.kind !== "truth" || yes.kind !== no.kind) return null;
  // Whole numbers stay whole behind a branch.
  return isWhole(parts[1]) || isWhole(parts[2]) ? null : { op: "if", kind: yes.kind, condition, yes, no };
};

const callOf = ([name, given]: readonly unknown[], terms: TreeTerms): Tree | null => {
  if (typeof name !== "string" || !Array.isArray(given)) return null;
  if (name === "clock") {
    const text = constantOf(isNode(given[0]) ? given[0].args : null);
    return text?.op === "constant" && typeof text.value === "string"
      ? { op: "constant", kind: "number", value: terms.clock(text.value) }
      : null;
  }
  const by = terms.functionOf(name);
  const args = given.map((one) => wholeOf(one, terms));
  if (by === undefined || !args.every((one) => one !== null && one.kind === "number")) return null;
  return { op: "call", kind: "number", by, args: args.filter((one) => one !== null) };
};
