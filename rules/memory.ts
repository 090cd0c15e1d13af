import type { Facts } from "./evaluate.ts";
import type { Value } from "./expression.ts";
import { createProgram, type Program } from "./program.ts";
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
export const isRemembering = (rule: Rule): boolean =>
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
      const recall = recallOf(rule);
      if (recall === null) return { facts, isDue: true };
      const mine = heldOf(rule, subject);
      const seen: Record<string, Value | null> = {};
      for (const name of rule.inputs) seen[name] = facts[name] ?? null;
      recallInputs(recall, mine, seen, now);
      const every = rule.everyS === null ? null : rule.everyS * 1000;
      const isDue = every === null || mine.judged === null || Math.floor(now / every) > Math.floor(mine.judged / every);
      recallWindows(rule, recall, mine, seen, { now, isDue });
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

/** What a rule asks of its past, worked out once. */
interface Recall {
  readonly absences: readonly (readonly [name: string, absent: string])[];
  /** Inputs whose age counts, by the limit or by their name; null: not named. */
  readonly ages: readonly {
    readonly name: string;
    readonly maxAgeS: number | undefined;
    readonly age: string | null;
  }[];
  readonly program: Program | null;
  readonly parameters: readonly (readonly [slot: number, value: number])[];
  readonly given: readonly (readonly [slot: number, name: string])[];
  readonly windows: readonly {
    readonly window: RuleWindow;
    readonly width: number;
    readonly sample: () => Value | null;
  }[];
}

const recalls = new WeakMap<Rule, { readonly recall: Recall | null }>();

/** Null for a rule that has none: it must not be shown every value. */
const recallOf = (rule: Rule): Recall | null => {
  const known = recalls.get(rule);
  if (known !== undefined) return known.recall;
  const recall = isRemembering(rule) ? newRecall(rule) : null;
  recalls.set(rule, { recall });
  return recall;
};

const newRecall = (rule: Rule): Recall => {
  const isRead = (name: string): boolean => rule.companions.includes(name);
  const program = rule.windows.length === 0 ? null : createProgram();
  const windows = rule.windows.map((window) => ({
    ...{ window, width: widthOf(rule, window) },
    sample: program?.compile(window.expression) ?? (() => null),
  }));
  const read = new Set(rule.windows.flatMap(({ expression }) => expression.names));
  const slotOf = (name: string): number => program?.slotOf(name) ?? 0;
  return {
    ...{ program, windows },
    absences: rule.inputs.flatMap((name) => (isRead(`${name}_absent`) ? [[name, `${name}_absent`] as const] : [])),
    ages: rule.inputs.flatMap((name) => {
      const maxAgeS = rule.maxAgeS[name];
      const age = isRead(`${name}_age_s`) ? `${name}_age_s` : null;
      return maxAgeS === undefined && age === null ? [] : [{ name, maxAgeS, age }];
    }),
    parameters: Object.entries(rule.parameters).flatMap(([name, value]) =>
      read.has(name) ? [[slotOf(name), value] as const] : [],
    ),
    given: [...rule.inputs, ...rule.companions].flatMap((name) =>
      read.has(name) ? [[slotOf(name), name] as const] : [],
    ),
  };
};

const recallInputs = (
  { absences, ages }: Recall,
  mine: Held,
  seen: Record<string, Value | null>,
  now: number,
): void => {
  for (const [name, absent] of absences) seen[absent] = seen[name] === null;
  for (const { name, maxAgeS, age } of ages) {
    const value = seen[name] ?? null;
    if (value !== null) mine.last[name] = [value, now];
    const last = mine.last[name];
    const ageS = last === undefined ? null : (now - last[1]) / 1000;
    if (age !== null) seen[age] = ageS;
    if (value === null && last !== undefined && maxAgeS !== undefined && ageS !== null && ageS <= maxAgeS)
      seen[name] = last[0];
  }
};

const recallWindows = (
  rule: Rule,
  { program, windows, parameters, given }: Recall,
  mine: Held,
  seen: Record<string, Value | null>,
  { now, isDue }: { readonly now: number; readonly isDue: boolean },
): void => {
  if (program === null) return;
  const { slots } = program;
  for (const [slot, value] of parameters) slots[slot] = value;
  for (const [slot, name] of given) slots[slot] = seen[name] ?? undefined;
  for (const { window, width, sample } of windows) {
    const value = sample();
    const number = typeof value === "boolean" ? Number(value) : typeof value === "number" ? value : null;
    const buckets = add(window, width, mine.windows[window.name] ?? [], number, now);
    mine.windows[window.name] = buckets;
    // Months of slices are not added up for a rule that looks at them once a week.
    if (isDue) seen[window.name] = windowValue(rule, window, { buckets, width, now });
  }
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

const add = (window: RuleWindow, width: number, buckets: Bucket[], value: number | null, now: number): Bucket[] => {
  const slot = slotOf(width, now);
  const oldest = slot - Math.ceil(((window.overS + window.agoS) * 1000) / width);
  const kept = buckets;
  let gone = 0;
  while (gone < kept.length && (kept[gone]?.[0] ?? oldest) < oldest) gone++;
  if (gone === 1) kept.shift();
  else if (gone > 1) kept.splice(0, gone);
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

const windowValue = (
  rule: Rule,
  window: RuleWindow,
  { buckets, width, now }: { readonly buckets: readonly Bucket[]; readonly width: number; readonly now: number },
): number | null => {
  const slices = Math.ceil((window.overS * 1000) / width);
  const slot = slotOf(width, now) - Math.ceil((window.agoS * 1000) / width);
  if (window.how === "previous") {
    const then = buckets.find(([at]) => at === slot - slices);
    return then === undefined ? null : then[1] / then[2];
  }
  // In order of time.
  let from = 0;
  while (from < buckets.length && (buckets[from]?.[0] ?? 0) <= slot - slices) from++;
  let to = buckets.length;
  while (to > from && (buckets[to - 1]?.[0] ?? 0) > slot) to--;
  const inside = from === 0 && to === buckets.length ? buckets : buckets.slice(from, to);
  if (!isCovered(rule, inside, slices, window.least)) return null;
  const sumOf = (): number =>
    isMinutely(rule, window)
      ? slidingSum(
          inside.map((bucket) => [bucket[0], bucket[1]] as const),
          slot,
          slices,
        )
      : total(inside, 1);
  switch (window.how) {
    case "mean":
      return sumOf() / total(inside, 2);
    case "sum":
    case "count":
      return sumOf();
    case "min":
      return leastOf(inside);
    case "max":
      return mostOf(inside);
    case "range":
      return mostOf(inside) - leastOf(inside);
    case "rate":
      return rateOf(inside, width);
    case "quantile": {
      const means = new Float64Array(inside.length);
      for (const [index, bucket] of inside.entries()) means[index] = bucket[1] / bucket[2];
      return quantileOf(means, window.q);
    }
  }
};

const total = (inside: readonly Bucket[], field: 1 | 2): number => {
  let sum = 0;
  for (const bucket of inside) sum += bucket[field];
  return sum;
};
const leastOf = (inside: readonly Bucket[]): number => {
  let least = Number.POSITIVE_INFINITY;
  for (const bucket of inside) least = Math.min(least, bucket[3]);
  return least;
};
const mostOf = (inside: readonly Bucket[]): number => {
  let most = Number.NEGATIVE_INFINITY;
  for (const bucket of inside) most = Math.max(most, bucket[4]);
  return most;
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
export const quantile = (values: readonly number[], q: number): number | null =>
  quantileOf(new Float64Array(values), q);

const quantileOf = (values: Float64Array, q: number): number | null => {
  const sorted = values.sort();
  const rank = q * (sorted.length - 1);
  const [low, high] = [sorted[Math.floor(rank)], sorted[Math.ceil(rank)]];
  return low === undefined || high === undefined ? null : low + (high - low) * (rank - Math.floor(rank));
};
