import type { Bank } from "./bank.ts";
import { chunkSubjects, type Operand } from "./column.ts";
import type { Expression } from "./expression.ts";
import { slotOf, widthOf } from "./memory.ts";
import type { Outlook } from "./node-columns.ts";
import {
  anyRange,
  createRange,
  mayBe,
  type Range,
  type ReachNames,
  type ReachRun,
  rangeOf,
  reachColumnOf,
} from "./reach-columns.ts";
import type { Named, Rule, RuleWindow } from "./rule.ts";
import type { Tree } from "./tree.ts";
import { isNodeFact } from "./vocabulary.ts";
import { boundDifference, boundWindow, type Passing } from "./window-bounds.ts";

// what the minutes to come bring ─▶ what each window can come to ─▶ of whom a trigger could be true in any of them

export interface ForesightDeps {
  readonly rule: Rule;
  readonly members: Int32Array;
  /** Of those on which the triggers depend. */
  readonly windows: readonly { readonly window: RuleWindow; readonly bank: Bank; readonly isShared: boolean }[];
  readonly named: readonly Named[];
  /** The input whose absence a companion says. */
  readonly absences: readonly { readonly name: string; readonly of: string | null }[];
  /** What a window is given in one minute, from columns. */
  readonly sampleOf: (
    window: RuleWindow,
    from: number,
    count: number,
    column: (name: string) => Float64Array,
  ) => Operand;
}

/** The places of those members that must be looked at in the minutes to come, in order; null when they are too many. */
export type Foresight = (outlook: Outlook) => Int32Array | null;

// Of more it is cheaper to look at all.
const mostShare = 1 / 6;

export const createForesight = ({
  rule,
  members,
  windows,
  named,
  absences,
  sampleOf,
}: ForesightDeps): Foresight | null => {
  const blinds = rule.blind?.inputs ?? [];
  if (blinds.some((name) => !isNodeFact(name))) return null;
  const ranges = new Map<string, Range>();
  for (const [name, value] of Object.entries(rule.parameters)) ranges.set(name, rangeOf(value));
  const inputs = rule.inputs.filter(isNodeFact).map((name) => ({ name, range: createRange() }));
  for (const { name, range } of inputs) ranges.set(name, range);
  const absent = absences.map(({ name, of }) => ({ of: of ?? "", name, range: createRange() }));
  for (const { name, range } of absent) ranges.set(name, range);
  const own = windows
    .filter(({ isShared }) => !isShared)
    .map((one) => ({ ...one, fresh: createRange(), range: createRange() }));
  type Own = (typeof own)[number];
  for (const { window, range } of own) ranges.set(window.name, range);

  const pairs = new Map<string, { readonly of: readonly [Own, Own]; readonly range: Range }>();
  const names: ReachNames = {
    rangeOf: (name) => ranges.get(name) ?? anyRange,
    differenceOf(left, right) {
      const [one, other] = [left, right].map((name) => own.find(({ window }) => window.name === name));
      if (one === undefined || other === undefined || !areAlike(rule, one.window, other.window)) return null;
      const key = `${left} ${right}`;
      const pair = pairs.get(key) ?? { of: [one, other] as const, range: createRange() };
      pairs.set(key, pair);
      return pair.range;
    },
  };
  const compiled = ({ tree }: Expression): ReachRun => (tree === null ? () => anyRange : reachColumnOf(tree, names));
  const samples = own.map((one) => ({ ...one, run: compiled(one.window.expression) }));
  const steps = named.map(({ name, expression }) => {
    const [run, range] = [compiled(expression), createRange()];
    ranges.set(name, range);
    return { run, range };
  });
  const triggers = rule.levels.map(({ trigger }) => compiled(trigger));
  const difference = createRange();

  const placeInputs = (outlook: Outlook, from: number, count: number): void => {
    for (const { name, range } of inputs) {
      const bounds = outlook.bounds(name);
      for (let i = 0; i < count; i++) {
        const member = members[from + i] ?? 0;
        range.low[i] = bounds?.low[member] ?? Number.NEGATIVE_INFINITY;
        range.high[i] = bounds?.high[member] ?? Number.POSITIVE_INFINITY;
      }
    }
    for (const { of, range } of absent) {
      const lacks = isNodeFact(of) ? outlook.bounds(of)?.lacks : undefined;
      range.low.fill(0, 0, count);
      for (let i = 0; i < count; i++) range.high[i] = lacks?.[members[from + i] ?? 0] ?? 1;
    }
  };
  /** Each minute apart where all is known of it: what goes up and down together is not bounded apart. */
  const isKnown = (outlook: Outlook, { expression }: RuleWindow): boolean =>
    expression.names.every((name) => Object.hasOwn(rule.parameters, name) || outlook.column(name, 0) !== null);
  const columnAt =
    (outlook: Outlook, minute: number) =>
    (name: string): Float64Array =>
      outlook.column(name, minute) ?? nothing;
  const placeSamples = (outlook: Outlook, from: number, count: number): void => {
    for (const { window, run, fresh } of samples) {
      if (isName(window.expression.tree) || !isKnown(outlook, window)) {
        copyRange(run(count), fresh, count);
        continue;
      }
      fresh.low.fill(Number.POSITIVE_INFINITY, 0, count);
      fresh.high.fill(Number.NEGATIVE_INFINITY, 0, count);
      for (let minute = 0; minute < outlook.ahead.minutes.length; minute++)
        widen(fresh, sampleOf(window, from, count, columnAt(outlook, minute)), count);
    }
  };
  const placeDifferences = (outlook: Outlook, from: number, count: number): void => {
    let before = "";
    for (const { of, range } of pairs.values()) {
      const [left, right] = of;
      if (!isKnown(outlook, left.window) || !isKnown(outlook, right.window)) {
        range.low.fill(Number.NEGATIVE_INFINITY, 0, count);
        range.high.fill(Number.POSITIVE_INFINITY, 0, count);
        continue;
      }
      // Two lengths of one thing are often compared.
      const terms = `${left.window.expression.text}\n${right.window.expression.text}`;
      if (terms !== before) {
        difference.low.fill(0, 0, count);
        difference.high.fill(0, 0, count);
        for (let minute = 0; minute < outlook.ahead.minutes.length; minute++) {
          const columns = columnAt(outlook, minute);
          keepKnown(sampleOf(left.window, from, count, columns), lefts, count);
          keepKnown(sampleOf(right.window, from, count, columns), rights, count);
          for (let i = 0; i < count; i++) {
            const value = (lefts[i] ?? 0) - (rights[i] ?? 0);
            if (value < (difference.low[i] ?? 0)) difference.low[i] = value;
            if (value > (difference.high[i] ?? 0)) difference.high[i] = value;
          }
        }
        before = terms;
      }
      boundDifference(
        [left.bank.ring, right.bank.ring],
        passingOf(rule, left.window, outlook),
        { difference, sizes: [left.fresh, right.fresh] },
        { from, count },
        range,
      );
    }
  };

  return (outlook) => {
    const found: number[] = [];
    for (let from = 0; from < members.length; from += chunkSubjects) {
      const count = Math.min(chunkSubjects, members.length - from);
      placeInputs(outlook, from, count);
      placeSamples(outlook, from, count);
      for (const { window, bank, fresh, range } of own)
        boundWindow(bank.ring, window, passingOf(rule, window, outlook), fresh, { from, count }, range);
      placeDifferences(outlook, from, count);
      for (const { run, range } of steps) copyRange(run(count), range, count);
      hits.fill(0, 0, count);
      for (const run of triggers) {
        const range = run(count);
        for (let i = 0; i < count; i++) if (mayBe(range, i)) hits[i] = 1;
      }
      for (const name of blinds) {
        const lacks = outlook.bounds(name)?.lacks;
        for (let i = 0; i < count; i++) if ((lacks?.[members[from + i] ?? 0] ?? 1) === 1) hits[i] = 1;
      }
      for (let i = 0; i < count; i++) if (hits[i] === 1) found.push(from + i);
    }
    return found.length > Math.min(chunkSubjects, members.length * mostShare) ? null : Int32Array.from(found);
  };
};

const nothing = new Float64Array(0);
const hits = new Uint8Array(chunkSubjects);
const lefts = new Float64Array(chunkSubjects);
const rights = new Float64Array(chunkSubjects);

const isName = (tree: Tree | null): boolean => tree?.op === "name";

const areAlike = (rule: Rule, one: RuleWindow, other: RuleWindow): boolean =>
  one.how === "sum" &&
  other.how === "sum" &&
  one.overS === other.overS &&
  one.agoS === other.agoS &&
  widthOf(rule, one) === widthOf(rule, other);

const passingOf = (rule: Rule, window: RuleWindow, { ahead: { minutes } }: Outlook): Passing => {
  const width = widthOf(rule, window);
  const slots = minutes.map(({ account }) => slotOf(width, account.end));
  return { first: Math.min(...slots), last: Math.max(...slots), minutes: slots.length };
};

const copyRange = (of: Range, into: Range, count: number): void => {
  for (let i = 0; i < count; i++) {
    into.low[i] = of.low[i] ?? 0;
    into.high[i] = of.high[i] ?? 0;
  }
};

const widen = ({ low, high }: Range, { data, base, isOne, one }: Operand, count: number): void => {
  for (let i = 0; i < count; i++) {
    const value = isOne ? one : (data[base + i] ?? 0);
    if (value - value !== 0) continue;
    if (value < (low[i] ?? 0)) low[i] = value;
    if (value > (high[i] ?? 0)) high[i] = value;
  }
};

/** What is not known brings nothing to a sum. */
const keepKnown = ({ data, base, isOne, one }: Operand, into: Float64Array, count: number): void => {
  for (let i = 0; i < count; i++) {
    const value = isOne ? one : (data[base + i] ?? 0);
    into[i] = value - value === 0 ? value : 0;
  }
};
