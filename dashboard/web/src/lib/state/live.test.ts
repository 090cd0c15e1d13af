import { expect, test } from "vitest";
import type { Alert, LiveEvent, NowWire } from "#lib/wire.ts";
import { backoffMs, emptyLive, type LiveState, reduceLive } from "./live.ts";

const alert = (id: string, start: number, state: Alert["state"] = "ACTIVE"): Alert => ({
  id,
  rule: "R01",
  ruleVersion: 1,
  site: "hall",
  subject: "hall",
  subcode: "",
  severity: "WARNING",
  state,
  start,
  active: start,
  returned: null,
  closed: null,
  changed: { wall: start, site: start },
  acknowledged: null,
  assignee: null,
  comments: [],
  inputs: {},
  thresholds: {},
  title: { en: "", "zh-CN": "" },
  action: { en: "", "zh-CN": "" },
  restated: false,
  occurrences: 1,
});
const now: NowWire = {
  site: "hall",
  ts: 1000,
  clock: "live",
  nodes: [],
  balance: { supplyW: null, loadW: null, residualW: null, uncertaintyW: null, toleranceW: null },
  kpis: {},
  alerts: [alert("a", 100)],
};
const after = (events: readonly LiveEvent[], from: LiveState = { ...emptyLive, now }): LiveState =>
  events.reduce((state, event) => reduceLive(state, event, 5000), from);
const ids = (state: LiveState) => state.now?.alerts.map(({ id }) => id);

test("a picture of the site replaces the one before and says when it came", () => {
  const state = after([{ event: "now", data: { ...now, ts: 2000 } }], emptyLive);
  expect(state.now?.ts).toBe(2000);
  expect(state.nowAt).toBe(5000);
});

test("an alert appears, newest first, and leaves when it closes", () => {
  expect(ids(after([{ event: "alert", data: alert("b", 200) }]))).toEqual(["b", "a"]);
  expect(ids(after([{ event: "alert", data: alert("a", 100, "CLOSED") }]))).toEqual([]);
});

test("an alert of another site changes nothing on screen but is counted", () => {
  const state = after([{ event: "alert", data: { ...alert("c", 300), site: "other" } }]);
  expect(ids(state)).toEqual(["a"]);
  expect(state.alerts).toBe(1);
});

test("an alert that was changed keeps one row", () => {
  const changed = { ...alert("a", 100), assignee: "Li" };
  expect(after([{ event: "alert", data: changed }]).now?.alerts).toEqual([changed]);
});

test("closed windows and lost backfill are counted, so that charts read again", () => {
  const state = after([
    { event: "account", data: { site: "hall", step: "1m", start: 0, revision: 0 } },
    { event: "reset", data: { reason: "too old" } },
  ]);
  expect([state.accounts, state.resets]).toEqual([1, 1]);
});

test("the wait before the next try doubles to half a minute and is never the same for all", () => {
  expect(backoffMs(0, 1)).toBe(1000);
  expect(backoffMs(0, 0)).toBe(500);
  expect(backoffMs(3, 1)).toBe(8000);
  expect(backoffMs(50, 1)).toBe(30_000);
  expect(backoffMs(50, 0)).toBe(15_000);
});
