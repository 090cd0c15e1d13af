import { numberOf } from "./column.ts";
import type { Tree } from "./tree.ts";

/** What a value can be where it is not missing, `[low, high]`; low above high: it is always missing. */
export type Reach = readonly [low: number, high: number];

export const anything: Reach = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
export const nothing: Reach = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
const truth: Reach = [0, 1];
export const only = (value: number): Reach => (Number.isNaN(value) ? nothing : [value, value]);
export const isNothing = ([low, high]: Reach): boolean => low > high;
export const mayBeTrue = ([low, high]: Reach): boolean => low <= 1 && high >= 1;

/** What an expression can come to. Never too little: rounding is monotonic, so bounds of operands bound the result. */
export const reachOf = (tree: Tree, nameOf: (name: string) => Reach): Reach => {
  const of = (part: Tree): Reach => reachOf(part, nameOf);
  switch (tree.op) {
    case "constant":
      return only(numberOf(tree.value));
    case "name":
      return nameOf(tree.name);
    case "not": {
      const [low, high] = of(tree.of);
      return low > high ? nothing : [1 - high, 1 - low];
    }
    case "negative": {
      const [low, high] = of(tree.of);
      return low > high ? nothing : [-high, -low];
    }
    case "and": {
      const sides = [of(tree.left), of(tree.right)];
      if (sides.every(mayBeTrue)) return truth;
      return sides.some(([low, high]) => low <= 0 && high >= 0) ? [0, 0] : nothing;
    }
    case "or": {
      const sides = [of(tree.left), of(tree.right)];
      if (sides.some(mayBeTrue)) return truth;
      return sides.some(isNothing) ? nothing : [0, 0];
    }
    case "if": {
      const condition = of(tree.condition);
      const ways = [
        mayBeTrue(condition) ? of(tree.yes) : nothing,
        condition[0] <= 0 && condition[1] >= 0 ? of(tree.no) : nothing,
      ];
      return [Math.min(...ways.map(([low]) => low)), Math.max(...ways.map(([, high]) => high))];
    }
    case "call": {
      const args = tree.args.map(of);
      if (args.some(isNothing)) return nothing;
      const { run } = tree.by;
      if (run === Math.max || run === Math.min)
        return [run(...args.map(([low]) => low)), run(...args.map(([, high]) => high))];
      return args.every(([low, high]) => low === high) ? exact(run(...args.map(([low]) => low))) : anything;
    }
    default:
      return binary(tree.op, of(tree.left), of(tree.right));
  }
};

const exact = (value: number): Reach => (Number.isNaN(value) ? anything : [value, value]);

const binary = (
  op: "<" | "<=" | ">" | ">=" | "==" | "!=" | "+" | "-" | "*" | "/",
  left: Reach,
  right: Reach,
): Reach => {
  if (isNothing(left) || isNothing(right)) return nothing;
  const [a, b] = left;
  const [c, d] = right;
  switch (op) {
    case "<":
      return decided(b < c, a >= d);
    case "<=":
      return decided(b <= c, a > d);
    case ">":
      return decided(a > d, b <= c);
    case ">=":
      return decided(a >= d, b < c);
    case "==":
      return decided(a === d && b === c, b < c || a > d);
    case "!=":
      return decided(b < c || a > d, a === d && b === c);
    case "+":
      return bounded(a + c, b + d);
    case "-":
      return bounded(a - d, b - c);
    default:
      return anything;
  }
};
const decided = (isTrue: boolean, isFalse: boolean): Reach => (isTrue ? [1, 1] : isFalse ? [0, 0] : truth);
const bounded = (low: number, high: number): Reach =>
  Number.isNaN(low) || Number.isNaN(high) ? anything : [low, high];
