import { type SavedMemory, widthOf } from "./memory.ts";
import type { Rule } from "./rule.ts";

/** What each window of each rule added up when it was saved: rule, window, hash. */
export type WindowTerms = Readonly<Record<string, Readonly<Record<string, string>>>>;

type Memories = Readonly<Record<string, Readonly<Record<string, SavedMemory>>>>;

const hashLength = 12;

/** Windows are found again by name: the hash tells whether it is still the same window. */
export const windowTermsOf = (rules: readonly Rule[], hash: (text: string) => string): WindowTerms =>
  Object.fromEntries(
    rules.flatMap((rule) => {
      if (rule.windows.length === 0) return [];
      const own = rule.windows.map((window) => {
        const { name, how, overS, agoS, q, expression } = window;
        const values = expression.names.map((used) => rule.parameters[used] ?? null);
        const terms = [how, overS, agoS, q, widthOf(rule, window), expression.text, values];
        return [name, hash(JSON.stringify(terms)).slice(0, hashLength)] as const;
      });
      return [[rule.id, Object.fromEntries(own)] as const];
    }),
  );

/**
 * Without the windows that add up something else now: their slices would be read as what they are not. What was saved
 * before terms were kept is taken as it is.
 */
export const withoutChanged = (memory: Memories, was: WindowTerms | undefined, now: WindowTerms): Memories => {
  if (was === undefined) return memory;
  return Object.fromEntries(
    Object.entries(memory).map(([rule, subjects]) => {
      const terms = now[rule];
      const changed = Object.keys(terms ?? {}).filter((name) => was[rule]?.[name] !== terms?.[name]);
      if (changed.length === 0) return [rule, subjects];
      const kept = Object.entries(subjects).map(([subject, one]) => {
        const windows = Object.entries(one.windows).filter(([name]) => !changed.includes(name));
        return [subject, { ...one, windows: Object.fromEntries(windows) }] as const;
      });
      return [rule, Object.fromEntries(kept)];
    }),
  );
};
