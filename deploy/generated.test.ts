import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { generated } from "./generated.ts";

test("generated files and tables are as the code says (npm run document writes them)", () => {
  for (const { path, render } of generated) {
    const current = readFileSync(new URL(`../${path}`, import.meta.url), "utf8");
    expect(render(current), path).toBe(current);
  }
});

test("both READMEs have the same sections", () => {
  const sections = (file: string) =>
    readFileSync(new URL(`../${file}`, import.meta.url), "utf8").match(/^## /gm)?.length;
  expect(sections("README.zh-CN.md")).toBe(sections("README.md"));
});
