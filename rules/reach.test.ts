import fc from "fast-check";
import { expect, test } from "vitest";
import { isPlain, numberOf } from "./column.ts";
import { context, names, number, scope, truth } from "./expression.fixture.ts";
import { looser } from "./loose.ts";
import { anything, only, reachOf } from "./reach.ts";
import type { Named } from "./rule.ts";

const either = fc.oneof(number, truth);
const plain = (text: string) => {
  const parsed = scope.compile(text);
  const expression = parsed.ok ? parsed.expression : null;
  return expression?.tree && isPlain(expression.tree) ? { ...expression, tree: expression.tree } : null;
};

test("what an expression comes to is within its reach, whichever names are known", () => {
  let judged = 0;
  fc.assert(
    fc.property(either, context, fc.subarray(names), (text, values, known) => {
      const expression = plain(text);
      if (expression === null) return;
      const [low, high] = reachOf(expression.tree, (name) =>
        known.includes(name) ? only(numberOf(values[name])) : anything,
      );
      const value = numberOf(expression.run(values));
      if (Number.isNaN(value)) return;
      judged++;
      expect(low <= value && value <= high, `${text} in [${low}, ${high}]`).toBe(true);
    }),
    { numRuns: 3000 },
  );
  expect(judged).toBeGreaterThan(300);
});

test("what is true is true without what is dear, named on the way or not", () => {
  let truths = 0;
  fc.assert(
    fc.property(number, truth, context, fc.subarray(["a", "b", "p"]), (let_, text, values, without) => {
      const [named, trigger] = [plain(let_), plain(text)];
      if (named === null || trigger === null || named.names.includes("c")) return;
      const lets: readonly Named[] = [{ name: "c", expression: named }];
      const dear = new Set([...without, ...(named.names.some((name) => without.includes(name)) ? ["c"] : [])]);
      const { c: _, ...rest } = values;
      const c = named.run(rest);
      const known = c === null ? rest : { ...rest, c };
      if (trigger.run(known) !== true) return;
      truths++;
      const tree = looser(trigger.tree, dear, lets);
      if (tree === null) return;
      const [low, high] = reachOf(tree, (name) => (dear.has(name) ? anything : only(numberOf(known[name]))));
      expect(low <= 1 && high >= 1, text).toBe(true);
    }),
    { numRuns: 3000 },
  );
  expect(truths).toBeGreaterThan(100);
});

test("the greatest of several is no less than those that are at hand", () => {
  const trigger = plain("a > max(b, c)");
  const tree = trigger === null ? null : looser(trigger.tree, new Set(["c"]), []);
  const isTrue = (a: number, b: number): boolean =>
    tree !== null && reachOf(tree, (name) => only(name === "a" ? a : name === "b" ? b : Number.NaN))[0] === 1;
  expect([isTrue(3, 2), isTrue(2, 3)]).toEqual([true, false]);
});
