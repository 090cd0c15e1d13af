import { expect, test } from "vitest";
import { byUrgency } from "./urgency.ts";

const order = (...alerts: readonly [rule: string, severity: "CRITICAL" | "MAJOR" | "WARNING" | "INFO"][]) =>
  alerts
    .map(([rule, severity]) => ({ rule, severity }))
    .toSorted(byUrgency)
    .map(({ rule }) => rule);

test("the gravest first, of equals supply, reserve, reverse power and feeds", () => {
  expect(
    order(["R21-FAILOVER", "MAJOR"], ["R25", "WARNING"], ["R01", "MAJOR"], ["R13", "MAJOR"], ["R29", "CRITICAL"]),
  ).toEqual(["R29", "R13", "R21-FAILOVER", "R01", "R25"]);
});
