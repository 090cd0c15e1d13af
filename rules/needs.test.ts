import { Environment } from "@marcbachmann/cel-js";
import { expect, test } from "vitest";
import { neededNames } from "./needs.ts";

const environment = new Environment({ unlistedVariablesAreDyn: true });
const needs = (text: string) => [...new Set(neededNames(environment.parse(text).ast))].sort();
/** Whether any values of the other names give it a value. */
const canDoWithout = (text: string, name: string): boolean => {
  const program = environment.parse(text);
  const others = ["a", "b", "c", "d"].filter((other) => other !== name);
  return [true, false].some((flag) => {
    try {
      program(Object.fromEntries(others.map((other) => [other, flag])));
      return true;
    } catch {
      return false;
    }
  });
};

test("comparisons, arithmetic and functions need all their names", () => {
  expect(needs("a > 0.5 * b - c")).toEqual(["a", "b", "c"]);
  expect(needs("-a < size(b)")).toEqual(["a", "b"]);
});

test("a side that may be passed over needs nothing by itself", () => {
  expect(needs("a && b")).toEqual([]);
  expect(needs("a > 1.0 || a < b")).toEqual(["a"]);
  expect(needs("a ? b : c")).toEqual(["a"]);
  expect(needs("a ? b + d : d")).toEqual(["a", "d"]);
  expect(needs("has(a.b)")).toEqual([]);
});

test("no name that is said to be needed can be done without", () => {
  for (const text of ["a && b", "a || a && b", "a ? b : c", "!a", "a == b", "(a ? b : c) == d", "a || (b ? c : c)"])
    for (const name of needs(text)) expect([text, name, canDoWithout(text, name)]).toEqual([text, name, false]);
});
