import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import en from "./advice.en.json" with { type: "json" };
import zh from "./advice.zh-CN.json" with { type: "json" };

const codes = Object.keys(en);
const readme = readFileSync(new URL("../../../../../README.md", import.meta.url), "utf8");
const rows = readme.slice(readme.indexOf("generated:codes")).split("<!--")[0] ?? "";
const codesOf = (stage: string): string[] =>
  [...rows.matchAll(new RegExp(`\`(${stage}_[A-Z_]+)\``, "g"))].map((match) => match[1] ?? "");

test("both languages advise on the same codes, each in its own words", () => {
  expect(Object.keys(zh)).toEqual(codes);
  for (const text of Object.values(zh)) expect(text).toMatch(/[一-龥]/);
  for (const text of Object.values(en)) expect(text).not.toMatch(/[一-龥]/);
});

test("advice is given on codes that exist", () => {
  const known = ["BROKER", "COLLECTOR", "STORE", "RULES", "DASHBOARD"].flatMap(codesOf);
  expect(codes.filter((code) => !known.includes(code))).toEqual([]);
});

test("whatever can stand among the dead letters has advice", () => {
  const messages = [...codesOf("COLLECTOR"), ...codesOf("BROKER").filter((code) => !code.startsWith("BROKER_STATE_"))];
  expect(messages.length).toBeGreaterThan(30);
  expect(messages.filter((code) => !codes.includes(code))).toEqual([]);
});
