import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { IntlMessageFormat } from "intl-messageformat";
import { expect, test } from "vitest";
import { chooseLocale, createTranslator } from "./catalogue.ts";
import en from "./en.json" with { type: "json" };
import zh from "./zh-CN.json" with { type: "json" };

const keys = Object.keys(en) as (keyof typeof en)[];

/** Names that a message puts in. */
const argsOf = (message: string, locale: string): string[] => {
  const names = new Set<string>();
  const walk = (value: unknown): void => {
    if (Array.isArray(value)) for (const part of value) walk(part);
    if (typeof value !== "object" || value === null) return;
    const element = value as { type?: number; value?: unknown; options?: object };
    // Literals and the # of a plural put nothing in.
    if (element.type !== undefined && element.type !== 0 && element.type !== 7) names.add(String(element.value));
    for (const option of Object.values(element.options ?? {})) walk((option as { value?: unknown }).value);
  };
  walk(new IntlMessageFormat(message, locale, undefined, { ignoreTag: true }).getAst());
  return [...names].sort();
};

test("both languages have the same keys", () => {
  expect(Object.keys(zh).sort()).toEqual(Object.keys(en).sort());
});

test("both languages put in the same things", () => {
  for (const key of keys) expect([key, argsOf(zh[key], "zh-CN")]).toEqual([key, argsOf(en[key], "en")]);
});

test("no text is empty, and Chinese is not left in English", () => {
  const same = keys.filter((key) => en[key] === zh[key]);
  expect(same).toEqual(["app.title", "pue.short", "nodes.rating"]);
  expect(keys.filter((key) => en[key].trim() === "" || zh[key].trim() === "")).toEqual([]);
});

test("every text is used and every used text is there", () => {
  const root = fileURLToPath(new URL("../..", import.meta.url));
  const source = readdirSync(root, { recursive: true, encoding: "utf8" })
    .filter((name) => /\.(svelte|ts)$/.test(name) && !name.endsWith(".test.ts"))
    .map((name) => readFileSync(`${root}/${name}`, "utf8"))
    .join("\n");
  const literal = new Set([...source.matchAll(/"([a-z]+(?:\.[A-Za-z0-9_-]+)+)"/g)].map((match) => match[1]));
  const prefixes = [...source.matchAll(/\bt\(\s*`([a-z.]+\.)\$\{/g)].map((match) => match[1] ?? "");
  const single = new Set([...source.matchAll(/\bt\("([a-z]+)"/g)].map((match) => match[1]));
  const used = (key: string): boolean =>
    literal.has(key) || single.has(key) || prefixes.some((prefix) => key.startsWith(prefix));
  expect(keys.filter((key) => !used(key))).toEqual([]);
});

test("a message counts in the way of its language", () => {
  const count = createTranslator("en", en);
  expect(count("alerts.open", { count: 1 })).toBe("1 open alert");
  expect(count("alerts.open", { count: 3 })).toBe("3 open alerts");
  expect(createTranslator("zh-CN", zh)("alerts.open", { count: 3 })).toBe("3 条未关闭告警");
});

test("the language is the one chosen, else the first wish we speak, else English", () => {
  expect(chooseLocale("zh-CN", ["en"])).toBe("zh-CN");
  expect(chooseLocale(null, ["fr-FR", "zh-TW", "en"])).toBe("zh-CN");
  expect(chooseLocale(null, ["en-US", "zh-CN"])).toBe("en");
  expect(chooseLocale("xx", ["de"])).toBe("en");
});
