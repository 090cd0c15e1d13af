import type { Facts } from "./evaluate.ts";
import type { Context, Value } from "./expression.ts";
import type { Rule, RuleWindow } from "./rule.ts";
import { slidingSum } from "./sliding.ts";

/** What a rule remembers of one subject; plain data. */
export interface SavedMemory {
  /** Newest known value of an input and when it was known. */
  readonly last: Readonly<Record<string, readonly [value: Value, at: number]>>;
  readonly windows: Readonly<Record<string, readonly Bucket[]>>;
  readonly judged: number | null;
}

/** Values of one slice of a window: slice number, sum, count, least, greatest, first, last. */
export type Bucket = readonly [
  slot: number,
  sum: number,
  count: number,
  min: number,
  max: number,
  first: number,
  last: number,
];

/** The past that rules on values and windows need, per rule and subject. */
export interface Memory {
  /** Adds one moment; gives the facts with ages and absences, and when it is due window values. `isDue`: false between two judgements. */
  see(rule: Rule, subject: string, facts: Facts, now: number): { readonly facts: Facts; readonly isDue: boolean };
  save(): Readonly<Record<string, Readonly<Record<string, SavedMemory>>>>;
}

interface Held {
  last: Record<string, readonly [value: Value, at: number]>;
  windows: Record<string, Bucket[]>;
  judged: number | null;
}

// More slices than this say nothing that a rule with a hold could use.
const mostSlices = 60;
const minuteMs = 60_000;

/** Whether a rule must be shown every value, not only those that it judges. */
const remembers = (rule: Rule): boolean =>
  rule.windows.length > 0 || rule.everyS !== null || rule.companions.length > 0 || Object.keys(rule.maxAgeS).length > 0;

export const createMemory = (saved: ReturnType<Memory["save"]> = {}): Memory => {
  const held = new Map<string, Map<string, Held>>();
  for (const [rule, subjects] of Object.entries(saved)) {
    const mine = new Map<string, Held>();
    for (const [subject, { last, windows, judged }] of Object.entries(subjects)) {
      mine.set(subject, {
        last: { ...last },
        windows: Object.fromEntries(Object.entries(windows).map(([name, buckets]) => [name, [...buckets]])),
        judged,
      });
    }
    held.set(rule, mine);
  }
  const heldOf = (rule: Rule, subject: string): Held => {
    const mine = held.get(rule.id) ?? new Map<string, Held>();
    held.set(rule.id, mine);
    const one = mine.get(subject) ?? { last: {}, windows: {}, judged: null };
    mine.set(subject, one);
    return one;
  };
  return {
    see(rule, subject, facts, now) {
      if (!remembers(rule)) return { facts, isDue: true };
      const mine = heldOf(rule, subject);
      const seen: Record<string, Value | null> = {};
      for (const name of rule.inputs) seen[name] = facts[name] ?? null;
      recallInputs(rule, mine, seen, now);
      const every = rule.everyS === null ? null : rule.everyS * 1000;
      const isDue = every === null || mine.judged === null || Math.floor(now / every) > Math.floor(mine.judged / every);
      recallWindows(rule, mine, seen, { now, isDue });
      if (isDue) mine.judged = now;
      return { facts: seen, isDue };
    },
    save: () =>
      Object.fromEntries(
        [...held].map(([rule, subjects]) => [
          rule,
          Object.fromEntries(
            [...subjects].map(([subject, { last, windows, judged }]) => [
              subject,
              {
                last: { ...last },
                windows: Object.fromEntries(Object.entries(windows).map(([name, buckets]) => [name, [...buckets]])),
                judged,
              },
            ]),
          ),
        ]),
      ),
  };
};

const recallInputs = (rule: Rule, mine: Held, seen: Record<string, Value | null>, now: number): void => {
  for (const name of rule.inputs) {
    const maxAgeS = rule.maxAgeS[name];
    const wantsAge = rule.companions.includes(`${name}_age_s`);
    if (rule.companions.includes(`${name}_absent`)) seen[`${name}_absent`] = seen[name] === null;
    if (maxAgeS === undefined && !wantsAge) continue;
    const value = seen[name] ?? null;
    if (value !== null) mine.last[name] = [value, now];
    const last = mine.last[name];
    const ageS = last === undefined ? null : (now - last[1]) / 1000;
    if (wantsAge) seen[`${name}_age_s`] = ageS;
    if (value === null && last !== undefined && maxAgeS !== undefined && ageS !== null && ageS <= maxAgeS)
      seen[name] = last[0];
  }
};

const recallWindows = (
  rule: Rule,
  mine: Held,
  seen: Record<string, Value | null>,
  { now, isDue }: { readonly now: number; readonly isDue: boolean },
): void => {
  if (rule.windows.length === 0) return;
  const context: Record<string, Value> = { ...rule.parameters };
  for (const [name, value] of Object.entries(seen)) if (value !== null) context[name] = value;
  for (const window of rule.windows) {
    const buckets = add(rule, window, mine.windows[window.name] ?? [], sampleOf(window, context), now);
    mine.windows[window.name] = buckets;
    // Months of slices are not added up for a rule that looks at them once a week.
    if (isDue) seen[window.name] = windowValue(rule, window, buckets, now);
  }
};

const sampleOf = (window: RuleWindow, context: Context): number | null => {
  const value = window.expression.run(context);
  if (typeof value === "boolean") return value ? 1 : 0;
  return typeof value === "number" ? value : null;
};

/** Slices need not be finer than the rule is judged, unless they would be too few to tell. */
export const widthOf = (rule: Rule, { overS }: RuleWindow): number =>
  Math.max(
    Math.ceil((overS * 1000) / mostSlices),
    rule.on === "account" ? minuteMs : Math.min((rule.everyS ?? 1) * 1000, overS * 200),
  );

/** Slices of a minute each up to now, of which an account fills one. */
export const isMinutely = (rule: Rule, window: RuleWindow): boolean =>
  rule.on === "account" && window.agoS === 0 && widthOf(rule, window) === minuteMs;

/** A window ends with its newest value: the minute that closes at `now` is the last slice. */
export const slotOf = (width: number, now: number): number => Math.floor((now - 1) / width);

const add = (rule: Rule, window: RuleWindow, buckets: Bucket[], value: number | null, now: number): Bucket[] => {
  const width = widthOf(rule, window);
  const slot = slotOf(width, now);
  const oldest = slot - Math.ceil(((window.overS + window.agoS) * 1000) / width);
  const kept = (buckets[0]?.[0] ?? oldest) < oldest ? buckets.filter(([at]) => at >= oldest) : buckets;
  if (value === null) return kept;
  const newest = kept.at(-1);
  if (newest === undefined || newest[0] < slot) {
    kept.push([slot, value, 1, value, value, value, value]);
    return kept;
  }
  if (newest[0] > slot) return kept;
  const [, sum, count, min, max, first] = newest;
  kept[kept.length - 1] = [slot, sum + value, count + 1, Math.min(min, value), Math.max(max, value), first, value];
  return kept;
};

const windowValue = (rule: Rule, window: RuleWindow, buckets: readonly Bucket[], now: number): number | null => {
  const width = widthOf(rule, window);
  const slices = Math.ceil((window.overS * 1000) / width);
  const slot = slotOf(width, now) - Math.ceil((window.agoS * 1000) / width);
  if (window.how === "previous") {
    const then = buckets.find(([at]) => at === slot - slices);
    return then === undefined ? null : then[1] / then[2];
  }
  const inside = buckets.filter(([at]) => at > slot - slices && at <= slot);
  if (!isCovered(rule, inside, slices, window.least)) return null;
  const sum = isMinutely(rule, window)
    ? slidingSum(
        inside.map((bucket) => [bucket[0], bucket[1]] as const),
        slot,
        slices,
      )
    : inside.reduce((total, bucket) => total + bucket[1], 0);
  const count = inside.reduce((total, bucket) => total + bucket[2], 0);
  const min = Math.min(...inside.map((bucket) => bucket[3]));
  const max = Math.max(...inside.map((bucket) => bucket[4]));
  switch (window.how) {
    case "mean":
      return sum / count;
    case "sum":
    case "count":
      return sum;
    case "min":
      return min;
    case "max":
      return max;
    case "range":
      return max - min;
    case "rate":
      return rateOf(inside, width);
    case "quantile":
      return quantile(
        inside.map((bucket) => bucket[1] / bucket[2]),
        window.q,
      );
  }
};

/** A minute's account fills its slice or is missing; readings come as they like and may leave no great hole. */
const isCovered = (rule: Rule, inside: readonly Bucket[], slices: number, least: number): boolean => {
  const first = inside[0];
  const last = inside.at(-1);
  if (first === undefined || last === undefined) return false;
  if (rule.on === "account") return inside.length / slices >= least;
  const hole = inside.reduce((widest, [at], index) => Math.max(widest, at - (inside[index - 1]?.[0] ?? at)), 0);
  return (last[0] - first[0] + 1) / slices >= least && hole <= Math.max(1, slices * 0.25);
};

/** Change per minute between the first and the last slice. */
const rateOf = (inside: readonly Bucket[], width: number): number | null => {
  const first = inside[0];
  const last = inside.at(-1);
  if (first === undefined || last === undefined || last[0] === first[0]) return null;
  return (last[6] - first[5]) / (((last[0] - first[0]) * width) / minuteMs);
};

/** Linear between the two nearest ranks. */
export const quantile = (values: readonly number[], q: number): number | null => {
  const sorted = [...values].sort((a, b) => a - b);
  const rank = q * (sorted.length - 1);
  const [low, high] = [sorted[Math.floor(rank)], sorted[Math.ceil(rank)]];
  return low === undefined || high === undefined ? null : low + (high - low) * (rank - Math.floor(rank));
};
