import { expect, test } from "vitest";
import type { Alert } from "../alert.ts";
import { alertOf } from "./alert.fixture.ts";
import { dueOf, type Standing } from "./due.ts";
import type { Route } from "./plan.ts";

const route: Route = {
  name: "ops",
  match: {},
  group_wait_s: 0,
  returned: "tell",
  tiers: [
    { after_s: 0, to: ["a"] },
    { after_s: 60, to: ["b"] },
    { after_s: 300, to: ["c"] },
  ],
};
const standing = (change: Partial<Alert> = {}, told: Standing["told"] = {}): Standing => ({
  alert: alertOf(change),
  raisedAt: 1000,
  told,
});
const said = (told: Standing, now: number, on: Route = route) => {
  const due = dueOf(told, on, now);
  return due === null ? null : `${due.occasion} ${due.tiers.join()}`;
};
const first = { "ops/tier-0/1/MAJOR": 1000 };

test("an active alert is told to the first tier at once, and once", () => {
  expect(said(standing(), 1000)).toBe("raised 0");
  expect(said(standing({}, first), 2000)).toBeNull();
});

test("a pending alert, and one of a rule in shadow mode, is told to nobody", () => {
  expect(
    dueOf({ alert: alertOf({ state: "PENDING", active: null }), raisedAt: null, told: {} }, route, 9e9),
  ).toBeNull();
  expect(said(standing({ shadow: true }), 9e9)).toBeNull();
});

test("tier after tier is told while nobody acknowledges", () => {
  expect(said(standing({}, first), 60_999)).toBeNull();
  expect(said(standing({}, first), 61_000)).toBe("escalated 1");
  const second = { ...first, "ops/tier-1/1/MAJOR": 61_000 };
  expect(said(standing({}, second), 300_999)).toBeNull();
  expect(said(standing({}, second), 301_000)).toBe("escalated 2");
});

test("an acknowledgement stops the tiers", () => {
  const acknowledged = { by: "Li", reason: "", at: 5000 };
  expect(said(standing({ acknowledged }, first), 9e9)).toBeNull();
  expect(said(standing({ acknowledged }), 9e9)).toBeNull();
});

test("back to normal is told to everyone who had heard of it, and once", () => {
  const second = { ...first, "ops/tier-1/1/MAJOR": 61_000 };
  const over = { state: "RETURNED", returned: 62_000 } as const;
  expect(said(standing(over, second), 70_000)).toBe("returned 0,1");
  const back = { ...second, "ops/returned/1": 70_000 };
  expect(said(standing(over, back), 80_000)).toBeNull();
  expect(said(standing({ ...over, state: "CLOSED" }, second), 70_000)).toBe("returned 0,1");
});

test("one that returned by itself still climbs the tiers until somebody looks", () => {
  const back = { ...first, "ops/returned/1": 30_000 };
  expect(said(standing({ state: "RETURNED", returned: 30_000 }, back), 61_000)).toBe("escalated 1");
  expect(said(standing({ state: "CLOSED", returned: 30_000 }, back), 61_000)).toBeNull();
});

test("a route may keep quiet about the return", () => {
  const over = standing({ state: "CLOSED", returned: 5000 }, first);
  expect(said(over, 6000, { ...route, returned: "quiet" })).toBeNull();
});

test("one that is over before it was told is told as it is, without a second message", () => {
  const due = dueOf(standing({ state: "RETURNED", returned: 1500 }), route, 2000);
  expect(due).toMatchObject({ occasion: "raised", covers: ["ops/returned/1"] });
});

test("a worse severity is told again to those who know of it", () => {
  const worse = standing({ severity: "CRITICAL" }, { ...first, "ops/tier-1/1/MAJOR": 61_000 });
  expect(said(worse, 70_000)).toBe("raised 0,1");
});

test("an alert that comes back is told anew", () => {
  const back = { ...first, "ops/returned/1": 5000 };
  expect(said(standing({ occurrences: 2 }, back), 6000)).toBe("raised 0");
});

test("repeats go to everyone who knows of it, every so often and not for what was missed", () => {
  const repeating = { ...route, tiers: route.tiers.slice(0, 1), repeat_s: 600 };
  expect(said(standing({}, first), 600_999, repeating)).toBeNull();
  expect(said(standing({}, first), 601_000, repeating)).toBe("repeated 0");
  const due = dueOf(standing({}, first), repeating, 1000 + 5 * 600_000);
  expect(due?.step).toBe("ops/repeat-5/1/MAJOR");
});

test("what a loaded history raised is told only if it is still so a minute later", () => {
  const raisedAt = 10_000_000;
  const old = (change: Partial<Alert>): Standing => ({
    alert: alertOf({
      active: raisedAt - 3_600_000,
      changed: { wall: raisedAt, site: raisedAt - 3_600_000 },
      ...change,
    }),
    raisedAt,
    told: {},
  });
  expect(said(old({}), raisedAt + 1000)).toBeNull();
  expect(said(old({}), raisedAt + 60_000)).toBe("raised 0");
  expect(said(old({ state: "RETURNED", returned: raisedAt - 1000 }), raisedAt + 9e6)).toBeNull();
});
