import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { shippedDir } from "./catalogue.ts";
import { parseRule } from "./rule.ts";
import { parseTrial, runCase } from "./trial.ts";

const hash = (text: string) => createHash("sha256").update(text).digest("hex");
const kinds = ["good", "bad", "borderline", "missing", "flapping"];

const files = readdirSync(shippedDir)
  .filter((file) => !file.endsWith(".test.yaml"))
  .map((name) => ({ name, parsed: parseRule(readFileSync(join(shippedDir, name), "utf8"), name) }));
const shipped = files.flatMap(({ parsed }) => (parsed.ok ? [parsed.rule] : []));

for (const { name, parsed } of files) {
  const trial = parseTrial(readFileSync(join(shippedDir, name.replace(/\.yaml$/, ".test.yaml")), "utf8"));
  describe(name, () => {
    test("loads without a fault", () => expect(parsed).toMatchObject({ ok: true, rule: { id: trial.rule } }));
    test("has a case of every kind", () =>
      expect(kinds.filter((kind) => !trial.cases.some((one) => one.name.startsWith(`${kind}:`)))).toEqual([]));
    test("has a case that proves what it says it costs", () =>
      expect(trial.cases.some(({ waste }) => waste !== undefined)).toBe(parsed.ok && parsed.rule.loss !== null));
    for (const one of trial.cases) {
      test(one.name, () => {
        if (!parsed.ok) throw new Error("the rule does not load");
        const { seen, expected, wasted } = runCase(parsed.rule, one, hash, shipped);
        expect(seen).toEqual(expected);
        expect(wasted).toEqual(one.waste ?? {});
      });
    }
  });
}
