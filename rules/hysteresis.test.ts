import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parseSite } from "#energy";
import { loadCatalogue, shippedDir } from "./catalogue.ts";
import { parseRule } from "./rule.ts";
import { declaredRule } from "./site-rules.ts";

const head = `site: hall
time_zone: Asia/Shanghai
currency: CNY
bus_rating_w: 1000
nodes:
  - { id: grid, kind: grid, points: [{ code: MP.PCC, device: g }] }
rules:
`;

const faultsOf = async (rules: string): Promise<readonly string[]> => {
  const loaded = await loadCatalogue();
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.faults));
  const declared = Object.fromEntries(loaded.catalogue.rules.map((rule) => [rule.id, declaredRule(rule)]));
  const parsed = parseSite(`${head}${rules}`, "hall.yaml", declared);
  return parsed.ok ? [] : parsed.faults.map(({ line, column, message }) => `${line}:${column} ${message}`);
};

test("a site may move thresholds as long as clear stays tighter than trigger", async () => {
  expect(await faultsOf("  R31: { parameters: { warning_c: 26, critical_c: 30 } }\n")).toEqual([]);
  expect(await faultsOf("  R16: { parameters: { warning_share: 0.95 } }\n")).toEqual([]);
});

test("a threshold of a site below what clears it is refused with its place", async () => {
  expect(await faultsOf("  R31: { parameters: { critical_c: 25 } }\n")).toEqual([
    '8:36 rules.R31.parameters.critical_c: CRITICAL of "high" triggers above 25 and would clear below 26: clear must be tighter than trigger',
  ]);
});

test("shares of something that is only known later are compared too", async () => {
  expect(await faultsOf("  R16: { parameters: { clear_share: 0.92 } }\n")).toEqual([
    '8:37 rules.R16.parameters.clear_share: WARNING of "demand" triggers above 0.9 and would clear below 0.92: clear must be tighter than trigger',
  ]);
});

test("a rule file whose own numbers leave no hysteresis is refused", () => {
  const file = "r31-inlet-temperature.yaml";
  const source = readFileSync(join(shippedDir, file), "utf8").replaceAll("warning_c - celsius(1)", "warning_c");
  const parsed = parseRule(source, file);
  expect(parsed).toMatchObject({
    ok: false,
    faults: [{ message: expect.stringContaining("triggers above 27 and would clear below 27") as unknown }],
  });
});
