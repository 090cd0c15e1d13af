import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { Alert } from "./alert.ts";
import { shippedDir } from "./catalogue.ts";
import { alertOf } from "./notify/alert.fixture.ts";
import { parseRule, type Rule } from "./rule.ts";
import { siteOf } from "./specimen.ts";
import { createSuppression } from "./suppress.ts";

const t0 = Date.UTC(2026, 10, 23, 8);
const shipped = (file: string): Rule => {
  const parsed = parseRule(readFileSync(join(shippedDir, file), "utf8"), file);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.faults));
  return parsed.rule;
};
const meter = (device: string) => [{ code: "MP.PCC", device, sign: 1 as const }];
const hall = siteOf({
  id: "hall",
  devices: [],
  intervalMs: 60_000,
  nodes: [
    { id: "grid", kind: "grid", ratingW: 1e6, capacityWh: null, meters: meter("pcc"), gateway: "gw" },
    { id: "rack", kind: "it", ratingW: null, capacityWh: null, parent: "grid", meters: meter("pdu") },
  ],
});
const model = {
  ...hall,
  nodes: hall.nodes.map((node) => (node.id === "rack" ? { ...node, counting: "detail" as const } : node)),
};
const r01 = shipped("r01-balance-residual.yaml");
const r21 = shipped("r21-feed-overload.yaml");

const open = (rule: string, subject: string, subcode: string): Alert =>
  alertOf({ id: `${rule}/${subject}`, rule, subject, subcode, state: "ACTIVE", changed: { wall: t0, site: t0 } });
const ended = (alert: Alert, after: number): Alert => ({
  ...alert,
  state: "RETURNED",
  changed: { wall: t0 + after, site: t0 + after },
});

test("R01 is silent from a transfer until two minutes after it ended, and not by a frequency", () => {
  const suppression = createSuppression(model, [r01]);
  const transfer = open("R25", "ups", "battery");
  suppression.note(transfer);
  expect(suppression.holds(r01, "hall", t0)).toBe(true);
  suppression.note(ended(transfer, 60_000));
  expect(suppression.holds(r01, "hall", t0 + 60_000 + 119_000)).toBe(true);
  expect(suppression.holds(r01, "hall", t0 + 60_000 + 120_000)).toBe(false);
  const frequency = createSuppression(model, [r01]);
  frequency.note(open("R25", "pcc", "frequency"));
  expect(frequency.holds(r01, "hall", t0)).toBe(false);
});

test("R01 is silent while a meter of the balance is, and not for a rack that its parent counts", () => {
  const suppression = createSuppression(model, [r01]);
  suppression.note(open("R04", "pdu", "stale"));
  expect(suppression.holds(r01, "hall", t0)).toBe(false);
  suppression.note(open("R04", "pcc", "stale"));
  expect(suppression.holds(r01, "hall", t0)).toBe(true);
});

test("what another rule in shadow mode says silences none that is on", () => {
  const clock: Rule = { ...shipped("r07-clock-error.yaml"), mode: "shadow" };
  const suppression = createSuppression(model, [r01, clock]);
  suppression.note(open("R07", "pcc", "clock"));
  expect(suppression.holds(r01, "hall", t0)).toBe(false);
});

test("a node is explained by its own meters, and by one alert for their gateway or for the site", () => {
  for (const subject of ["pcc", "gw", "hall"]) {
    const suppression = createSuppression(model, [r21]);
    suppression.note(open("R04", subject, "stale"));
    expect(suppression.holds(r21, "grid", t0)).toBe(true);
  }
});

test("a feed is worse for an alert about what hangs on it, and only while that is open", () => {
  const raised: Rule = {
    ...r21,
    raisedBy: [{ rule: "R22", within: "below", subcodes: ["single"], own: null, to: "CRITICAL" }],
  };
  const suppression = createSuppression(model, [raised]);
  expect(suppression.raises(raised, "grid", "overload", t0)).toBe(null);
  suppression.note(open("R22", "rack", "imbalance"));
  expect(suppression.raises(raised, "grid", "overload", t0)).toBe(null);
  const single = { ...open("R22", "rack", "single"), id: "one" };
  suppression.note(single);
  expect(suppression.raises(raised, "grid", "overload", t0)).toEqual({ rule: "R22", alert: "one", to: "CRITICAL" });
  suppression.note(ended(single, 60_000));
  expect(suppression.raises(raised, "grid", "overload", t0 + 59_999)).not.toBe(null);
  expect(suppression.raises(raised, "grid", "overload", t0 + 60_000)).toBe(null);
});

test("what a rule in shadow mode says makes no alert worse that is told", () => {
  const raised: Rule = {
    ...r21,
    mode: "on",
    raisedBy: [{ rule: "R22", within: "site", subcodes: null, own: ["overload"], to: "CRITICAL" }],
  };
  const other: Rule = { ...shipped("r22-feed-imbalance.yaml"), mode: "shadow" };
  const suppression = createSuppression(model, [raised, other]);
  suppression.note(open("R22", "rack", "single"));
  expect(suppression.raises(raised, "grid", "overload", t0)).toBe(null);
  const both = createSuppression(model, [raised, { ...other, mode: "on" }]);
  both.note(open("R22", "rack", "single"));
  expect(both.raises(raised, "grid", "overload", t0)?.to).toBe("CRITICAL");
  expect(both.raises(raised, "grid", "blind", t0)).toBe(null);
});
