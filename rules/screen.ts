import type { SiteNode } from "#energy";
import { type Bank, createBank } from "./bank.ts";
import {
  type ColumnRun,
  chunkSubjects,
  columnOf,
  isPlain,
  numberOf,
  type Operand,
  operandOf,
  registerOf,
} from "./column.ts";
import type { Facts } from "./evaluate.ts";
import type { Expression } from "./expression.ts";
import { createForesight, type Foresight } from "./foresight.ts";
import { looser } from "./loose.ts";
import type { SavedMemory } from "./memory.ts";
import { isConstant, type Outlook } from "./node-columns.ts";
import { oncePerPlan } from "./node-plan.ts";
import { anything, isNothing, mayBeTrue, nothing, only, type Reach, reachOf } from "./reach.ts";
import type { Rule, RuleWindow } from "./rule.ts";
import { isNodeFact } from "./vocabulary.ts";

// columns of a minute ─▶ windows ─▶ named values ─▶ triggers ─▶ the few nodes that are worth a judgement

/** A rule on nodes over all of them at once: its windows, and of whom it could begin an alert. */
export interface Screen {
  /**
   * One minute. False between two judgements; else `hit` is called for whoever could begin an alert. `outlook`: what this
   * and the next minutes bring, when they are known.
   */
  look(
    now: number,
    columnOfNodes: (name: string) => Float64Array,
    site: Facts,
    hit: (node: number) => void,
    outlook?: Outlook | null,
  ): boolean;
  /** The values of its windows for one node, at that minute. */
  windows(node: number): Facts;
  save(): Readonly<Record<string, SavedMemory>>;
}

export interface ScreenDeps {
  readonly rule: Rule;
  readonly nodes: readonly SiteNode[];
  readonly constant: (name: string) => Float64Array;
  /** Whether a node can have no value of that name. */
  readonly isNever: (name: string, node: SiteNode) => boolean;
  readonly saved: Readonly<Record<string, SavedMemory>> | undefined;
}

interface Held {
  readonly name: string;
  readonly window: RuleWindow;
  readonly bank: Bank;
  /** The same for all nodes. */
  readonly isShared: boolean;
  readonly sample: ColumnRun;
  /** Null when no trigger depends on it. */
  readonly operand: Operand | null;
  readonly register: number;
  /** Worked out only for whoever could begin an alert whatever it is. */
  readonly isDear: boolean;
}

/** Null for a rule that must be judged node by node. */
export const createScreen = ({ rule, nodes, constant, isNever, saved }: ScreenDeps): Screen | null => {
  const needed = neededBy(rule);
  const read = [...needed.expressions, ...rule.windows.map(({ expression }) => expression)];
  const absences = rule.companions.map((name) => ({ name, of: inputOfAbsence(rule, name) }));
  const hasPast = absences.some(({ of }) => of === null) || Object.keys(rule.maxAgeS).length > 0;
  if (hasPast || read.some(({ tree }) => tree === null || !isPlain(tree))) return null;

  const ofNodes = rule.inputs.filter(isNodeFact);
  const operands = new Map<string, Operand>();
  for (const [name, value] of Object.entries(rule.parameters)) operands.set(name, operandOf(value));
  for (const name of rule.inputs) operands.set(name, operandOf(Number.NaN));
  for (const name of ofNodes) operands.set(name, { data: registerOf(0), base: 0, isOne: false, one: 0 });
  const missing = operandOf(Number.NaN);
  const nameOf = (name: string): Operand => operands.get(name) ?? missing;
  // Inputs that must be gathered, windows and named values stand in registers of their own.
  let registers = 0;
  const own = (): number => registers++;
  const gathered = ofNodes.map((name) => ({ name, operand: nameOf(name), register: own() }));
  const named = needed.named.map((one) => ({ ...one, register: own() }));
  const windowRegisters = rule.windows.map(own);
  const absent = absences.map(({ name, of }) => {
    const operand = operandOf(Number.NaN);
    const one = { of: nameOf(of ?? ""), operand, register: own() };
    operands.set(name, operand);
    return one;
  });

  const applies = membersOf({ rule, nodes, constant, isNever, saved });
  const { members, placeOf } = memberPlaces(nodes, applies);

  const held = rule.windows.map((window, index): Held => {
    const isShared = window.expression.names.every((name) => !isNodeFact(name));
    const operand = needed.windows.has(window.name) ? operandOf(Number.NaN) : null;
    return {
      name: window.name,
      window,
      bank: createBank(rule, window, isShared ? 1 : members.length),
      isShared,
      sample: compiled(window.expression, nameOf, registers),
      operand,
      register: windowRegisters[index] ?? 0,
      isDear: !isShared && operand !== null && dearHows.has(window.how),
    };
  });
  for (const { name, operand } of held) if (operand !== null) operands.set(name, operand);
  const dear = new Set(held.filter(({ isDear }) => isDear).map(({ name }) => name));
  for (const { name, expression } of named) if (expression.names.some((read) => dear.has(read))) dear.add(name);
  const steps = named.map(({ name, expression, register }) => {
    const operand = operandOf(Number.NaN);
    const step = { run: compiled(expression, nameOf, registers), operand, register, isDear: dear.has(name) };
    operands.set(name, operand);
    return step;
  });
  const triggers = rule.levels.map(({ trigger }) => compiled(trigger, nameOf, registers));
  const loose = rule.levels.map(({ trigger }, level) => {
    if (dear.size === 0) return triggers[level] ?? null;
    const tree = trigger.tree === null ? null : looser(trigger.tree, dear, named);
    return tree === null || !isPlain(tree) ? null : columnOf(tree, nameOf, registers);
  });
  const exempts = rule.exempt.map((expression) => compiled(expression, nameOf, registers));
  const blinds = rule.blind?.inputs.map(nameOf) ?? [];
  let judged: number | null = null;
  for (const { id } of nodes) judged = Math.max(judged ?? 0, saved?.[id]?.judged ?? 0) || null;
  for (const { name, bank, isShared } of held)
    for (const [node, { id }] of nodes.entries()) {
      const buckets = saved?.[id]?.windows[name];
      const place = isShared ? 0 : (placeOf[node] ?? -1);
      if (buckets !== undefined && buckets.length > 0 && place >= 0) bank.restore(place, buckets);
    }

  const sampled = new Set(rule.windows.flatMap(({ expression }) => expression.names));
  for (const { name, of } of absences) if (of !== null && sampled.has(name)) sampled.add(of);
  const gatheredOfSamples = gathered.filter(({ name }) => sampled.has(name));
  const absentOfSamples = absent.filter((_, index) => sampled.has(absences[index]?.name ?? ""));

  const place = (
    from: number,
    count: number,
    columnOfNodes: (name: string) => Float64Array,
    some = { gathered, absent },
  ): void => {
    for (const { name, operand, register } of some.gathered) {
      const column = columnOfNodes(name);
      if (applies === null) {
        operand.data = column;
        operand.base = from;
        continue;
      }
      const into = registerOf(register);
      for (let i = 0; i < count; i++) into[i] = column[members[from + i] ?? 0] ?? Number.NaN;
      operand.data = into;
      operand.base = 0;
    }
    placeAbsent(count, some.absent);
  };
  const placeAbsent = (count: number, some: typeof absent): void => {
    for (const { of, operand, register } of some) {
      operand.isOne = of.isOne;
      if (of.isOne) {
        operand.one = Number(Number.isNaN(of.one));
        continue;
      }
      const into = registerOf(register);
      for (let i = 0; i < count; i++) into[i] = Number.isNaN(of.data[of.base + i]) ? 1 : 0;
      operand.data = into;
      operand.base = 0;
    }
  };
  const markTrue = ({ data, base, isOne, one }: Operand, count: number, as: 0 | 1): void => {
    if (isOne) {
      if (one === 1) hits.fill(as, 0, count);
    } else for (let i = 0; i < count; i++) if (data[base + i] === 1) hits[i] = as;
  };
  const markMissing = ({ data, base, isOne, one }: Operand, count: number): void => {
    if (isOne) {
      if (Number.isNaN(one)) hits.fill(1, 0, count);
    } else for (let i = 0; i < count; i++) if (Number.isNaN(data[base + i] ?? Number.NaN)) hits[i] = 1;
  };
  const markAll = (runs: readonly (ColumnRun | null)[], count: number): void => {
    hits.fill(0, 0, count);
    for (const run of runs)
      if (run === null) hits.fill(1, 0, count);
      else markTrue(run(count), count, 1);
    for (const blind of blinds) markMissing(blind, count);
  };
  const isHit = (count: number): boolean => hits.subarray(0, count).includes(1);
  /** What all of them cost would be most of the rule: only for those that are hit without it. */
  const workOutDear = (from: number, count: number): void => {
    for (const { bank, operand, register, isDear } of held) {
      if (operand === null || !isDear) continue;
      const into = registerOf(register);
      for (let i = 0; i < count; i++) into[i] = hits[i] === 1 ? (bank.value(from + i) ?? Number.NaN) : Number.NaN;
      operand.data = into;
      operand.isOne = false;
    }
    for (const { run, operand, register, isDear } of steps) if (isDear) keepKnown(run(count), operand, register, count);
  };
  const judgeChunk = (from: number, count: number): boolean => {
    for (const { bank, isShared, operand, register, isDear } of held) {
      if (operand === null || isShared || isDear) continue;
      const into = registerOf(register);
      bank.values(from, count, into);
      operand.data = into;
      operand.isOne = false;
    }
    for (const { run, operand, register, isDear } of steps)
      if (!isDear) keepKnown(run(count), operand, register, count);
    markAll(loose, count);
    if (!isHit(count)) return false;
    if (dear.size > 0) {
      workOutDear(from, count);
      markAll(triggers, count);
      if (!isHit(count)) return false;
    }
    for (const run of exempts) markTrue(run(count), count, 0);
    return true;
  };

  const ofSamples = { gathered: gatheredOfSamples, absent: absentOfSamples };
  const hasSamples = held.some(({ isShared }) => !isShared);
  /** Those few places among the members, each exactly as among all. */
  const judgeFew = (
    few: Int32Array,
    columnOfNodes: (name: string) => Float64Array,
    hit: (node: number) => void,
  ): void => {
    const count = few.length;
    if (count === 0) return;
    for (const { name, operand, register } of gathered) {
      const column = columnOfNodes(name);
      const into = registerOf(register);
      for (let i = 0; i < count; i++) into[i] = column[members[few[i] ?? 0] ?? 0] ?? Number.NaN;
      operand.data = into;
      operand.base = 0;
    }
    placeAbsent(count, absent);
    for (const { bank, isShared, operand, register } of held) {
      if (operand === null || isShared) continue;
      const into = registerOf(register);
      for (let i = 0; i < count; i++) into[i] = bank.value(few[i] ?? 0) ?? Number.NaN;
      operand.data = into;
      operand.isOne = false;
    }
    for (const { run, operand, register } of steps) keepKnown(run(count), operand, register, count);
    markAll(triggers, count);
    for (const run of exempts) markTrue(run(count), count, 0);
    for (let i = 0; i < count; i++) if (hits[i] === 1) hit(members[few[i] ?? 0] ?? 0);
  };
  let foresight: Foresight | null | undefined;
  let seen: Outlook | null = null;
  let few: Int32Array | null = null;
  // Of so many minutes it says too little.
  let tooWide: Outlook | null = null;
  const foresee = (outlook: Outlook): Int32Array | null => {
    if (foresight === undefined)
      foresight = createForesight({
        ...{ rule, members, named: needed.named, absences },
        windows: held.filter(({ operand }) => operand !== null),
        sampleOf: (window, from, count, column) => {
          place(from, count, column, ofSamples);
          return (held.find((one) => one.window === window)?.sample ?? (() => missing))(count);
        },
      });
    return foresight === null ? null : foresight(outlook);
  };

  return {
    look(now, columnOfNodes, site, hit, outlook = null) {
      if (outlook === null) [seen, few, tooWide] = [null, null, null];
      else if (seen === null || (seen !== outlook && seen !== outlook.wider)) {
        const { wider } = outlook;
        seen = wider === null || wider === tooWide ? outlook : wider;
        few = foresee(seen);
        if (seen !== outlook && (few === null || few.length > fewPlaces)) {
          [seen, tooWide] = [outlook, wider];
          few = foresee(outlook);
        }
      }
      for (const name of rule.inputs) if (!isNodeFact(name)) nameOf(name).one = numberOf(site[name]);
      const every = rule.everyS === null ? null : rule.everyS * 1000;
      const isDue = every === null || judged === null || Math.floor(now / every) > Math.floor(judged / every);
      if (isDue) judged = now;
      for (const { bank, isShared, sample, operand } of held) {
        if (few === null || isShared) bank.advance(now);
        else bank.skim(now);
        if (!isShared) continue;
        bank.add(0, 1, sample(1));
        if (operand !== null && isDue) operand.one = bank.value(0) ?? Number.NaN;
      }
      if (!isDue && held.every(({ isShared }) => isShared)) return false;
      for (const { of, operand } of absent) if (of.isOne) operand.one = Number(Number.isNaN(of.one));
      if (few !== null && !hasSamples) {
        if (isDue) judgeFew(few, columnOfNodes, hit);
        return isDue;
      }
      for (let from = 0; from < members.length; from += chunkSubjects) {
        const count = Math.min(chunkSubjects, members.length - from);
        if (few !== null) {
          place(from, count, columnOfNodes, ofSamples);
          for (const { bank, isShared, sample } of held) if (!isShared) bank.add(from, count, sample(count));
          continue;
        }
        place(from, count, columnOfNodes);
        for (const { bank, isShared, sample } of held) if (!isShared) bank.add(from, count, sample(count));
        if (!isDue || !judgeChunk(from, count)) continue;
        for (let i = 0; i < count; i++) if (hits[i] === 1) hit(members[from + i] ?? 0);
      }
      if (few !== null && isDue) judgeFew(few, columnOfNodes, hit);
      return isDue;
    },
    windows: (node) =>
      Object.fromEntries(
        held.map(({ name, bank, isShared }) => {
          const at = isShared ? 0 : (placeOf[node] ?? -1);
          return [name, at < 0 ? null : bank.value(at)];
        }),
      ),
    save() {
      if (held.length === 0 && rule.everyS === null) return {};
      return Object.fromEntries(
        nodes.map(({ id }, node) => {
          const at = placeOf[node] ?? -1;
          const windows = held.flatMap(({ name, bank, isShared }) => {
            // What all share is kept with the first.
            const buckets = isShared ? (node === 0 ? bank.save(0) : []) : at < 0 ? [] : bank.save(at);
            return buckets.length === 0 ? [] : [[name, buckets] as const];
          });
          return [id, { last: {}, windows: Object.fromEntries(windows), judged }];
        }),
      );
    },
  };
};

const compiled = ({ tree }: Expression, nameOf: (name: string) => Operand, first: number): ColumnRun => {
  if (tree === null) throw new Error("BUG: only what has a tree is compiled");
  return columnOf(tree, nameOf, first);
};

/** A value that is not finite is missing to whoever reads its name. */
const keepKnown = (found: Operand, operand: Operand, register: number, count: number): void => {
  operand.isOne = found.isOne;
  if (found.isOne) {
    operand.one = Number.isFinite(found.one) ? found.one : Number.NaN;
    return;
  }
  const into = registerOf(register);
  const { data, base } = found;
  for (let i = 0; i < count; i++) {
    const value = data[base + i] ?? Number.NaN;
    into[i] = value - value === 0 ? value : Number.NaN;
  }
  operand.data = into;
  operand.base = 0;
};

/** What the triggers and exemptions of a rule depend on, by any way. */
const neededBy = (rule: Rule) => {
  const names = new Set<string>();
  const roots = [...rule.levels.map(({ trigger }) => trigger), ...rule.exempt];
  for (const { names: read } of roots) for (const name of read) names.add(name);
  const all = [...rule.lets, ...rule.thresholds];
  for (const { name, expression } of all.toReversed())
    if (names.has(name)) for (const read of expression.names) names.add(read);
  const named = all.filter(({ name }) => names.has(name));
  return { named, windows: names, expressions: [...roots, ...named.map(({ expression }) => expression)] };
};

// More of them for a whole page of minutes, and a part of it at a time is cheaper.
const fewPlaces = 3;
// One chunk is judged at a time.
const hits = new Uint8Array(chunkSubjects);
const dearHows: ReadonlySet<string> = new Set(["quantile", "previous"]);

/** The input whose absence a companion says; null for another companion. */
export const inputOfAbsence = (rule: Rule, companion: string): string | null =>
  rule.inputs.find((name) => companion === `${name}_absent`) ?? null;

interface MemberPlaces {
  readonly members: Int32Array;
  /** By node; -1 for one that is none. */
  readonly placeOf: Int32Array;
}

const membersKnown = oncePerPlan(() => new Map<string, MemberPlaces>());

/** Sites of one plan mostly have the same members. */
const memberPlaces = (nodes: readonly SiteNode[], applies: Int32Array | null): MemberPlaces => {
  const key = applies === null ? "all" : applies.join();
  const known = membersKnown(nodes).get(key);
  if (known !== undefined) return known;
  const members = applies ?? Int32Array.from(nodes, (_, node) => node);
  const placeOf = new Int32Array(nodes.length).fill(-1);
  for (const [place, node] of members.entries()) placeOf[node] = place;
  const places = { members, placeOf };
  membersKnown(nodes).set(key, places);
  return places;
};

/** The nodes that the model itself does not exempt and about which the rule could ever begin an alert; null for all. */
const membersOf = ({ rule, nodes, constant, isNever, saved }: ScreenDeps): Int32Array | null => {
  const fixed = rule.exempt.filter(({ names }) =>
    names.every((name) => isConstant(name) || Object.hasOwn(rule.parameters, name)),
  );
  const operands = new Map(Object.entries(rule.parameters).map(([name, value]) => [name, operandOf(value)]));
  const data = new Map(rule.inputs.filter(isConstant).map((name) => [name, constant(name)]));
  for (const name of data.keys()) operands.set(name, operandOf(Number.NaN));
  const runs = fixed.map((expression) =>
    compiled(expression, (name) => operands.get(name) ?? operandOf(Number.NaN), 0),
  );
  // Nodes of one kind have one answer.
  const answers = new Map<string, boolean>();
  const couldBegin = (node: SiteNode, place: number): boolean => {
    const known = new Map<string, Reach>();
    for (const name of rule.inputs) {
      const value = data.get(name)?.[place];
      if (value !== undefined) known.set(name, kinds.has(name) || Number.isNaN(value) ? only(value) : anything);
      else if (isNodeFact(name) && isNever(name, node)) known.set(name, nothing);
    }
    const key = [...known].map(([name, reach]) => `${name}=${reach.join()}`).join(" ");
    const answer = answers.get(key) ?? canBegin(rule, known);
    answers.set(key, answer);
    return answer;
  };
  const kept = nodes.flatMap((one, node) => {
    for (const [name, column] of data) {
      const operand = operands.get(name);
      if (operand !== undefined) operand.one = column[node] ?? Number.NaN;
    }
    if (runs.some((run) => run(1).one === 1)) return [];
    // Whoever has a past under an older site file keeps it.
    const hasPast = Object.values(saved?.[one.id]?.windows ?? {}).some((buckets) => buckets.length > 0);
    return hasPast || couldBegin(one, node) ? [node] : [];
  });
  return kept.length === nodes.length ? null : Int32Array.from(kept);
};

/** Those of few values, by which nodes are told apart. */
const kinds: ReadonlySet<string> = new Set(["node_kind", "has_rating", "has_children"]);

/** Whether any trigger could be true of a node of which this is known. */
const canBegin = (rule: Rule, inputs: ReadonlyMap<string, Reach>): boolean => {
  const known = new Map(inputs);
  for (const [name, value] of Object.entries(rule.parameters)) known.set(name, only(value));
  const nameOf = (name: string): Reach => known.get(name) ?? anything;
  for (const companion of rule.companions) {
    const reach = nameOf(inputOfAbsence(rule, companion) ?? "");
    if (isNothing(reach)) known.set(companion, only(1));
  }
  for (const { name, expression } of rule.windows)
    if (expression.tree !== null && isNothing(reachOf(expression.tree, nameOf))) known.set(name, nothing);
  for (const { name, expression } of [...rule.lets, ...rule.thresholds])
    if (expression.tree !== null) known.set(name, reachOf(expression.tree, nameOf));
  return (
    rule.blind !== null ||
    rule.levels.some(({ trigger }) => trigger.tree === null || mayBeTrue(reachOf(trigger.tree, nameOf)))
  );
};
