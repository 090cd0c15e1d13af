import fc from "fast-check";
import { expect, test } from "vitest";
import { columnOf, isPlain, numberOf, type Operand, operandOf } from "./column.ts";
import { context, names, number, scope, truth } from "./expression.fixture.ts";

test("a compiled expression gives what the interpreter gives, missing values and infinities included", () => {
  let compiled = 0;
  fc.assert(
    fc.property(fc.oneof(number, truth), context, (text, values) => {
      const parsed = scope.compile(text);
      // Whole numbers among themselves have operators of their own.
      if (!parsed.ok || parsed.expression.tree === null) return;
      compiled++;
      expect(parsed.expression.run(values), text).toEqual(parsed.expression.interpret(values));
    }),
    { numRuns: 3000 },
  );
  expect(compiled).toBeGreaterThan(500);
});

test("what cannot be compiled is interpreted", () => {
  const parsed = scope.compile("1 / 2 == 0 && a > 1.0");
  expect(parsed.ok && parsed.expression.tree).toBe(null);
  expect(parsed.ok && parsed.expression.run({ a: 2 })).toBe(true);
});

test("the same expression over columns gives for each subject what it gives for it alone", () => {
  const width = 5;
  const operand = (values: readonly (number | boolean | string | undefined)[]): Operand => ({
    ...{ data: Float64Array.from([0, ...values.map((one) => numberOf(one))]), base: 1, isOne: false, one: 0 },
  });
  let plain = 0;
  const contexts = fc.array(context, { minLength: width, maxLength: width });
  fc.assert(
    fc.property(fc.oneof(number, truth), contexts, fc.subarray(names), (text, all, shared) => {
      const parsed = scope.compile(text);
      if (!parsed.ok || parsed.expression.tree === null || !isPlain(parsed.expression.tree)) return;
      plain++;
      const [one = {}] = all;
      const alike = (values: Record<string, unknown>) =>
        Object.fromEntries(
          names.flatMap((name) => {
            const from = (shared.includes(name) ? one : values) as Record<string, number>;
            return Object.hasOwn(from, name) ? [[name, from[name] ?? 0]] : [];
          }),
        ) as Record<string, number>;
      const own = all.map(alike);
      const operands = new Map(
        names.map((name) => [
          name,
          shared.includes(name)
            ? operandOf(numberOf((one as Record<string, number>)[name]))
            : operand(own.map((values) => values[name])),
        ]),
      );
      const run = columnOf(parsed.expression.tree, (name) => operands.get(name) ?? operandOf(Number.NaN), 3);
      const found = run(width);
      const got = own.map((_, index) => (found.isOne ? found.one : (found.data[found.base + index] ?? 0)));
      expect(
        got.map((value) => (Number.isFinite(value) ? value : null)),
        text,
      ).toEqual(
        own.map((values) => {
          const value = numberOf(parsed.expression.run(values));
          return Number.isFinite(value) ? value : null;
        }),
      );
    }),
    { numRuns: 3000 },
  );
  expect(plain).toBeGreaterThan(300);
});
