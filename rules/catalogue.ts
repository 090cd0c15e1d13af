import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { RulesCode } from "./codes.ts";
import { linkFaults } from "./links.ts";
import { parseRule, type Rule } from "./rule.ts";
import type { RuleFault } from "./rule-places.ts";
import type { RuleSummary } from "./rules.ts";

export interface Catalogue {
  readonly rules: readonly Rule[];
  readonly summaries: readonly RuleSummary[];
}

export const shippedDir = join(import.meta.dirname, "catalog");

/**
 * The shipped rules and the operator's own; an own rule of the same id and a higher version takes the shipped one's
 * place. Rules in shadow mode that `switchedOn` names are on; with `shadow` off the others are off. Every fault of every file at once. Throws only when a folder or file cannot be read.
 */
export const loadCatalogue = async (
  ownDir?: string,
  switchedOn: readonly string[] = [],
  shadow: "on" | "off" = "on",
): Promise<
  | { readonly ok: true; readonly catalogue: Catalogue }
  | { readonly ok: false; readonly code: RulesCode; readonly faults: readonly RuleFault[] }
> => {
  const shipped = await loadDir(shippedDir);
  const own = ownDir === undefined ? { rules: [], faults: [] } : await loadDir(ownDir);
  const faults = [...shipped.faults, ...own.faults];
  const inForce = new Map<string, { readonly rule: Rule; readonly origin: RuleSummary["origin"] }>();
  for (const rule of shipped.rules) inForce.set(rule.id, { rule, origin: "shipped" });
  for (const rule of own.rules) {
    const other = inForce.get(rule.id);
    if (other !== undefined && rule.version <= other.rule.version) {
      const where = other.origin === "own" ? other.rule.file : "the shipped rule";
      const message = `version: ${rule.id} has version ${other.rule.version} in ${where}, expected a higher one here, got ${rule.version}`;
      faults.push({ file: rule.file, line: lineOf(rule.source, "version"), column: 1, message });
    } else inForce.set(rule.id, { rule, origin: "own" });
  }
  // What a faulty file would have brought is not there to be named.
  if (faults.length === 0) faults.push(...linkFaults([...inForce.values()].map(({ rule }) => rule)));
  for (const id of switchedOn) {
    if (inForce.has(id)) continue;
    const message = `"${id}" is no rule in force, expected one of ${[...inForce.keys()].sort().join(", ")}`;
    faults.push({ file: "RULES_ON", line: 1, column: 1, message });
  }
  if (faults.length > 0) return { ok: false, code: "RULES_FILE_INVALID", faults };
  const entries = [...inForce.values()]
    .map(({ rule, origin }) => ({
      rule: { ...rule, mode: modeOf(rule, switchedOn, shadow) },
      origin,
    }))
    .sort((a, b) => (a.rule.id < b.rule.id ? -1 : 1));
  return {
    ok: true,
    catalogue: {
      rules: entries.map(({ rule }) => rule),
      summaries: entries.map(({ rule, origin }) => summaryOf(rule, origin)),
    },
  };
};

const modeOf = ({ id, mode }: Rule, switchedOn: readonly string[], shadow: "on" | "off"): Rule["mode"] => {
  if (switchedOn.includes(id)) return "on";
  return mode === "shadow" && shadow === "off" ? "off" : mode;
};

const loadDir = async (dir: string) => {
  const names = (await readdir(dir)).filter((name) => name.endsWith(".yaml") && !name.endsWith(".test.yaml")).sort();
  const parsed = await Promise.all(
    names.map(async (name) => parseRule(await readFile(join(dir, name), "utf8"), join(dir, name))),
  );
  return {
    rules: parsed.flatMap((result) => (result.ok ? [result.rule] : [])),
    faults: parsed.flatMap((result) => (result.ok ? [] : result.faults)),
  };
};

const lineOf = (source: string, key: string): number =>
  Math.max(1, source.split("\n").findIndex((line) => line.startsWith(`${key}:`)) + 1);

const summaryOf = (rule: Rule, origin: RuleSummary["origin"]): RuleSummary => ({
  id: rule.id,
  version: rule.version,
  title: rule.title,
  action: rule.action,
  mode: rule.mode,
  on: rule.on,
  subject: rule.subject,
  everyS: rule.everyS,
  inputs: rule.inputs,
  levels: rule.levels.map(({ severity, subcode, trigger, holdOnS, clear, holdOffS }) => ({
    severity,
    subcode,
    trigger: trigger.text,
    holdOnS,
    clear: clear.text,
    holdOffS,
  })),
  parameters: rule.parameters,
  sites: {},
  subjects: {},
  hasLoss: rule.loss !== null,
  origin,
  file: rule.file.split(/[\\/]/).at(-1) ?? rule.file,
  source: rule.source,
});
