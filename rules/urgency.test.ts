import { expect, test } from "vitest";
import { mostUrgentFirst, type Urgent } from "./urgency.ts";

const one = (rule: string, severity: Urgent["severity"], start = 0): Urgent => ({ rule, severity, start });
const order = (...alerts: readonly Urgent[]) => alerts.toSorted(mostUrgentFirst).map(({ rule }) => rule);

test("what is worse comes first, whatever its rule", () => {
  expect(order(one("R25", "WARNING"), one("R04", "INFO"), one("R29", "CRITICAL"), one("R01", "MAJOR"))).toEqual([
    ...["R29", "R01", "R25", "R04"],
  ]);
});

test("of equals supply, reserve, reverse power and feeds come first, in this order", () => {
  const equals = ["R01", "R21-FAILOVER", "R15", "R13", "R04-STALE", "R25"].map((rule) => one(rule, "CRITICAL"));
  expect(order(...equals)).toEqual(["R25", "R13", "R15", "R21-FAILOVER", "R01", "R04-STALE"]);
});

test("a number that only begins so is another rule", () => {
  expect(order(one("R01", "MAJOR", 1), one("R215", "MAJOR", 2))).toEqual(["R01", "R215"]);
});

test("of the same what stands longest comes first", () => {
  expect(order(one("A", "MAJOR", 2), one("B", "MAJOR", 1))).toEqual(["B", "A"]);
});
