import { expect, test } from "vitest";
import { parseNotifyPlan } from "./notify/plan.ts";
import { parseRule } from "./rule.ts";

const base = `id: T01
version: 1
title: { en: Test, zh-CN: 测试 }
action: { en: Look, zh-CN: 查看 }
on: account
subject: site
inputs: [import_w, grid_rating_w]
parameters: { most_w: 100000 }
levels:
  - severity: WARNING
    subcode: high
    trigger: import_w > most_w
    hold_on_s: 60
    clear: import_w < 0.9 * most_w
    hold_off_s: 60
`;
const faults = (from: string, to: string): readonly string[] => {
  const parsed = parseRule(base.replace(from, to), "t.yaml");
  return parsed.ok ? [] : parsed.faults.map(({ line, column, message }) => `${line}:${column} ${message}`);
};
const trigger = (expression: string) => faults("import_w > most_w", expression);

test("values of two kinds are named, with the unit that a number wants", () => {
  expect(trigger("import_w > kWh(5)")).toEqual(["12:14 compares a power with an energy: expected two of one kind"]);
  expect(trigger("import_w > 5000")).toEqual([
    "12:14 compares a power with a plain number: write the number with its unit, such as kW(5)",
  ]);
  expect(trigger("import_w * most_w > kW(1)")).toEqual([
    "12:14 multiplies a power by a power: expected a plain number, or one of energy(), power(), cost(), carbon()",
  ]);
  expect(trigger("import_w - most_w")).toEqual(["12:14 is a power, expected a condition that is true or false"]);
  expect(faults("levels:", "let: { share_w: import_w / grid_rating_w }\nlevels:")).toEqual([
    '9:17 is a plain number, expected a power for a name that ends in _w ("share_w"), or a name without a unit',
  ]);
});

test("a name that nobody knows is held against those that are", () => {
  expect(trigger("import_w > mostw")).toEqual(['12:25 unknown name "mostw", did you mean most_w?']);
  expect(trigger("export_w > most_w")).toEqual(['12:14 unknown name "export_w", expected it under inputs']);
  expect(faults("[import_w,", "[import_watts, import_w,")).toEqual([
    '7:10 unknown input "import_watts", did you mean import_w?',
  ]);
  expect(faults("[import_w,", "[mean_w, import_w,")[0]).toMatch(
    /^7:10 unknown input "mean_w" \(it is known to rules on: account, subject: node\), expected one of weekday, /,
  );
  expect(trigger("import_w > kiloW(5)")[0]).toMatch(/^12:25 there is no function kiloW\(\).*, expected one of W, kW, /);
});

test("an expression that cannot be read says what stands in its way", () => {
  expect(trigger("import_w > > most_w")).toEqual(["12:25 cannot be read: did not expect > here"]);
  expect(trigger("import_w = most_w")).toEqual(["12:23 cannot be read: write == to compare"]);
  expect(trigger("import_w > most_w and true")[0]).toMatch("write &&, || and ! for and, or and not");
  expect(trigger("import_w >")).toEqual(["12:24 cannot be read: the expression ends too early"]);
});

test("what does not fit the shape says what must be there and what is", () => {
  expect(faults("severity: WARNING", "severity: HIGH")).toEqual([
    '10:15 levels.0.severity: must be one of INFO, WARNING, MAJOR, CRITICAL, got "HIGH"',
  ]);
  expect(faults("version: 1", "version: one")).toEqual(['2:10 version: must be a number, got "one"']);
  expect(faults("title: { en: Test, zh-CN: 测试 }", "title: Test")).toEqual([
    '3:8 title: must be a mapping of keys and values, got "Test"',
  ]);
  expect(faults("zh-CN: 测试", "de: Test")[0]).toBe("3:8 title.zh-CN: is missing, expected a text");
  expect(faults("hold_on_s: 60", "hold_on_s: 1 min")).toEqual([
    '13:16 levels.0.hold_on_s: must be seconds or a parameter that ends in _s, got "1 min"',
  ]);
  expect(faults("levels:", "every_s: 0\nlevels:")).toEqual(["9:10 every_s: must be at least 1, got 0"]);
  expect(faults(base, "")).toEqual(["1:1 the file is empty"]);
});

test("a text that is no YAML has one fault, not what follows from it", () => {
  expect(faults("  - severity", "\t- severity")).toEqual(["10:1 a tab stands here, expected spaces for indentation"]);
  expect(faults("grid_rating_w]", "grid_rating_w")).toEqual(["8:1 a list is not closed, expected ]"]);
  expect(faults("subject: site", "subject: site\nsubject: node")).toEqual(["7:1 the key stands in this mapping twice"]);
});

test("the notification file speaks in the same words", () => {
  const parsed = parseNotifyPlan("language: de\n", "notify.yaml");
  expect(parsed.ok ? [] : parsed.faults.map(({ message }) => message)).toContain(
    'language: must be one of en, zh-CN, got "de"',
  );
});
