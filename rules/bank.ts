import type { Operand } from "./column.ts";
import { type Bucket, isMinutely, quantile, slotOf, widthOf } from "./memory.ts";
import type { Rule, RuleWindow } from "./rule.ts";
import { createSliding, type SlidingHow } from "./sliding.ts";

/** One window of a rule on accounts for all its subjects: a ring of slices, each a column. */
export interface Bank {
  /** A moment is there: what has left the window is let go. */
  advance(now: number): void;
  /** The same where few values will be asked for, each by itself. */
  skim(now: number): void;
  /** The samples of subjects `[from, from + count)` at that moment. */
  add(from: number, count: number, sample: Operand): void;
  /** The value of the window for these subjects, NaN where it is not known; the same for all when it gives a number. */
  values(from: number, count: number, out: Float64Array): void;
  value(subject: number): number | null;
  /** What it holds, to tell what its values can come to. */
  readonly ring: Ring;
  save(subject: number): readonly Bucket[];
  restore(subject: number, buckets: readonly Bucket[]): void;
}

/** The slices of a window, a row of subjects each; NaN where there is none. */
export interface Ring {
  readonly width: number;
  /** In the window, and between its end and the newest. */
  readonly slices: number;
  readonly agoSlices: number;
  readonly rows: number;
  /** A slice is one minute, and its sum is all there is of it. */
  readonly isFine: boolean;
  /** NaN before the first. */
  newest(): number;
  /** Where the row of a slot begins. */
  rowOf(slot: number): number;
  column(field: Field): Float64Array | undefined;
}

export type Field = "sum" | "count" | "min" | "max" | "first" | "last";
const places: Readonly<Record<Field, number>> = { sum: 1, count: 2, min: 3, max: 4, first: 5, last: 6 };
const keptBy: Readonly<Record<RuleWindow["how"], readonly Field[]>> = {
  mean: ["sum", "count"],
  sum: ["sum"],
  count: ["sum"],
  previous: ["sum", "count"],
  quantile: ["sum", "count"],
  min: ["min"],
  max: ["max"],
  range: ["min", "max"],
  rate: ["first", "last"],
};
const minuteMs = 60_000;
const none = new Float64Array(0);

const isSummed = (how: RuleWindow["how"]): boolean => how !== "previous" && how !== "quantile" && how !== "rate";
const slidingHows = (how: RuleWindow["how"]): readonly SlidingHow[] => {
  if (how === "range") return ["min", "max"];
  return how === "min" || how === "max" ? [how] : ["sum"];
};

export const createBank = (rule: Rule, window: RuleWindow, subjects: number): Bank => {
  const { how, least } = window;
  const width = widthOf(rule, window);
  const slices = Math.ceil((window.overS * 1000) / width);
  const agoSlices = Math.ceil((window.agoS * 1000) / width);
  const rows = Math.ceil(((window.overS + window.agoS) * 1000) / width) + 1;
  // A minute's account fills its slice of a minute: it is its sum, its least and its last.
  const isFine = width === minuteMs;
  const kept: readonly Field[] = isFine ? ["sum"] : keptBy[how];
  // Nothing is held of who never has a value.
  let fields: Partial<Record<Field, Float64Array>> | null = null;
  let newest = Number.NaN;
  const rowOf = (slot: number): number => (((slot % rows) + rows) % rows) * subjects;
  const hold = (): Partial<Record<Field, Float64Array>> => {
    fields ??= Object.fromEntries(kept.map((name) => [name, new Float64Array(rows * subjects).fill(Number.NaN)]));
    return fields;
  };
  const column = (name: Field): Float64Array | undefined => fields?.[isFine ? "sum" : name];
  // Minutes of the window that are known, kept up as they come and go.
  const isSliding = isMinutely(rule, window) && isSummed(how);
  const isRate = isMinutely(rule, window) && how === "rate";
  const isCounted = isSliding || isRate;
  let isCountStale = false;
  const seenNow = new Float64Array(isCounted ? subjects : 0);
  const slidings = isSliding ? slidingHows(how).map((part) => createSliding(part, slices, subjects, rowOf)) : [];
  const countAgain = (): void => {
    seenNow.fill(0);
    for (const sliding of slidings) sliding.forget();
    for (let slot = newest - slices + 1; slot <= newest; slot++) countRow(slot, 1);
  };
  const countRow = (slot: number, by: 1 | -1): void => {
    const data = fields?.sum;
    const row = rowOf(slot);
    if (data === undefined) return;
    for (let i = 0; i < subjects; i++) {
      const value = data[row + i] ?? 0;
      if (value - value === 0) seenNow[i] = (seenNow[i] ?? 0) + by;
    }
  };
  const advanceTo = (slot: number): void => {
    const counts = isCounted && !isCountStale;
    if (counts && slot === newest + 1) countRow(slot - slices, -1);
    const isJump = slot > newest + 1;
    const from = Number.isNaN(newest) ? slot : Math.max(newest + 1, slot - rows + 1);
    if (fields !== null)
      for (let at = from; at <= slot; at++)
        for (const name of kept) fields[name]?.fill(Number.NaN, rowOf(at), rowOf(at) + subjects);
    if (Number.isNaN(newest) || slot > newest) newest = slot;
    if (counts && isJump) countAgain();
  };
  let isTaken = false;

  /** Subject i of `count` adds its value to the slice at `row + i`. */
  const put = (row: number, count: number, { data, base, isOne, one }: Operand): void => {
    let first = 0;
    while (first < count && !Number.isFinite(isOne ? one : data[base + first])) first++;
    if (first === count) return;
    const held = hold();
    for (const name of kept) {
      const into = held[name] ?? none;
      for (let i = first; i < count; i++) {
        const value = isOne ? one : (data[base + i] ?? 0);
        if (value - value !== 0) continue;
        const before = into[row + i] ?? Number.NaN;
        const isNew = Number.isNaN(before);
        if (name === "sum") into[row + i] = isNew ? value : before + value;
        else if (name === "count") into[row + i] = isNew ? 1 : before + 1;
        else if (name === "min") into[row + i] = isNew || value < before ? value : before;
        else if (name === "max") into[row + i] = isNew || value > before ? value : before;
        else if (name === "last" || isNew) into[row + i] = value;
      }
    }
  };
  const set = (row: number, from: number, count: number, { data, base, isOne, one }: Operand): void => {
    const sums = hold().sum ?? none;
    const counts = isCounted && !isCountStale;
    for (let i = 0; i < count; i++) {
      const value = isOne ? one : (data[base + i] ?? 0);
      if (value - value !== 0) continue;
      if (counts && Number.isNaN(sums[row + i])) seenNow[from + i] = (seenNow[from + i] ?? 0) + 1;
      sums[row + i] = value;
    }
  };

  // Sums and extremes of the slices before the newest, which stand still while it fills.
  let closedTo = Number.NaN;
  const closed = new Map<string, Float64Array>();
  const closedColumn = (name: string): Float64Array => {
    const known = closed.get(name) ?? new Float64Array(subjects);
    closed.set(name, known);
    return known;
  };

  /** What the slices `[from, to]` come to, one after the other: the same whenever they are added up. */
  const gather = (
    how: "sum" | "min" | "max" | "seen",
    data: Float64Array,
    slots: readonly [from: number, to: number],
    at: number,
    count: number,
    out: Float64Array,
    outAt: number,
  ): void => {
    for (let slot = slots[0]; slot <= slots[1]; slot++) {
      const row = rowOf(slot) + at;
      if (how === "sum")
        for (let i = 0; i < count; i++) {
          const value = data[row + i] ?? 0;
          if (value - value === 0) out[outAt + i] = (out[outAt + i] ?? 0) + value;
        }
      else if (how === "seen")
        for (let i = 0; i < count; i++) {
          const value = data[row + i] ?? 0;
          if (value - value === 0) out[outAt + i] = (out[outAt + i] ?? 0) + 1;
        }
      else if (how === "min")
        for (let i = 0; i < count; i++) {
          const value = data[row + i] ?? 0;
          if (value < (out[outAt + i] ?? 0)) out[outAt + i] = value;
        }
      else
        for (let i = 0; i < count; i++) {
          const value = data[row + i] ?? 0;
          if (value > (out[outAt + i] ?? 0)) out[outAt + i] = value;
        }
    }
  };
  const begin = { sum: 0, seen: 0, min: Infinity, max: -Infinity } as const;
  type How = keyof typeof begin;
  const parts: readonly (readonly [How, Field])[] =
    how === "min"
      ? [
          ["seen", "min"],
          ["min", "min"],
        ]
      : how === "max"
        ? [
            ["seen", "max"],
            ["max", "max"],
          ]
        : how === "range"
          ? [
              ["seen", "min"],
              ["min", "min"],
              ["max", "max"],
            ]
          : how === "mean" && !isFine
            ? [
                ["seen", "sum"],
                ["sum", "sum"],
                ["sum", "count"],
              ]
            : [
                ["seen", "sum"],
                ["sum", "sum"],
              ];
  const scratch = parts.map(() => new Float64Array(0));
  const grown = (index: number, count: number): Float64Array => {
    let array = scratch[index] ?? new Float64Array(0);
    if (array.length < count) {
      array = new Float64Array(count);
      scratch[index] = array;
    }
    return array;
  };

  const summed = (from: number, count: number, out: Float64Array): void => {
    const end = newest - agoSlices;
    const first = end - slices + 1;
    const isCached = !isFine;
    const last = isCached ? end - 1 : end;
    if (isCached && closedTo !== end) {
      parts.forEach(([part, field], index) => {
        const known = closedColumn(String(index)).fill(begin[part]);
        const data = column(field);
        if (data !== undefined) gather(part, data, [first, last], 0, subjects, known, 0);
      });
      closedTo = end;
    }
    parts.forEach(([part, field], index) => {
      const into = grown(index, count);
      const data = column(field);
      if (isCached) {
        into.set(closedColumn(String(index)).subarray(from, from + count));
        if (data !== undefined) gather(part, data, [end, end], from, count, into, 0);
      } else {
        into.fill(begin[part], 0, count);
        if (data !== undefined) gather(part, data, [first, last], from, count, into, 0);
      }
    });
    finish(count, out);
  };

  const finish = (count: number, out: Float64Array): void => {
    const [seen = out, first = out, second = first] = scratch;
    for (let i = 0; i < count; i++) {
      const known = seen[i] ?? 0;
      const value = first[i] ?? 0;
      if (known === 0 || known / slices < least) out[i] = Number.NaN;
      else if (how === "mean") out[i] = value / (isFine ? known : (second[i] ?? 0));
      else out[i] = how === "range" ? (second[i] ?? 0) - value : value;
    }
  };

  const slidValue = (known: number, first: number, second: number): number => {
    if (known === 0 || known / slices < least) return Number.NaN;
    return how === "mean" ? first / known : how === "range" ? second - first : first;
  };
  const slid = (data: Float64Array, from: number, count: number, out: Float64Array): void => {
    slidings.forEach((sliding, index) => {
      sliding.settle(data, newest);
      sliding.values(data, newest, from, count, grown(index, count));
    });
    const [first = none, second = none] = scratch;
    for (let i = 0; i < count; i++) out[i] = slidValue(seenNow[from + i] ?? 0, first[i] ?? 0, second[i] ?? 0);
  };

  const single = (subject: number): number => {
    const slot = newest - agoSlices;
    const sum = column("sum");
    const count = column("count");
    const meanAt = (at: number): number =>
      (sum?.[rowOf(at) + subject] ?? Number.NaN) / (isFine ? 1 : (count?.[rowOf(at) + subject] ?? Number.NaN));
    if (how === "previous") return rows > slices ? meanAt(slot - slices) : Number.NaN;
    const means: number[] = [];
    let [firstAt, lastAt] = [Number.NaN, Number.NaN];
    const presence = column(how === "rate" ? "first" : "sum");
    for (let at = slot - slices + 1; at <= slot; at++) {
      if (Number.isNaN(presence?.[rowOf(at) + subject] ?? Number.NaN)) continue;
      if (Number.isNaN(firstAt)) firstAt = at;
      lastAt = at;
      means.push(how === "rate" ? 0 : meanAt(at));
    }
    if (means.length === 0 || means.length / slices < least) return Number.NaN;
    if (how === "quantile") return quantile(means, window.q) ?? Number.NaN;
    if (lastAt === firstAt) return Number.NaN;
    const change =
      (column("last")?.[rowOf(lastAt) + subject] ?? 0) - (column("first")?.[rowOf(firstAt) + subject] ?? 0);
    return change / (((lastAt - firstAt) * width) / minuteMs);
  };

  /** Most have a value at both ends. */
  const rates = (data: Float64Array, from: number, count: number, out: Float64Array): void => {
    const [begun, ended] = [rowOf(newest - slices + 1) + from, rowOf(newest) + from];
    const minutes = ((slices - 1) * width) / minuteMs;
    for (let i = 0; i < count; i++) {
      const known = seenNow[from + i] ?? 0;
      const change = (data[ended + i] ?? 0) - (data[begun + i] ?? 0);
      if (known === 0 || known / slices < least) out[i] = Number.NaN;
      else out[i] = change - change === 0 && slices > 1 ? change / minutes : single(from + i);
    }
  };

  /** As `gather`, of one subject. */
  const gathered = (part: How, data: Float64Array | undefined, end: number, subject: number): number => {
    let found: number = begin[part];
    if (data === undefined) return found;
    for (let slot = end - slices + 1; slot <= end; slot++) {
      const value = data[rowOf(slot) + subject] ?? 0;
      if (part === "min") found = value < found ? value : found;
      else if (part === "max") found = value > found ? value : found;
      else if (value - value === 0) found += part === "seen" ? 1 : value;
    }
    return found;
  };
  /** To the last bit what `values` would give. */
  const alone = (subject: number): number => {
    if (fields === null) return Number.NaN;
    if (!isSummed(how)) return single(subject);
    const end = newest - agoSlices;
    if (!isSliding) {
      parts.forEach(([part, field], index) => {
        grown(index, 1)[0] = gathered(part, column(field), end, subject);
      });
      finish(1, one);
      return one[0] ?? Number.NaN;
    }
    const data = fields.sum ?? none;
    let known = 0;
    for (let slot = end - slices + 1; slot <= end; slot++) {
      const value = data[rowOf(slot) + subject] ?? 0;
      if (value - value === 0) known++;
    }
    const [first = Number.NaN, second = Number.NaN] = slidings.map((sliding) => sliding.alone(data, end, subject));
    return slidValue(known, first, second);
  };

  const values = (from: number, count: number, out: Float64Array): void => {
    if (fields === null) out.fill(Number.NaN, 0, count);
    else if (isRate) rates(fields.sum ?? none, from, count, out);
    else if (isSliding) slid(fields.sum ?? none, from, count, out);
    else if (isSummed(how)) summed(from, count, out);
    else for (let i = 0; i < count; i++) out[i] = single(from + i);
  };
  const one = new Float64Array(1);

  const moveTo = (now: number): void => {
    const slot = slotOf(width, now);
    isTaken = Number.isNaN(newest) || slot >= newest;
    if (isTaken && slot !== newest) advanceTo(slot);
  };

  return {
    advance(now) {
      if (isCountStale) {
        isCountStale = false;
        if (isCounted) countAgain();
      }
      moveTo(now);
    },
    skim(now) {
      isCountStale = true;
      moveTo(now);
    },
    add(from, count, sample) {
      if (!isTaken || (sample.isOne && Number.isNaN(sample.one))) return;
      const row = rowOf(newest) + from;
      if (isFine) set(row, from, count, sample);
      else put(row, count, sample);
    },
    ring: { width, slices, agoSlices, rows, isFine, newest: () => newest, rowOf, column },
    values,
    value(subject) {
      if (!isCountStale) values(subject, 1, one);
      const value = isCountStale ? alone(subject) : (one[0] ?? Number.NaN);
      return Number.isNaN(value) ? null : value;
    },
    save(subject) {
      const buckets: Bucket[] = [];
      const presence = column(kept[0] ?? "sum");
      if (presence === undefined) return buckets;
      for (let slot = newest - rows + 1; slot <= newest; slot++) {
        const place = rowOf(slot) + subject;
        if (Number.isNaN(presence[place] ?? Number.NaN)) continue;
        const of = (name: Field): number => column(name)?.[place] ?? 0;
        buckets.push([slot, of("sum"), isFine ? 1 : of("count"), of("min"), of("max"), of("first"), of("last")]);
      }
      return buckets;
    },
    restore(subject, buckets) {
      const end = buckets.at(-1)?.[0];
      if (end === undefined) return;
      hold();
      if (Number.isNaN(newest) || end > newest) advanceTo(end);
      for (const bucket of buckets) {
        const [slot] = bucket;
        if (slot > newest || slot <= newest - rows) continue;
        for (const name of kept) {
          const data = fields?.[name];
          if (data !== undefined) data[rowOf(slot) + subject] = bucket[places[name]] ?? 0;
        }
      }
      isCountStale = true;
    },
  };
};
