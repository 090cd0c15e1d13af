import { firstFrom, type Samples } from "./meter.ts";

/** Recent samples of many slots (one quantity of one device each), every slot in event-time order. */
export interface SampleBlocks {
  readonly count: (slot: number) => number;
  readonly ts: (slot: number, index: number) => number;
  readonly value: (slot: number, index: number) => number;
  /** The first index whose time is not before `ts`. */
  readonly firstFrom: (slot: number, ts: number) => number;
  readonly insert: (slot: number, index: number, ts: number, value: number) => void;
  readonly replace: (slot: number, index: number, value: number) => void;
  readonly remove: (slot: number, index: number) => void;
  /** Lets go of the oldest. */
  readonly shift: (slot: number, count: number) => void;
  /** A copy; undefined when there are none. */
  readonly read: (slot: number) => Samples | undefined;
  /**
   * Copies the samples of `[start, end)` with so many before and after them, and says how many they are; 0 when they are
   * more than fit.
   */
  readonly around: (slot: number, window: Around, into: Copied) => number;
}

export interface Around {
  readonly start: number;
  readonly end: number;
  readonly before: number;
  readonly after: number;
}

/** Room for samples, which each copy takes anew. */
export interface Copied {
  readonly ts: Float64Array;
  readonly value: Float64Array;
}

// Most devices speak every ten seconds or slower: a few minutes of them fit. Who speaks faster gets arrays of its own.
const mostInBlock = 40;
const growBy = 4;
// What has arrays of its own goes back when so much of a block would stay free.
const roomBack = 8;
// Milliseconds that fit beside a base.
const widest = 2 ** 32 - 1;
// Steps that fit beside a base, and how fine meters show their values.
const mostSteps = 2 ** 31 - 1;
const scales = [10, 100, 1000];
// Where more slots than this share have values that are no such steps, all are kept as they are.
const mostOwnShare = 1 / 16;

interface Own {
  readonly ts: number[];
  readonly value: number[];
}

/** A value in steps of 1/scale; null when it is none, to the last bit. */
const stepsOf = (value: number, scale: number): number | null => {
  const steps = Math.round(value * scale);
  // Beside a base there is no −0.
  return Number.isSafeInteger(steps) && steps / scale === value && !Object.is(value, -0) ? steps : null;
};

/**
 * Two typed arrays for a whole site instead of two arrays, an object and a map entry per slot: eight bytes a sample of
 * meters that show up to three decimals, twelve of others. All blocks have one size, which grows when one is full.
 */
export const createSampleBlocks = (slots: number): SampleBlocks => {
  let size = 0;
  let scale = 1;
  let offsets = new Uint32Array(0);
  // Steps beside the slot's first, or the values as they are.
  let values: Int32Array | Float64Array = new Int32Array(0);
  let isExact = false;
  const counts = new Uint8Array(slots);
  const bases = new Float64Array(slots);
  let valueBases = new Float64Array(slots);
  const owns = new Map<number, Own>();

  const grow = (): void => {
    const wider = size + growBy;
    const [fromOffsets, fromValues] = [offsets, values];
    offsets = new Uint32Array(slots * wider);
    values = isExact ? new Float64Array(slots * wider) : new Int32Array(slots * wider);
    for (let slot = 0; slot < slots; slot++) {
      const begin = slot * size;
      const end = begin + (counts[slot] ?? 0);
      offsets.set(fromOffsets.subarray(begin, end), slot * wider);
      values.set(fromValues.subarray(begin, end), slot * wider);
    }
    size = wider;
  };

  const valueAt = (slot: number, place: number): number =>
    isExact ? (values[place] ?? 0) : ((valueBases[slot] ?? 0) + (values[place] ?? 0)) / scale;
  const eachHeld = (take: (slot: number, place: number) => void): void => {
    for (let slot = 0; slot < slots; slot++)
      for (let place = slot * size; place < slot * size + (counts[slot] ?? 0); place++) take(slot, place);
  };

  const keepExact = (): void => {
    const exact = new Float64Array(values.length);
    eachHeld((slot, place) => {
      exact[place] = valueAt(slot, place);
    });
    values = exact;
    valueBases = new Float64Array(0);
    isExact = true;
  };
  /** Finer steps for all; false when what is held does not fit then. */
  const refine = (finer: number): boolean => {
    const by = finer / scale;
    let fits = valueBases.every((base) => Number.isSafeInteger(base * by));
    eachHeld((_, place) => {
      if (Math.abs(values[place] ?? 0) * by > mostSteps) fits = false;
    });
    if (!fits) return false;
    eachHeld((_, place) => {
      values[place] = (values[place] ?? 0) * by;
    });
    valueBases = valueBases.map((base) => base * by);
    scale = finer;
    return true;
  };
  const inSteps = (value: number): number | null => {
    const steps = stepsOf(value, scale);
    if (steps !== null) return steps;
    const finer = scales.find((one) => one > scale && stepsOf(value, one) !== null);
    return finer !== undefined && refine(finer) ? stepsOf(value, scale) : null;
  };
  /** What is written for a value of a slot; null when the slot needs arrays of its own. */
  const room = (slot: number, value: number): number | null => {
    if (isExact) return value;
    const steps = inSteps(value);
    if (steps !== null && counts[slot] === 0) valueBases[slot] = steps;
    const beside = steps === null ? null : steps - (valueBases[slot] ?? 0);
    if (beside !== null && Math.abs(beside) <= mostSteps) return beside;
    if (owns.size < mostOwnShare * slots) return null;
    keepExact();
    return value;
  };

  const copy = (slot: number): Own => {
    const ts: number[] = [];
    const value: number[] = [];
    const base = bases[slot] ?? 0;
    const begin = slot * size;
    for (let at = begin; at < begin + (counts[slot] ?? 0); at++) {
      ts.push(base + (offsets[at] ?? 0));
      value.push(valueAt(slot, at));
    }
    return { ts, value };
  };

  const rebase = (slot: number, base: number): void => {
    const by = (bases[slot] ?? 0) - base;
    const begin = slot * size;
    for (let at = begin; at < begin + (counts[slot] ?? 0); at++) offsets[at] = (offsets[at] ?? 0) + by;
    bases[slot] = base;
  };

  const own = (slot: number): Own => {
    const moved = copy(slot);
    owns.set(slot, moved);
    counts[slot] = 0;
    return moved;
  };

  /** What is written for values that begin a slot anew; null when they do not fit beside each other. */
  const written = (value: readonly number[]): { readonly base: number; readonly beside: readonly number[] } | null => {
    if (isExact) return { base: 0, beside: value };
    for (const one of value) if (inSteps(one) === null) return null;
    const steps = value.map((one) => stepsOf(one, scale) ?? 0);
    const [base = 0] = steps;
    const beside = steps.map((one) => one - base);
    return beside.every((one) => Math.abs(one) <= mostSteps) ? { base, beside } : null;
  };

  /** Who has caught up needs no arrays of its own any more. */
  const giveBack = (slot: number, { ts, value }: Own): void => {
    const [first = 0, last = 0] = [ts[0], ts.at(-1)];
    const fits =
      ts.length + roomBack <= Math.max(size, 2 * roomBack) && last - first <= widest && ts.every(Number.isInteger);
    const what = fits ? written(value) : null;
    if (what === null) return;
    while (size < ts.length) grow();
    owns.delete(slot);
    counts[slot] = ts.length;
    bases[slot] = first;
    offsets.set(
      ts.map((at) => at - first),
      slot * size,
    );
    values.set(what.beside, slot * size);
    if (!isExact) valueBases[slot] = what.base;
  };

  const tsAt = (slot: number, index: number): number =>
    owns.size > 0 && owns.has(slot)
      ? (owns.get(slot)?.ts[index] ?? 0)
      : (bases[slot] ?? 0) + (offsets[slot * size + index] ?? 0);
  const countOf = (slot: number): number =>
    owns.size > 0 && owns.has(slot) ? (owns.get(slot)?.ts.length ?? 0) : (counts[slot] ?? 0);

  const insertOwn = ({ ts, value }: Own, index: number, at: number, what: number): void => {
    if (index === ts.length) {
      ts.push(at);
      value.push(what);
      return;
    }
    ts.splice(index, 0, at);
    value.splice(index, 0, what);
  };

  const firstOf = (slot: number, ts: number): number => {
    const held = owns.size > 0 ? owns.get(slot) : undefined;
    if (held !== undefined) return firstFrom(held.ts, ts);
    const base = bases[slot] ?? 0;
    const begin = slot * size;
    let [low, high] = [0, counts[slot] ?? 0];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (base + (offsets[begin + middle] ?? 0) < ts) low = middle + 1;
      else high = middle;
    }
    return low;
  };

  return {
    count: countOf,
    ts: tsAt,
    value: (slot, index) =>
      owns.size > 0 && owns.has(slot) ? (owns.get(slot)?.value[index] ?? 0) : valueAt(slot, slot * size + index),
    firstFrom: firstOf,
    insert: (slot, index, ts, value) => {
      const held = owns.get(slot);
      if (held !== undefined) return insertOwn(held, index, ts, value);
      const count = counts[slot] ?? 0;
      const least = count === 0 ? ts : Math.min(ts, tsAt(slot, 0));
      const most = count === 0 ? ts : Math.max(ts, tsAt(slot, count - 1));
      const isWide = most - least > widest || !Number.isInteger(ts);
      const what = isWide || count === mostInBlock ? null : room(slot, value);
      if (what === null) return insertOwn(own(slot), index, ts, value);
      if (count === size) grow();
      if (least !== bases[slot]) rebase(slot, least);
      const begin = slot * size;
      if (index < count) {
        offsets.copyWithin(begin + index + 1, begin + index, begin + count);
        values.copyWithin(begin + index + 1, begin + index, begin + count);
      }
      offsets[begin + index] = ts - least;
      values[begin + index] = what;
      counts[slot] = count + 1;
    },
    replace: (slot, index, value) => {
      const held = owns.get(slot);
      const what = held === undefined ? room(slot, value) : null;
      if (what === null) (held ?? own(slot)).value[index] = value;
      else values[slot * size + index] = what;
    },
    remove: (slot, index) => {
      const held = owns.get(slot);
      if (held !== undefined) {
        held.ts.splice(index, 1);
        held.value.splice(index, 1);
        return;
      }
      const begin = slot * size;
      const count = counts[slot] ?? 0;
      offsets.copyWithin(begin + index, begin + index + 1, begin + count);
      values.copyWithin(begin + index, begin + index + 1, begin + count);
      counts[slot] = count - 1;
    },
    shift: (slot, by) => {
      const held = owns.get(slot);
      if (held !== undefined) {
        held.ts.splice(0, by);
        held.value.splice(0, by);
        giveBack(slot, held);
        return;
      }
      const begin = slot * size;
      const count = counts[slot] ?? 0;
      offsets.copyWithin(begin, begin + by, begin + count);
      values.copyWithin(begin, begin + by, begin + count);
      counts[slot] = count - by;
    },
    read: (slot) => {
      const held = owns.get(slot) ?? ((counts[slot] ?? 0) === 0 ? undefined : copy(slot));
      return held !== undefined && held.ts.length > 0 ? held : undefined;
    },
    around: (slot, { start, end, before, after }, { ts, value }) => {
      const from = Math.max(0, firstOf(slot, start) - before);
      const to = Math.min(countOf(slot), firstOf(slot, end) + after);
      if (to - from > ts.length) return 0;
      const held = owns.size > 0 ? owns.get(slot) : undefined;
      const base = bases[slot] ?? 0;
      const begin = slot * size;
      for (let index = from; index < to; index++) {
        ts[index - from] = held === undefined ? base + (offsets[begin + index] ?? 0) : (held.ts[index] ?? 0);
        value[index - from] = held === undefined ? valueAt(slot, begin + index) : (held.value[index] ?? 0);
      }
      return to - from;
    },
  };
};
