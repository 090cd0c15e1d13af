import type { Context, Value } from "./expression.ts";
import type { Comparison, NumberFunction, Tree } from "./tree.ts";

/** A tree as a closure; undefined where a value that it needs is missing. */
export type Scalar<Given = Context> = (given: Given) => Value | undefined;

/** One subject at a time. Numbers are what the operators make of them: not finite ones, too. */
export const scalarOf = (tree: Tree): Scalar =>
  scalarIn<Context>(tree, (name) => (context) => (Object.hasOwn(context, name) ? context[name] : undefined));

/** The same of whatever holds the values; `nameOf` says how a name is read from it. */
export const scalarIn = <Given>(tree: Tree, nameOf: (name: string) => Scalar<Given>): Scalar<Given> => {
  const part = (one: Tree): Scalar<Given> => scalarIn(one, nameOf);
  switch (tree.op) {
    case "constant": {
      const { value } = tree;
      return () => value;
    }
    case "name":
      return nameOf(tree.name);
    case "not": {
      const of = part(tree.of);
      return (given) => {
        const value = of(given);
        return value === undefined ? undefined : !value;
      };
    }
    case "negative": {
      const of = part(tree.of);
      return (given) => {
        const value = of(given);
        return value === undefined ? undefined : -value;
      };
    }
    case "and":
    case "or":
      return logical(part(tree.left), part(tree.right), tree.op === "or");
    case "if": {
      const [condition, yes, no] = [part(tree.condition), part(tree.yes), part(tree.no)];
      return (given) => {
        const value = condition(given);
        if (value === undefined) return undefined;
        return value === true ? yes(given) : no(given);
      };
    }
    case "call":
      return called(tree.by, tree.args.map(part));
    default:
      return binary(tree.op, part(tree.left), part(tree.right));
  }
};

const called = <Given>({ run }: NumberFunction, args: readonly Scalar<Given>[]): Scalar<Given> => {
  const [one, two] = args;
  if (one !== undefined && args.length === 1)
    return (given) => {
      const value = one(given);
      return typeof value === "number" ? run(value) : undefined;
    };
  if (one !== undefined && two !== undefined && args.length === 2)
    return (given) => {
      const first = one(given);
      if (typeof first !== "number") return undefined;
      const second = two(given);
      return typeof second === "number" ? run(first, second) : undefined;
    };
  return (given) => {
    const values: number[] = [];
    for (const arg of args) {
      const value = arg(given);
      if (typeof value !== "number") return undefined;
      values.push(value);
    }
    return run(...values);
  };
};

/** What one side decides is decided, whatever the other is. */
const logical =
  <Given>(left: Scalar<Given>, right: Scalar<Given>, decides: boolean): Scalar<Given> =>
  (given) => {
    const first = left(given);
    if (first === decides) return decides;
    const second = right(given);
    if (second === decides) return decides;
    return first === undefined || second === undefined ? undefined : !decides;
  };

const binary = <Given>(
  op: Comparison | "+" | "-" | "*" | "/",
  left: Scalar<Given>,
  right: Scalar<Given>,
): Scalar<Given> => {
  const run = operators[op];
  return (given) => {
    const first = left(given);
    if (first === undefined) return undefined;
    const second = right(given);
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
