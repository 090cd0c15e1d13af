import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { loadCatalogue, shippedDir } from "./catalogue.ts";
import { linkFaults } from "./links.ts";
import { parseRule } from "./rule.ts";

const shipped = readFileSync(join(shippedDir, "r13-soc-reserve-shortfall.yaml"), "utf8");
const parse = (text: string, file: string) => {
  const parsed = parseRule(text, file);
  if (!parsed.ok) throw new Error(parsed.faults[0]?.message);
  return parsed.rule;
};
const read = (name: string) => parse(readFileSync(join(shippedDir, name), "utf8"), name);
const r25 = read("r25-supply-event.yaml");
const withLink = (link: string) =>
  parse(shipped.replace("  - { rule: R25, within: site, to: CRITICAL }", `  - ${link}`), "own.yaml");
const faults = (link: string) =>
  linkFaults([withLink(link), r25]).map(({ line, column, message }) => `${line}:${column} ${message}`);

test("a rule that is raised by one that does not exist is refused where it says so", () => {
  expect(faults("{ rule: R25, within: site, to: CRITICAL }")).toEqual([]);
  expect(faults("{ rule: R52, within: site, to: CRITICAL }")).toEqual([
    '48:13 there is no rule "R52", expected one of R13, R25',
  ]);
  expect(faults("{ rule: R13, within: site, to: CRITICAL }")).toEqual([
    '48:13 "R13" is this rule itself, expected another',
  ]);
});

test("a subcode that the other rule does not have is refused with those that it has", () => {
  expect(faults("{ rule: R25, subcodes: [batery], to: CRITICAL }")).toEqual([
    '48:28 R25 has no subcode "batery", expected one of frequency, low, high, steady, battery, bypass, transfer',
  ]);
});

test("a subcode of its own that it does not have, and a severity that is none, are refused with the file", () => {
  const own = parseRule(shipped.replace("to: CRITICAL }", "to: CRITICAL, own: [other] }"), "x.yaml");
  expect(own).toMatchObject({
    faults: [{ line: 48, message: 'raised_by.0.own.0: must be one of the rule\'s subcodes reserve, got "other"' }],
  });
  const severity = parseRule(shipped.replace("to: CRITICAL }", "to: HIGH }"), "x.yaml");
  expect(severity).toMatchObject({ ok: false, faults: [{ line: 48 }] });
});

test("a rule on readings cannot wait for one on minutes, nor two rules for each other", () => {
  const reading = parse(`${r25.source}raised_by: [{ rule: R13, within: site, to: CRITICAL }]\n`, "r25.yaml");
  const r13 = withLink("{ rule: R21-FAILOVER, within: site, to: CRITICAL }");
  const failover = read("r21-failover.yaml");
  const back = parse(failover.source.replace("rule: R22", "rule: R13").replace("subcodes: [single], ", ""), "r21.yaml");
  expect(linkFaults([reading, r13, failover, read("r22-feed-imbalance.yaml")]).map(({ message }) => message)).toEqual([
    "R13 is judged minute by minute, expected a rule on: reading, as this one is",
  ]);
  expect(linkFaults([r13, back]).map(({ file, message }) => `${file} ${message}`)).toEqual([
    "own.yaml goes round in a circle: R13 → R21-FAILOVER → R13",
    "r21.yaml goes round in a circle: R21-FAILOVER → R13 → R21-FAILOVER",
  ]);
});

test("the catalogue refuses an own rule that names an unknown one, and loads as it is shipped", async () => {
  const dir = mkdtempSync(join(tmpdir(), "wattlas-links-"));
  onTestFinished(() => rmSync(dir, { recursive: true }));
  expect(await loadCatalogue()).toMatchObject({ ok: true });
  writeFileSync(join(dir, "own.yaml"), shipped.replace("version: 1", "version: 2").replace("rule: R25", "rule: R52"));
  const loaded = await loadCatalogue(dir);
  expect(loaded).toMatchObject({ ok: false, code: "RULES_FILE_INVALID" });
  expect(loaded.ok ? [] : loaded.faults.map(({ line, message }) => `${line} ${message.slice(0, 25)}`)).toEqual([
    '48 there is no rule "R52", e',
  ]);
});
