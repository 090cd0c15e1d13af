import type { Alert } from "../alert.ts";

/** An active alert, for tests. */
export const alertOf = (change: Partial<Alert> = {}): Alert => ({
  id: "a1",
  rule: "R21",
  ruleVersion: 1,
  site: "hall",
  subject: "feed-a",
  subcode: "",
  severity: "MAJOR",
  state: "ACTIVE",
  start: 500,
  active: 1000,
  returned: null,
  closed: null,
  changed: { wall: 1000, site: 1000 },
  acknowledged: null,
  assignee: null,
  comments: [],
  inputs: { load_w: 91_000 },
  thresholds: { limit_w: 90_000 },
  title: { en: "Feed overload", "zh-CN": "馈线过载" },
  action: { en: "Move load to the other feed", "zh-CN": "将负载转移到另一路馈线" },
  restated: false,
  occurrences: 1,
  ...change,
});
