import fc from "fast-check";
import { type Context, createScope } from "./expression.ts";

// Expressions of numbers, truths and texts over a few names, with values of which any may be missing.

export const names = ["a", "b", "c", "p", "q", "s_text", "t_text"];
export const scope = createScope({
  a: "double",
  b: "double",
  c: "double",
  p: "bool",
  q: "bool",
  s_text: "string",
  t_text: "string",
});

const leaf = fc.oneof(fc.constantFrom("a", "b", "c"), fc.constantFrom("0.0", "1.5", "3", "2.0"));
export const { number, truth } = fc.letrec<{ number: string; truth: string }>((tie) => ({
  number: fc.oneof(
    { maxDepth: 4, depthIdentifier: "tree" },
    leaf,
    fc.tuple(tie("number"), fc.constantFrom("+", "-", "*", "/"), tie("number")).map((parts) => `(${parts.join(" ")})`),
    fc.tuple(fc.constantFrom("max", "min"), tie("number"), tie("number")).map(([name, x, y]) => `${name}(${x}, ${y})`),
    tie("number").map((x) => `abs(${x})`),
    tie("number").map((x) => `sqrt(${x})`),
    tie("number").map((x) => `-(${x})`),
    fc.tuple(tie("truth"), tie("number"), tie("number")).map(([c, x, y]) => `(${c} ? ${x} : ${y})`),
  ),
  truth: fc.oneof(
    { maxDepth: 4, depthIdentifier: "tree" },
    fc.constantFrom("p", "q", "true", "false"),
    fc.constantFrom('s_text == "x"', "s_text != t_text"),
    fc
      .tuple(tie("number"), fc.constantFrom("<", "<=", ">", ">=", "==", "!="), tie("number"))
      .map((parts) => parts.join(" ")),
    fc.tuple(tie("truth"), fc.constantFrom("&&", "||"), tie("truth")).map((parts) => `(${parts.join(" ")})`),
    tie("truth").map((x) => `!(${x})`),
  ),
}));
const value = (name: string) =>
  name.endsWith("_text")
    ? fc.constantFrom("x", "y")
    : name === "p" || name === "q"
      ? fc.boolean()
      : fc.oneof(fc.constantFrom(0, 1, -2, 3), fc.double({ min: -1e6, max: 1e6, noNaN: true }));
export const context = fc
  .record(Object.fromEntries(names.map((name) => [name, value(name)])), { requiredKeys: [] })
  .map((values) => values as Context);
