import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { loadCatalogue, shippedDir } from "./catalogue.ts";
import { parseRule } from "./rule.ts";

const dir = join(import.meta.dirname, "cases");
const read = (name: string) => readFileSync(join(dir, name), "utf8");
const faults = (text: string) => {
  const parsed = parseRule(text, "x.yaml");
  return parsed.ok ? [] : parsed.faults.map(({ line, column, message }) => `${line}:${column} ${message}`);
};

describe("files that must not load say why and where", () => {
  for (const name of readdirSync(dir).filter((file) => file.endsWith(".bad.yaml"))) {
    test(name, () => {
      const text = read(name);
      const expected = text.split("\n", 1)[0]?.replace(/^# ?/, "") ?? "";
      expect(faults(text).find((fault) => fault.startsWith(expected)) ?? faults(text)).toContain(expected);
    });
  }
});

test("a whole rule file loads with its expressions compiled", () => {
  const parsed = parseRule(read("whole.good.yaml"), "whole.good.yaml");
  expect(parsed).toMatchObject({
    ok: true,
    rule: { id: "X01", version: 3, group: { over: 0.6, atLeast: 3 }, blind: { inputs: ["age_s"], holdOnS: 1 } },
  });
});

test("all faults of a file are told at once", () => {
  expect(faults(read("several.bad.yaml")).map((fault) => fault.replace(/ .*/, ""))).toEqual(["3:10", "2:1"]);
});

const ownDir = () => {
  const own = mkdtempSync(join(tmpdir(), "wattlas-rules-"));
  onTestFinished(() => rmSync(own, { recursive: true }));
  return own;
};
const shipped = readFileSync(join(shippedDir, "r01-balance-residual.yaml"), "utf8");

test("the shipped catalogue loads, by id, with its source", async () => {
  const loaded = await loadCatalogue();
  expect(loaded).toMatchObject({
    ok: true,
    catalogue: {
      summaries: expect.arrayContaining([
        expect.objectContaining({ id: "R01", origin: "shipped", source: shipped, file: "r01-balance-residual.yaml" }),
      ]) as unknown,
    },
  });
  const ids = loaded.ok ? loaded.catalogue.summaries.map(({ id }) => id) : [];
  expect(ids).toEqual([...ids].sort());
  // What pages someone from the first day; design defaults wait in shadow mode.
  const on = loaded.ok ? loaded.catalogue.summaries.filter(({ mode }) => mode === "on").map(({ id }) => id) : [];
  expect(on).toEqual(["R01", "R03", "R04", "R06", "R08", "R16", "R25", "R36"]);
});

test("an own rule of a higher version takes the shipped one's place", async () => {
  const own = ownDir();
  writeFileSync(join(own, "mine.yaml"), shipped.replace("version: 1", "version: 2").replace("kW(2)", "kW(5)"));
  const loaded = await loadCatalogue(own);
  expect(loaded).toMatchObject({
    ok: true,
    catalogue: {
      summaries: expect.arrayContaining([expect.objectContaining({ id: "R01", version: 2, origin: "own" })]) as unknown,
    },
  });
});

test("an own rule of the same version is a fault", async () => {
  const own = ownDir();
  writeFileSync(join(own, "mine.yaml"), shipped);
  expect(await loadCatalogue(own)).toEqual({
    ok: false,
    code: "RULES_FILE_INVALID",
    faults: [
      {
        file: join(own, "mine.yaml"),
        line: 3,
        column: 1,
        message: "version: R01 has version 1 in the shipped rule, expected a higher one here, got 1",
      },
    ],
  });
});

test("faults of several files come together", async () => {
  const own = ownDir();
  writeFileSync(join(own, "a.yaml"), read("wrong-unit.bad.yaml"));
  writeFileSync(join(own, "b.yaml"), read("no-clear.bad.yaml"));
  const loaded = await loadCatalogue(own);
  expect(loaded.ok ? [] : loaded.faults.map((fault) => fault.file)).toEqual([join(own, "a.yaml"), join(own, "b.yaml")]);
});
