import { expect, test } from "vitest";
import type { RuleActivityWire, RuleWire } from "#lib/wire.ts";
import { modeAt, parametersAt, parseRuleFilter, rowsOf, shownRules } from "./rules.ts";

const level = { subcode: "", trigger: "a", holdOnS: 0, clear: "b", holdOffS: 0 };
const rule = (part: Partial<RuleWire>): RuleWire => ({
  id: "R21",
  version: 1,
  title: { en: "Feed is close to its rating", "zh-CN": "馈线接近额定容量" },
  action: { en: "", "zh-CN": "" },
  mode: "shadow",
  on: "account",
  subject: "node",
  everyS: null,
  inputs: ["mean_w"],
  levels: [
    { ...level, severity: "WARNING" },
    { ...level, severity: "CRITICAL" },
    { ...level, severity: "WARNING" },
  ],
  parameters: { warning_share: 0.8 },
  sites: { hall: { mode: "on", parameters: { warning_share: 0.9 } } },
  subjects: { hall: 12 },
  hasLoss: false,
  origin: "shipped",
  file: "r21.yaml",
  source: "",
  ...part,
});
const rules = [
  rule({}),
  rule({ id: "R30", mode: "off", sites: {}, title: { en: "Other", "zh-CN": "其他" }, inputs: [], parameters: {} }),
];
const activity: RuleActivityWire = {
  from: 0,
  to: 1,
  items: [{ rule: "R30", alerts: 4, shadow: 0, open: 0, last: 1 }],
};
const ids = (search: string, site: string | null = "hall") =>
  shownRules(rowsOf(rules, activity, site), parseRuleFilter(new URLSearchParams(search))).map(({ rule: { id } }) => id);

test("a site's file decides about the mode there, and nowhere else", () => {
  expect(modeAt(rule({}), "hall")).toBe("on");
  expect(modeAt(rule({}), "attic")).toBe("shadow");
  expect(modeAt(rule({}), null)).toBe("shadow");
});

test("a row says what the rule is at this site", () => {
  expect(rowsOf(rules, activity, "hall")[0]).toMatchObject({
    mode: "on",
    isChanged: true,
    subjects: 12,
    severities: ["CRITICAL", "WARNING"],
    fired: null,
  });
  expect(rowsOf(rules, activity, "attic")[0]).toMatchObject({ mode: "shadow", isChanged: false, subjects: 0 });
});

test("rules are filtered by mode and words, and ordered by how often they fired", () => {
  expect(ids("")).toEqual(["R21", "R30"]);
  expect(ids("mode=on")).toEqual(["R21"]);
  expect(ids("q=warning_share")).toEqual(["R21"]);
  expect(ids("q=馈线")).toEqual(["R21"]);
  expect(ids("sort=fired")).toEqual(["R30", "R21"]);
});

test("a parameter shows the rule's value and the site's", () => {
  expect(parametersAt(rule({}), "hall")).toEqual([{ name: "warning_share", own: 0.8, here: 0.9 }]);
  expect(parametersAt(rule({}), "attic")).toEqual([{ name: "warning_share", own: 0.8, here: null }]);
});
