// What a rule is at one site, and which rules a page shows.
import type { RuleActivityWire, RuleWire, Severity } from "#lib/wire.ts";

export type RuleMode = RuleWire["mode"];
export const ruleModes = ["on", "shadow", "off"] as const satisfies readonly RuleMode[];

/** A site file may change it. */
export const modeAt = (rule: RuleWire, site: string | null): RuleMode =>
  (site === null ? undefined : rule.sites[site]?.mode) ?? rule.mode;

export interface RuleRow {
  readonly rule: RuleWire;
  readonly mode: RuleMode;
  /** The site's file says otherwise than the rule. */
  readonly isChanged: boolean;
  readonly subjects: number;
  /** The gravest first. */
  readonly severities: readonly Severity[];
  readonly fired: RuleActivityWire["items"][number] | null;
}

const gravestFirst = ["CRITICAL", "MAJOR", "WARNING", "INFO"] as const;

export const rowsOf = (
  rules: readonly RuleWire[],
  activity: RuleActivityWire | null,
  site: string | null,
): readonly RuleRow[] =>
  rules.map((rule) => ({
    rule,
    mode: modeAt(rule, site),
    isChanged: site !== null && Object.hasOwn(rule.sites, site),
    subjects: site === null ? 0 : (rule.subjects[site] ?? 0),
    severities: gravestFirst.filter((severity) => rule.levels.some((level) => level.severity === severity)),
    fired: activity?.items.find((one) => one.rule === rule.id) ?? null,
  }));

export interface RuleFilter {
  readonly mode: RuleMode | null;
  readonly text: string;
  readonly sort: "id" | "fired";
}

export const parseRuleFilter = (search: URLSearchParams): RuleFilter => ({
  mode: ruleModes.find((mode) => mode === search.get("mode")) ?? null,
  text: search.get("q") ?? "",
  sort: search.get("sort") === "fired" ? "fired" : "id",
});

const matches = ({ rule }: RuleRow, text: string): boolean => {
  const needle = text.trim().toLowerCase();
  if (needle === "") return true;
  const hay = [rule.id, rule.title.en, rule.title["zh-CN"], rule.file, ...rule.inputs, ...Object.keys(rule.parameters)];
  return hay.some((part) => part.toLowerCase().includes(needle));
};

export const shownRules = (rows: readonly RuleRow[], { mode, text, sort }: RuleFilter): readonly RuleRow[] => {
  const shown = rows.filter((row) => (mode === null || row.mode === mode) && matches(row, text));
  if (sort === "id") return shown;
  return shown.toSorted(
    (a, b) => (b.fired?.alerts ?? 0) - (a.fired?.alerts ?? 0) || a.rule.id.localeCompare(b.rule.id, "en"),
  );
};

/** A rule's numbers here: what the rule says, and what the site's file says instead. */
export const parametersAt = (rule: RuleWire, site: string | null) =>
  Object.entries(rule.parameters).map(([name, own]) => ({
    name,
    own,
    here: (site === null ? undefined : rule.sites[site]?.parameters[name]) ?? null,
  }));
