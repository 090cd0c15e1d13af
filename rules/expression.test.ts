import { expect, test } from "vitest";
import { createScope, hasOpenDivision, typeOfName } from "./expression.ts";

const scope = () =>
  createScope({
    a_w: "Power",
    b_w: "Power",
    e_wh: "Energy",
    age_s: "Time",
    share: "double",
    on: "bool",
    mode: "string",
  });

const run = (text: string, context: Record<string, number | boolean | string>) => {
  const compiled = scope().compile(text);
  return compiled.ok ? compiled.expression.run(context) : compiled.message;
};
const fault = (text: string) => {
  const compiled = scope().compile(text);
  return compiled.ok ? "no fault" : `${compiled.at}: ${compiled.message}`;
};

test("powers compare with a literal that carries its unit", () => {
  expect(run("a_w > kW(2)", { a_w: 2001 })).toBe(true);
  expect(run("a_w > kW(2)", { a_w: 2000 })).toBe(false);
  expect(run("age_s > minutes(5)", { age_s: 301 })).toBe(true);
});
test("whole and decimal numbers scale a power", () => {
  expect(run("max(3 * a_w, 0.5 * b_w, kW(1))", { a_w: 400, b_w: 10 })).toBe(1200);
  expect(run("abs(a_w) / 2", { a_w: -10 })).toBe(5);
  expect(run("share * 2 + 1", { share: 0.25 })).toBe(1.5);
});
test("energy is power times time, and back", () => {
  expect(run("energy(a_w, age_s)", { a_w: 1000, age_s: 1800 })).toBe(500);
  expect(run("power(e_wh, age_s)", { e_wh: 500, age_s: 1800 })).toBe(1000);
});
test("power with energy is a fault with its place", () => {
  expect(fault("on && a_w + e_wh > kW(1)")).toBe("6: no such overload: Power + Energy");
});
test("power with a bare number is a fault", () => {
  expect(fault("a_w > 2000")).toBe("0: no such overload: Power > int");
});
test("an unknown name is a fault with its place", () => {
  expect(fault("a_w > c_w")).toBe("6: Unknown variable: c_w");
});
test("a broken expression is a fault with its place", () => {
  expect(fault("a_w > ")).toMatch(/^6: Unexpected token/);
});
test("a missing input gives not known, never false", () => {
  expect(run("a_w > b_w", { a_w: 1 })).toBe(null);
  expect(run("!(a_w > b_w)", { a_w: 1 })).toBe(null);
  expect(run("on && a_w > b_w", { on: true, a_w: 1 })).toBe(null);
});
test("what is decided without the missing input is decided", () => {
  expect(run("a_w > b_w || on", { a_w: 1, on: true })).toBe(true);
  expect(run("a_w > b_w && on", { a_w: 1, on: false })).toBe(false);
});
test("a result that is not finite is missing", () => {
  expect(run("a_w / b_w", { a_w: 1, b_w: 0 })).toBe(null);
});
test("texts and truths compare", () => {
  expect(run('mode == "sliding"', { mode: "sliding" })).toBe(true);
  expect(run("!on", { on: false })).toBe(true);
});
test("a name says its unit by its suffix", () => {
  expect([typeOfName("floor_w"), typeOfName("shed_wh"), typeOfName("age_s"), typeOfName("share")]).toEqual([
    "Power",
    "Energy",
    "Time",
    "double",
  ]);
});
test("a divisor that can be zero is seen, a written one is not", () => {
  expect(hasOpenDivision("1.0 > a_w / b_w")).toBe(true);
  expect(hasOpenDivision("a_w / 3 > b_w")).toBe(false);
});
test("an expression names what it reads", () => {
  const compiled = scope().compile("abs(a_w) > b_w || a_w > kW(1)");
  expect(compiled.ok && compiled.expression.names).toEqual(["a_w", "b_w"]);
});
