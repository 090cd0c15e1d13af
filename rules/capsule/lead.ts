import { parseRule, type Rule, type RuleWindow } from "../rule.ts";
import type { RuleSummary } from "../rules.ts";
import { linksOf } from "../suppress.ts";
import { rememberedFacts } from "../vocabulary.ts";

/** How far the rules that concern an alert look back from its start, ms. */
export interface Lead {
  readonly accountsMs: number;
  readonly readingsMs: number;
  /** They read what was learned or counted over weeks. */
  readonly learned: boolean;
}

const hourMs = 3_600_000;

/**
 * What the rule of an alert looks at to raise and to clear it, and those whose alerts silence it or make it worse: their longest window, and
 * an hour more for holds, last known values and the slice in which a window begins.
 */
export const leadOf = (
  { rule, subcode }: { readonly rule: string; readonly subcode: string },
  rules: readonly Pick<RuleSummary, "id" | "file" | "source">[],
): Lead => {
  const seen = new Map<string, Rule>();
  const look = (id: string): void => {
    const one = rules.find((each) => each.id === id);
    if (one === undefined || seen.has(id)) return;
    const parsed = parseRule(one.source, one.file);
    if (!parsed.ok) return;
    seen.set(id, parsed.rule);
    for (const { rule: other } of linksOf(parsed.rule)) look(other);
  };
  look(rule);
  const lead = { accountsMs: hourMs, readingsMs: hourMs };
  const learned = [...seen.values()].some(({ inputs }) => inputs.some(isLearned));
  for (const [id, one] of seen) {
    const reach = reachMs(one, id === rule ? subcode : null);
    const key = one.on === "account" ? "accountsMs" : "readingsMs";
    if (reach > 0) lead[key] = Math.max(lead[key], reach + hourMs);
  }
  return { ...lead, learned, accountsMs: Math.max(lead.accountsMs, lead.readingsMs) };
};

const isLearned = (name: string): boolean => rememberedFacts.includes(name) || name === "month_events";

/** The longest window that decides about a subcode; null, or a subcode that no level has: about any. */
const reachMs = (rule: Rule, subcode: string | null): number => {
  const own = rule.levels.filter((level) => level.subcode === subcode);
  const levels = own.length > 0 ? own : rule.levels;
  const read = new Set<string>();
  const named = new Map(
    [...rule.windows, ...rule.lets, ...rule.thresholds].map(({ name, expression }) => [name, expression.names]),
  );
  const follow = (names: readonly string[]): void => {
    for (const name of names) {
      if (read.has(name)) continue;
      read.add(name);
      follow(named.get(name) ?? []);
    }
  };
  for (const { trigger, clear } of levels) follow([...trigger.names, ...clear.names]);
  for (const { names } of [...rule.suppressIf, ...rule.exempt]) follow(names);
  follow(rule.thresholds.map(({ name }) => name));
  const lengthOf = ({ overS, agoS }: RuleWindow): number => (overS + agoS) * 1000;
  return Math.max(0, ...rule.windows.filter(({ name }) => read.has(name)).map(lengthOf));
};
