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
