import { beforeAll, expect, test } from "vitest";
import { loadCatalogue } from "../catalogue.ts";
import type { RuleSummary } from "../rules.ts";
import { leadOf } from "./lead.ts";

const hourMs = 3_600_000;

let rules: readonly RuleSummary[] = [];
beforeAll(async () => {
  const loaded = await loadCatalogue();
  if (loaded.ok) ({ summaries: rules } = loaded.catalogue);
});
const hours = (rule: string, subcode: string) => {
  const { accountsMs, readingsMs } = leadOf({ rule, subcode }, rules);
  return [accountsMs / hourMs, readingsMs / hourMs];
};

test("a rule without windows looks back an hour", () => {
  expect(hours("R36", "")).toEqual([1, 1]);
  expect(hours("nobody's", "")).toEqual([1, 1]);
});

test("accounts go back as far as the longest window on them, readings do not", () => {
  expect(hours("R02", "day")).toEqual([25, 1]);
});

test("the windows of those that silence it count too", () => {
  expect(hours("R04", "")).toEqual([1 + 1 / 6, 1 + 1 / 6]);
});

test("only the windows that decide about the subcode count", () => {
  expect(hours("R24", "lagging")).toEqual([1.25, 1.25]);
  expect(hours("R24", "month")).toEqual([30 * 24 + 1, 30 * 24 + 1]);
});

test("what was learned over weeks is in no file", () => {
  expect(leadOf({ rule: "R14", subcode: "drop" }, rules).learned).toBe(true);
  expect(leadOf({ rule: "R02", subcode: "day" }, rules).learned).toBe(false);
});
