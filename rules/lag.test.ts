import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { shippedDir } from "./catalogue.ts";
import { fires } from "./evaluate.ts";
import { calmLag, createLags } from "./lag.ts";
import { parseRule } from "./rule.ts";

const t0 = 1_800_000_000_000;
const file = "r07-clock-error.yaml";
const rule = () => {
  const parsed = parseRule(readFileSync(join(shippedDir, file), "utf8"), file);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.faults));
  return parsed.rule;
};
const at = (seconds: number, lagS: number) => ({ ts: t0 + (seconds - lagS) * 1000, received: t0 + seconds * 1000 });

test("a right clock leaves no trace", () => {
  const lags = createLags(2);
  for (let second = 0; second < 3600; second += 10) expect(lags.note("a", at(second, 1), null)).toBe(false);
  expect(lags.save()).toEqual({});
});

test("a wrong clock has a median after three and a half minutes, and is forgotten two hours after it was put right", () => {
  const lags = createLags(2);
  for (let second = 0; second <= 200; second += 10) lags.note("a", at(second, 70), null);
  expect(lags.facts("a", at(200, 70))).toMatchObject({ lag_median_s: null });
  lags.note("a", at(210, 70), null);
  expect(lags.facts("a", at(210, 70))).toMatchObject({ lag_s: 70, lag_median_s: 70, lag_trend_s: 0 });
  for (let second = 220; second <= 600; second += 10) lags.note("a", at(second, 0), null);
  expect(lags.save()).toEqual({});
  expect(lags.facts("a", at(600, 0))).toMatchObject({ lag_median_s: 0, disorder_share: 0 });
});

test("a backlog that is sent after an outage shrinks", () => {
  const lags = createLags(2);
  for (let second = 0; second <= 120; second += 10) lags.note("a", at(second, 600 - 5 * second), null);
  expect(lags.facts("a", at(120, 0)).lag_trend_s).toBeCloseTo(-300);
});

test("a week that is sent at once is remembered second by second, and what was saved stays as it was", () => {
  const lags = createLags(2);
  for (let minute = 0; minute < 10_080; minute++)
    lags.note("a", { ts: t0 + minute * 60_000, received: t0 + 604_800_000 + minute }, null);
  const saved = lags.save();
  expect(saved.a?.lags).toHaveLength(11);
  expect(saved.a?.order).toEqual([[(t0 + 604_800_000) / 600_000, 10_080, 0]]);
  const before = JSON.stringify(saved);
  lags.note("a", { ts: t0, received: t0 + 604_811_000 }, null);
  expect(JSON.stringify(saved)).toBe(before);
});

test("the share of readings out of order is known from a hundred on", () => {
  const lags = createLags(2);
  lags.note("a", at(0, 0), t0 + 1);
  for (let second = 1; second < 100; second++) lags.note("a", at(second, 0), t0);
  expect(lags.facts("a", at(99, 0)).disorder_share).toBeCloseTo(0.01);
  expect(createLags(2, lags.save()).facts("a", at(99, 0)).disorder_share).toBeCloseTo(0.01);
});

test("how late may pass unseen follows from the rules and their parameters", () => {
  expect(calmLag([rule()], fires)).toBe(2);
  expect(calmLag([{ ...rule(), parameters: { ...rule().parameters, warning_s: 1 } }], fires)).toBe(1);
});
