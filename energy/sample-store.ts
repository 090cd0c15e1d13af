import { createSampleBlocks, type SampleBlocks } from "./sample-blocks.ts";

interface Ranks {
  /** A slot's number among those of its kind. */
  readonly rankOf: Int32Array;
  readonly registers: number;
}

// Sites of one plan share the list.
const known = new WeakMap<Uint8Array, Ranks>();

const ranksOf = (isRegister: Uint8Array): Ranks => {
  const before = known.get(isRegister);
  if (before !== undefined) return before;
  const next = [0, 0];
  const rankOf = Int32Array.from(isRegister, (kind) => {
    const rank = next[kind] ?? 0;
    next[kind] = rank + 1;
    return rank;
  });
  const ranks = { rankOf, registers: next[1] ?? 0 };
  known.set(isRegister, ranks);
  return ranks;
};

/** Registers need more of the past than gauges, so each kind has blocks of its own size. `isRegister`: 1 or 0 for each slot. */
export const createSampleStore = (isRegister: Uint8Array): SampleBlocks => {
  const { rankOf, registers } = ranksOf(isRegister);
  const ofRegisters = createSampleBlocks(registers);
  const ofOthers = createSampleBlocks(isRegister.length - registers);
  const of = (slot: number): SampleBlocks => (isRegister[slot] === 1 ? ofRegisters : ofOthers);
  const rank = (slot: number): number => rankOf[slot] ?? 0;
  return {
    count: (slot) => of(slot).count(rank(slot)),
    ts: (slot, index) => of(slot).ts(rank(slot), index),
    value: (slot, index) => of(slot).value(rank(slot), index),
    firstFrom: (slot, ts) => of(slot).firstFrom(rank(slot), ts),
    insert: (slot, index, ts, value) => of(slot).insert(rank(slot), index, ts, value),
    replace: (slot, index, value) => of(slot).replace(rank(slot), index, value),
    remove: (slot, index) => of(slot).remove(rank(slot), index),
    shift: (slot, count) => of(slot).shift(rank(slot), count),
    read: (slot) => of(slot).read(rank(slot)),
    around: (slot, window, into) => of(slot).around(rank(slot), window, into),
  };
};
