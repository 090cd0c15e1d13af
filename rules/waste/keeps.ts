import type { Rule } from "../rule.ts";
import { rememberedFacts } from "../vocabulary.ts";

/** Inputs that a loss formula reads and that no account of a later minute tells: windows, and what was learned. */
export const lossKeeps = (rule: Rule): readonly string[] => {
  const { loss } = rule;
  if (loss === null) return [];
  const named = new Map([...rule.lets, ...rule.thresholds].map(({ name, expression }) => [name, expression]));
  const windows = new Set(rule.windows.map(({ name }) => name));
  const found = new Set<string>();
  const visit = (names: readonly string[]): void => {
    for (const name of names) {
      const isKept = windows.has(name) || rememberedFacts.includes(name) || rule.on === "reading";
      if (isKept && (windows.has(name) || rule.inputs.includes(name))) found.add(name);
      visit(named.get(name)?.names ?? []);
    }
  };
  for (const part of [loss.power, loss.moneyPerH, loss.moneyOnce]) visit(part?.names ?? []);
  return [...found].sort();
};
