import { expect, test } from "vitest";
import type { Alert } from "#lib/wire.ts";
import { formatFilter, matchesText, parseFilter, serverQuery } from "./filter.ts";
import { holdOrder } from "./freeze.ts";
import { timelineOf } from "./timeline.ts";

const alert = (part: Partial<Alert>): Alert => ({
  id: "a",
  rule: "R01",
  ruleVersion: 1,
  site: "hall",
  subject: "meter-1",
  subcode: "",
  severity: "WARNING",
  state: "ACTIVE",
  start: 0,
  active: 0,
  returned: null,
  closed: null,
  changed: { wall: 0, site: 0 },
  acknowledged: null,
  assignee: null,
  comments: [],
  inputs: { residual_w: 5 },
  thresholds: {},
  title: { en: "Balance open", "zh-CN": "功率不平衡" },
  action: { en: "", "zh-CN": "" },
  restated: false,
  occurrences: 1,
  ...part,
});
const filterOf = (search: string) => parseFilter(new URLSearchParams(search));

test("a filter survives its way through the address", () => {
  const search = "site=hall&view=history&severity=CRITICAL%2CMAJOR&state=CLOSED&rule=R04&q=rack";
  expect(formatFilter(new URLSearchParams("site=hall"), filterOf(search)).toString()).toBe(search);
});

test("no filter leaves no trace, and nonsense is no filter", () => {
  expect(formatFilter(new URLSearchParams("q=x&severity=MAJOR"), filterOf("")).toString()).toBe("");
  expect(filterOf("severity=HUGE&state=GONE&view=x")).toMatchObject({ severities: [], state: null, view: "open" });
});

test("open asks for everything that is not closed, unless a state is wanted", () => {
  expect(serverQuery(filterOf("")).state).toBe("!CLOSED");
  expect(serverQuery(filterOf("view=history")).state).toBeNull();
  expect(serverQuery(filterOf("state=PENDING")).state).toBe("PENDING");
});

test("text is looked for in both languages, names and comments", () => {
  const one = alert({ comments: [{ by: "Li", text: "Firmware", at: 1 }], assignee: "王敏" });
  expect(["balance", "不平衡", "meter-1", "firmware", "王敏", ""].map((text) => matchesText(one, text))).toEqual(
    new Array(6).fill(true),
  );
  expect(matchesText(one, "chiller")).toBe(false);
});

test("rows keep their place while held, take new contents, and new ones wait", () => {
  const rows = [{ id: "b" }, { id: "a" }];
  const held = holdOrder(rows, [{ id: "c" }, { id: "a" }]);
  expect(held.rows.map(({ id }) => id)).toEqual(["b", "a"]);
  expect(held.waiting).toBe(1);
});

test("a timeline merges transitions with what people did, in order of time", () => {
  const at = (ms: number) => ({ changed: { wall: ms, site: ms } });
  const acknowledged = { by: "Li", reason: "seen", at: 25 };
  const moments = timelineOf([
    alert({ ...at(10), state: "PENDING" }),
    alert({ ...at(20), state: "ACTIVE" }),
    alert({ ...at(25), acknowledged }),
    alert({ ...at(27), acknowledged, severity: "MAJOR" }),
    alert({ ...at(30), acknowledged, severity: "MAJOR", assignee: "Wang" }),
    alert({
      ...at(40),
      acknowledged,
      severity: "MAJOR",
      assignee: "Wang",
      comments: [{ by: "Wang", text: "on it", at: 35 }],
    }),
    alert({ ...at(50), acknowledged, severity: "MAJOR", assignee: "Wang", state: "CLOSED", restated: true }),
  ]);
  expect(moments.map(({ kind, at: time }) => `${kind} ${time}`)).toEqual([
    "state 10",
    "state 20",
    "ack 25",
    "severity 27",
    "assign 30",
    "comment 35",
    "state 50",
    "restated 50",
  ]);
  expect(moments[0]?.inputs).toEqual({ residual_w: 5 });
});
