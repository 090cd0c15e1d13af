import { expect, test } from "vitest";
import { parseSite } from "./site.ts";

const head = `site: hall
time_zone: Asia/Shanghai
currency: CNY
bus_rating_w: 1000
nodes:
  - { id: grid, kind: grid, points: [{ code: MP.PCC, device: g }] }
`;
const declared = {
  R31: {
    parameters: ["warning_c", "low_c"],
    refuse: ({ warning_c: warning = 27, low_c: low = 18 }: Readonly<Record<string, number>>) =>
      warning > low ? [] : [{ parameter: "warning_c", message: "is below low_c" }],
  },
  R03: { parameters: [] },
};
const parse = (rules: string) => parseSite(`${head}${rules}`, "hall.yaml", declared);
const faults = (rules: string) => {
  const parsed = parse(rules);
  return parsed.ok ? [] : parsed.faults.map(({ line, column, message }) => `${line}:${column} ${message}`);
};

test("a site changes the mode and the declared parameters of a rule", () => {
  const parsed = parse("rules:\n  R31: { mode: on, parameters: { warning_c: 26 } }\n  R03: { mode: off }\n");
  expect(parsed).toMatchObject({
    ok: true,
    site: { rules: { R31: { mode: "on", parameters: { warning_c: 26 } }, R03: { mode: "off", parameters: {} } } },
  });
});

test("what a site changes of the rules makes no other model: no account depends on it", () => {
  const [without, with26] = [parse(""), parse("rules: { R31: { parameters: { warning_c: 26 } } }\n")];
  expect(without.ok && with26.ok && without.site.revision === with26.site.revision).toBe(true);
});

test("a rule, a parameter or a mode that does not exist is a fault with its place", () => {
  expect(faults("rules:\n  R99: { mode: on }\n")).toEqual(['8:3 rules: unknown key "R99", expected one of R31, R03']);
  expect(faults("rules:\n  R31: { parameters: { warn_c: 26 } }\n")).toEqual([
    '8:24 rules.R31.parameters: unknown key "warn_c", expected one of warning_c, low_c',
  ]);
  expect(faults("rules:\n  R31: { mode: loud }\n")[0]).toMatch(/^8:16 rules\.R31\.mode: must be one of/);
  expect(faults('rules:\n  R31: { parameters: { warning_c: "26 °C" } }\n')[0]).toMatch(/must be a number/);
  expect(faults("rules:\n  R03: { parameters: { x: 1 } }\n")[0]).toMatch(/rule "R03" has no parameters/);
});

test("numbers that a rule cannot stand with are refused at their place", () => {
  expect(faults("rules:\n  R31: { parameters: { warning_c: 17 } }\n")).toEqual([
    "8:35 rules.R31.parameters.warning_c: is below low_c",
  ]);
});
