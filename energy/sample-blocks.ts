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
const growBy = 2;
// What has arrays of its own goes back when so much of a block would stay free.
const roomBack = 8;
// How fine meters show their values.
const scales = [10, 100, 1000];
// Where more slots than this share have times or values that do not fit, all get more room.
const mostOwnShare = 1 / 16;

type Gaps = Uint16Array | Uint32Array;
type Steps = Int16Array | Int32Array | Float64Array;

interface Form {
  /** Milliseconds that fit between two neighbours, and steps of the scale. */
  readonly mostGap: number;
  readonly mostStep: number;
  readonly gaps: (length: number) => Gaps;
  readonly steps: (length: number) => Steps;
}

const narrow: Form = {
  mostGap: 2 ** 16 - 1,
  mostStep: 2 ** 15 - 1,
  gaps: (length) => new Uint16Array(length),
  steps: (length) => new Int16Array(length),
};
const wide: Form = {
  mostGap: 2 ** 32 - 1,
  mostStep: 2 ** 31 - 1,
  gaps: (length) => new Uint32Array(length),
  steps: (length) => new Int32Array(length),
};
/** Values as they are, not beside their neighbours. */
const exact: Form = { ...wide, steps: (length) => new Float64Array(length) };

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
 * Two typed arrays for a whole site instead of two arrays, an object and a map entry per slot. Each time and value is
 * kept as the distance from the one before it: four bytes a sample of meters that show up to three decimals and speak at
 * least once a minute, eight or twelve of others. All blocks have one size, which grows when one is full.
 */
export const createSampleBlocks = (slots: number): SampleBlocks => {
  let size = 0;
  let scale = 1;
  let form = narrow;
  // Of a slot's first sample both are 0: its time and its value are the bases.
  let gaps: Gaps = form.gaps(0);
  let values: Steps = form.steps(0);
  const counts = new Uint8Array(slots);
  const bases = new Float64Array(slots);
  let valueBases = new Float64Array(slots);
  const owns = new Map<number, Own>();

  const resize = (wider: number, next: Form): void => {
    const [fromGaps, fromValues] = [gaps, values];
    gaps = next.gaps(slots * wider);
    values = next.steps(slots * wider);
    for (let slot = 0; slot < slots; slot++) {
      const begin = slot * size;
      const end = begin + (counts[slot] ?? 0);
      gaps.set(fromGaps.subarray(begin, end), slot * wider);
      values.set(fromValues.subarray(begin, end), slot * wider);
    }
    size = wider;
    form = next;
  };

  const blockTs = (slot: number, index: number): number => {
    const begin = slot * size;
    let at = bases[slot] ?? 0;
    for (let place = begin + 1; place <= begin + index; place++) at += gaps[place] ?? 0;
    return at;
  };
  /** The value in steps; in the exact form the value. */
  const stepsAt = (slot: number, index: number): number => {
    const begin = slot * size;
    if (form === exact) return values[begin + index] ?? 0;
    let steps = valueBases[slot] ?? 0;
    for (let place = begin + 1; place <= begin + index; place++) steps += values[place] ?? 0;
    return steps;
  };
  const blockValue = (slot: number, index: number): number =>
    form === exact ? stepsAt(slot, index) : stepsAt(slot, index) / scale;

  /** More room for all. */
  const widen = (): void => {
    if (form === narrow) {
      resize(size, wide);
      return;
    }
    const kept = Float64Array.from(values);
    for (let slot = 0; slot < slots; slot++)
      for (let index = 0; index < (counts[slot] ?? 0); index++) kept[slot * size + index] = blockValue(slot, index);
    values = kept;
    valueBases = new Float64Array(0);
    form = exact;
  };
  /** Finer steps for all; false when what is held does not fit then. */
  const refine = (finer: number): boolean => {
    const by = finer / scale;
    for (let slot = 0; slot < slots; slot++) {
      let steps = valueBases[slot] ?? 0;
      for (let index = 0; index < (counts[slot] ?? 0); index++) {
        const step = index === 0 ? 0 : (values[slot * size + index] ?? 0);
        steps += step;
        if (Math.abs(step * by) > form.mostStep || !Number.isSafeInteger(steps * by)) return false;
      }
    }
    for (let slot = 0; slot < slots; slot++) {
      const begin = slot * size;
      if ((counts[slot] ?? 0) > 0) valueBases[slot] = (valueBases[slot] ?? 0) * by;
      for (let place = begin; place < begin + (counts[slot] ?? 0); place++) values[place] = (values[place] ?? 0) * by;
    }
    scale = finer;
    return true;
  };
  const inSteps = (value: number): number | null => {
    const steps = stepsOf(value, scale);
    if (steps !== null) return steps;
    const finer = scales.find((one) => one > scale && stepsOf(value, one) !== null);
    return finer !== undefined && refine(finer) ? stepsOf(value, scale) : null;
  };

  /** Writes the value between its neighbours of the block: those before `index` and, one place further, from `next` on. */
  const putValue = (slot: number, index: number, next: number, value: number): boolean => {
    const begin = slot * size;
    const count = counts[slot] ?? 0;
    if (form === exact) {
      if (next === index) values.copyWithin(begin + index + 1, begin + index, begin + count);
      values[begin + index] = value;
      return true;
    }
    const steps = inSteps(value);
    if (steps === null) return false;
    const step = index === 0 ? 0 : steps - stepsAt(slot, index - 1);
    const after = next < count ? stepsAt(slot, next) - steps : 0;
    if (Math.abs(step) > form.mostStep || Math.abs(after) > form.mostStep) return false;
    if (next === index) values.copyWithin(begin + index + 1, begin + index, begin + count);
    if (index === 0) valueBases[slot] = steps;
    values[begin + index] = step;
    if (next < count) values[begin + index + 1] = after;
    return true;
  };

  const copy = (slot: number): Own => {
    const ts: number[] = [];
    const value: number[] = [];
    const count = counts[slot] ?? 0;
    const begin = slot * size;
    let [at, steps] = [bases[slot] ?? 0, valueBases[slot] ?? 0];
    for (let index = 0; index < count; index++) {
      const step = values[begin + index] ?? 0;
      at += gaps[begin + index] ?? 0;
      steps += step;
      ts.push(at);
      value.push(form === exact ? step : steps / scale);
    }
    return { ts, value };
  };

  const own = (slot: number): Own => {
    const moved = copy(slot);
    owns.set(slot, moved);
    counts[slot] = 0;
    return moved;
  };
  /** Whether all get more room for what does not fit into one slot. */
  const isCommon = (): boolean => owns.size >= mostOwnShare * slots;

  /** Who has caught up needs no arrays of its own any more. */
  const giveBack = (slot: number, { ts, value }: Own): void => {
    if (ts.length + roomBack > Math.max(size, 2 * roomBack)) return;
    const isFar = (at: number, index: number) => at - (ts[index - 1] ?? at) > form.mostGap || !Number.isInteger(at);
    if (ts.some(isFar)) return;
    if (size < ts.length) resize(ts.length, form);
    for (const [index, one] of value.entries()) {
      if (!putValue(slot, index, index, one)) {
        counts[slot] = 0;
        return;
      }
      gaps[slot * size + index] = (ts[index] ?? 0) - (ts[index - 1] ?? ts[index] ?? 0);
      counts[slot] = index + 1;
    }
    bases[slot] = ts[0] ?? 0;
    owns.delete(slot);
  };

  const tsAt = (slot: number, index: number): number =>
    owns.size > 0 && owns.has(slot) ? (owns.get(slot)?.ts[index] ?? 0) : blockTs(slot, index);
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
    const begin = slot * size;
    const count = counts[slot] ?? 0;
    let at = bases[slot] ?? 0;
    for (let index = 0; index < count; index++) {
      at += gaps[begin + index] ?? 0;
      if (at >= ts) return index;
    }
    return count;
  };

  /** Writes the sample into the slot's block; false when it does not fit there. */
  const insertInto = (slot: number, index: number, ts: number, value: number): boolean => {
    const count = counts[slot] ?? 0;
    if (count === mostInBlock || !Number.isInteger(ts)) return false;
    const before = index === 0 ? 0 : ts - blockTs(slot, index - 1);
    const after = index === count ? 0 : blockTs(slot, index) - ts;
    if (before > form.mostGap || after > form.mostGap) {
      if (form !== narrow || !isCommon()) return false;
      widen();
      return insertInto(slot, index, ts, value);
    }
    if (count === size) resize(size + growBy, form);
    if (!putValue(slot, index, index, value)) {
      if (!isCommon()) return false;
      widen();
      return insertInto(slot, index, ts, value);
    }
    const begin = slot * size;
    if (index < count) gaps.copyWithin(begin + index + 1, begin + index, begin + count);
    if (index === 0) bases[slot] = ts;
    gaps[begin + index] = before;
    if (index < count) gaps[begin + index + 1] = after;
    counts[slot] = count + 1;
    return true;
  };
  const replaceIn = (slot: number, index: number, value: number): boolean => {
    if (putValue(slot, index, index + 1, value)) return true;
    if (!isCommon()) return false;
    widen();
    return replaceIn(slot, index, value);
  };

  const shiftBlock = (slot: number, by: number): void => {
    const begin = slot * size;
    const count = counts[slot] ?? 0;
    if (by < count) {
      bases[slot] = blockTs(slot, by);
      if (form !== exact) valueBases[slot] = stepsAt(slot, by);
    }
    gaps.copyWithin(begin, begin + by, begin + count);
    values.copyWithin(begin, begin + by, begin + count);
    counts[slot] = count - by;
    if (by === count) return;
    gaps[begin] = 0;
    if (form !== exact) values[begin] = 0;
  };
  /** One that is not the first; false when its neighbours are too far from each other then. */
  const removeFrom = (slot: number, index: number): boolean => {
    const begin = slot * size;
    const place = begin + index;
    const end = begin + (counts[slot] ?? 0);
    if (place + 1 < end) {
      const gap = (gaps[place] ?? 0) + (gaps[place + 1] ?? 0);
      const step = form === exact ? 0 : (values[place] ?? 0) + (values[place + 1] ?? 0);
      if (gap > form.mostGap || Math.abs(step) > form.mostStep) return false;
      gaps[place + 1] = gap;
      if (form !== exact) values[place + 1] = step;
    }
    gaps.copyWithin(place, place + 1, end);
    values.copyWithin(place, place + 1, end);
    counts[slot] = (counts[slot] ?? 0) - 1;
    return true;
  };

  return {
    count: countOf,
    ts: tsAt,
    value: (slot, index) =>
      owns.size > 0 && owns.has(slot) ? (owns.get(slot)?.value[index] ?? 0) : blockValue(slot, index),
    firstFrom: firstOf,
    insert: (slot, index, ts, value) => {
      const held = owns.size > 0 ? owns.get(slot) : undefined;
      if (held !== undefined) insertOwn(held, index, ts, value);
      else if (!insertInto(slot, index, ts, value)) insertOwn(own(slot), index, ts, value);
    },
    replace: (slot, index, value) => {
      const held = owns.size > 0 ? owns.get(slot) : undefined;
      if (held !== undefined) held.value[index] = value;
      else if (!replaceIn(slot, index, value)) own(slot).value[index] = value;
    },
    remove: (slot, index) => {
      const held = owns.get(slot);
      if (held === undefined && index === 0) shiftBlock(slot, 1);
      else if (held !== undefined || !removeFrom(slot, index)) {
        const { ts, value } = held ?? own(slot);
        ts.splice(index, 1);
        value.splice(index, 1);
      }
    },
    shift: (slot, by) => {
      const held = owns.get(slot);
      if (held === undefined) {
        shiftBlock(slot, by);
        return;
      }
      held.ts.splice(0, by);
      held.value.splice(0, by);
      giveBack(slot, held);
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
      if (held !== undefined) {
        for (let index = from; index < to; index++) {
          ts[index - from] = held.ts[index] ?? 0;
          value[index - from] = held.value[index] ?? 0;
        }
        return to - from;
      }
      const begin = slot * size;
      let [at, steps] = [bases[slot] ?? 0, valueBases[slot] ?? 0];
      for (let index = 0; index < to; index++) {
        const step = values[begin + index] ?? 0;
        at += gaps[begin + index] ?? 0;
        steps += step;
        if (index < from) continue;
        ts[index - from] = at;
        value[index - from] = form === exact ? step : steps / scale;
      }
      return to - from;
    },
  };
};
