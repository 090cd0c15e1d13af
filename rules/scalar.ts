import type { Context, Value } from "./expression.ts";
import type { Comparison, Tree } from "./tree.ts";

/** A tree as a closure; undefined where a value that it needs is missing. */
export type Scalar = (context: Context) => Value | undefined;

/** One subject at a time. Numbers are what the operators make of them: not finite ones, too. */
export const scalarOf = (tree: Tree): Scalar => {
  switch (tree.op) {
    case "constant": {
      const { value } = tree;
      return () => value;
    }
    case "name": {
      const { name } = tree;
      return (context) => (Object.hasOwn(context, name) ? context[name] : undefined);
    }
    case "not": {
      const of = scalarOf(tree.of);
      return (context) => {
        const value = of(context);
        return value === undefined ? undefined : !value;
      };
    }
    case "negative": {
      const of = scalarOf(tree.of);
      return (context) => {
        const value = of(context);
        return value === undefined ? undefined : -value;
      };
    }
    case "and":
    case "or":
      return logical(scalarOf(tree.left), scalarOf(tree.right), tree.op === "or");
    case "if": {
      const [condition, yes, no] = [scalarOf(tree.condition), scalarOf(tree.yes), scalarOf(tree.no)];
      return (context) => {
        const value = condition(context);
        if (value === undefined) return undefined;
        return value === true ? yes(context) : no(context);
      };
    }
    case "call": {
      const { run } = tree.by;
      const args = tree.args.map(scalarOf);
      return (context) => {
        const values: number[] = [];
        for (const arg of args) {
          const value = arg(context);
          if (typeof value !== "number") return undefined;
          values.push(value);
        }
        return run(...values);
      };
    }
    default:
      return binary(tree.op, scalarOf(tree.left), scalarOf(tree.right));
  }
};

/** What one side decides is decided, whatever the other is. */
const logical =
  (left: Scalar, right: Scalar, decides: boolean): Scalar =>
  (context) => {
    const first = left(context);
    if (first === decides) return decides;
    const second = right(context);
    if (second === decides) return decides;
    return first === undefined || second === undefined ? undefined : !decides;
  };

const binary = (op: Comparison | "+" | "-" | "*" | "/", left: Scalar, right: Scalar): Scalar => {
  const run = operators[op];
  return (context) => {
    const first = left(context);
    if (first === undefined) return undefined;
    const second = right(context);
    return second === undefined ? undefined : run(first as number, second as number);
  };
};

const operators: Readonly<Record<Comparison | "+" | "-" | "*" | "/", (left: number, right: number) => Value>> = {
  "<": (left, right) => left < right,
  "<=": (left, right) => left <= right,
  ">": (left, right) => left > right,
  ">=": (left, right) => left >= right,
  "==": (left, right) => left === right,
  "!=": (left, right) => left !== right,
  "+": (left, right) => left + right,
  "-": (left, right) => left - right,
  "*": (left, right) => left * right,
  "/": (left, right) => left / right,
};
