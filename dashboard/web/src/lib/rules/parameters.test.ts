import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { namedParameters, parameterName } from "./parameters.ts";

const folder = join(import.meta.dirname, "../../../../../rules/catalog");

test("every number of the shipped rules has a name in both languages, and no other has", () => {
  const files = readdirSync(folder).filter((file) => /^[^.]+\.yaml$/.test(file));
  const used = files.flatMap((file) => {
    const rule = parse(readFileSync(join(folder, file), "utf8")) as { readonly parameters?: object };
    return Object.keys(rule.parameters ?? {});
  });
  expect(used.length).toBeGreaterThan(100);
  expect(namedParameters.toSorted()).toEqual([...new Set(used)].sort());
  for (const name of namedParameters) expect(parameterName(name, "zh-CN"), name).toMatch(/\p{Script=Han}/u);
});

test("a number of an own rule is called what its file calls it", () => {
  expect(parameterName("own_limit_w", "zh-CN")).toBe("own limit");
  expect(parameterName("soc_max_pct", "en")).toBe("State of charge at most");
});
