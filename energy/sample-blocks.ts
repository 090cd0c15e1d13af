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
  /** Lets go of the oldest. */
  readonly shift: (slot: number, count: number) => void;
  /** A copy; undefined when there are none. */
  readonly read: (slot: number) => Samples | undefined;
}

// Most devices speak every ten seconds or slower: a few minutes of them fit. Who speaks faster gets arrays of its own.
const mostInBlock = 40;
const growBy = 8;
// Milliseconds that fit beside a base.
const widest = 2 ** 32 - 1;

interface Own {
  readonly ts: number[];
  readonly value: number[];
}

/**
 * Two typed arrays for a whole site instead of two arrays, an object and a map entry per slot: twelve bytes a sample.
 * All blocks have one size, which grows when one is full.
 */
export const createSampleBlocks = (slots: number): SampleBlocks => {
  let size = 0;
  let offsets = new Uint32Array(0);
  let values = new Float64Array(0);
  const counts = new Uint8Array(slots);
  const bases = new Float64Array(slots);
  const owns = new Map<number, Own>();

  const grow = (): void => {
    const wider = size + growBy;
    const [fromOffsets, fromValues] = [offsets, values];
    offsets = new Uint32Array(slots * wider);
    values = new Float64Array(slots * wider);
    for (let slot = 0; slot < slots; slot++) {
      const begin = slot * size;
      const end = begin + (counts[slot] ?? 0);
      offsets.set(fromOffsets.subarray(begin, end), slot * wider);
      values.set(fromValues.subarray(begin, end), slot * wider);
    }
    size = wider;
  };

  const copy = (slot: number): Own => {
    const ts: number[] = [];
    const value: number[] = [];
    const base = bases[slot] ?? 0;
    const begin = slot * size;
    for (let at = begin; at < begin + (counts[slot] ?? 0); at++) {
      ts.push(base + (offsets[at] ?? 0));
      value.push(values[at] ?? 0);
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

  /** Who has caught up needs no arrays of its own any more. */
  const giveBack = (slot: number, { ts, value }: Own): void => {
    const [first = 0, last = 0] = [ts[0], ts.at(-1)];
    const fits =
      ts.length + growBy <= Math.max(size, 2 * growBy) && last - first <= widest && ts.every(Number.isInteger);
    if (!fits) return;
    while (size < ts.length) grow();
    owns.delete(slot);
    counts[slot] = ts.length;
    bases[slot] = first;
    offsets.set(
      ts.map((at) => at - first),
      slot * size,
    );
    values.set(value, slot * size);
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

  return {
    count: countOf,
    ts: tsAt,
    value: (slot, index) =>
      owns.size > 0 && owns.has(slot) ? (owns.get(slot)?.value[index] ?? 0) : (values[slot * size + index] ?? 0),
    firstFrom: (slot, ts) => {
      const held = owns.get(slot);
      if (held !== undefined) return firstFrom(held.ts, ts);
      let [low, high] = [0, counts[slot] ?? 0];
      while (low < high) {
        const middle = (low + high) >> 1;
        if (tsAt(slot, middle) < ts) low = middle + 1;
        else high = middle;
      }
      return low;
    },
    insert: (slot, index, ts, value) => {
      const held = owns.get(slot);
      if (held !== undefined) return insertOwn(held, index, ts, value);
      const count = counts[slot] ?? 0;
      const least = count === 0 ? ts : Math.min(ts, tsAt(slot, 0));
      const most = count === 0 ? ts : Math.max(ts, tsAt(slot, count - 1));
      const isWide = most - least > widest || !Number.isInteger(ts);
      if (isWide || count === mostInBlock) return insertOwn(own(slot), index, ts, value);
      if (count === size) grow();
      if (least !== bases[slot]) rebase(slot, least);
      const begin = slot * size;
      if (index < count) {
        offsets.copyWithin(begin + index + 1, begin + index, begin + count);
        values.copyWithin(begin + index + 1, begin + index, begin + count);
      }
      offsets[begin + index] = ts - least;
      values[begin + index] = value;
      counts[slot] = count + 1;
    },
    replace: (slot, index, value) => {
      const held = owns.get(slot);
      if (held !== undefined) held.value[index] = value;
      else values[slot * size + index] = value;
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
  };
};
