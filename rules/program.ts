import type { Expression, Value } from "./expression.ts";
import { scalarIn } from "./scalar.ts";

/** Values by their number; undefined is missing. */
export type Slots = (Value | undefined)[];

/** Expressions over numbered values: what is asked of every subject every minute looks up no name. */
export interface Program {
  readonly slots: Slots;
  /** The same number for the same name. */
  slotOf(name: string): number;
  /** What the expression gives of the slots as they stand then; null as by `Expression.run`. */
  compile(expression: Expression): () => Value | null;
}

export const createProgram = (): Program => {
  const slots: Slots = [];
  const places = new Map<string, number>();
  const compiled = new Map<Expression, () => Value | null>();
  const slotOf = (name: string): number => {
    const known = places.get(name);
    if (known !== undefined) return known;
    places.set(name, slots.length);
    return slots.push(undefined) - 1;
  };
  const interpreted = ({ names, interpret }: Expression) => {
    const read = names.map((name) => [name, slotOf(name)] as const);
    return (): Value | null => {
      const context: Record<string, Value> = {};
      for (const [name, slot] of read) {
        const value = slots[slot];
        if (value !== undefined) context[name] = value;
      }
      return interpret(context);
    };
  };
  const numbered = (tree: NonNullable<Expression["tree"]>) => {
    const run = scalarIn<Slots>(tree, (name) => {
      const slot = slotOf(name);
      return (values) => values[slot];
    });
    return (): Value | null => {
      const value = run(slots);
      if (value === undefined) return null;
      return typeof value !== "number" || Number.isFinite(value) ? value : null;
    };
  };
  return {
    slots,
    slotOf,
    compile(expression) {
      const known = compiled.get(expression);
      if (known !== undefined) return known;
      const run = expression.tree === null ? interpreted(expression) : numbered(expression.tree);
      compiled.set(expression, run);
      return run;
    },
  };
};
