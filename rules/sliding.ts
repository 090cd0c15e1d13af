// A window of minutes slides by one: what is behind the last whole block of it and what has come since are kept summed
// up, so that a value costs three additions, not one per minute. Blocks stand at fixed times, not where the watch began,
// and are added up in one order: the sum is the same to the last bit live, after a restart and in a backtest.
//
//   … │ x x x x x x │ x x x x x x │ x x x ●        S: behind, from each minute to the end of its block
//             └─ S ─┘ └──── P ────┘                P: since, up to the minute before the newest
//             ◀──────  window  ─────▶

export type SlidingHow = "sum" | "min" | "max";
export const identityOf: Readonly<Record<SlidingHow, number>> = {
  sum: 0,
  min: Number.POSITIVE_INFINITY,
  max: Number.NEGATIVE_INFINITY,
};

/** One aggregate of a ring of minutes. `rowOf` gives where a slot's column begins in the ring's data. */
export interface Sliding {
  /** Sees the closed slots of `data` up to the one before `end`. */
  settle(data: Float64Array, end: number): void;
  /** Into `out` for subjects `[from, from + count)`, the newest slot included. */
  values(data: Float64Array, end: number, from: number, count: number, out: Float64Array): void;
  forget(): void;
  /** One subject's value, of the data alone. */
  alone(data: Float64Array, end: number, subject: number): number;
}

export const createSliding = (
  how: SlidingHow,
  slices: number,
  subjects: number,
  rowOf: (slot: number) => number,
): Sliding => {
  const identity = identityOf[how];
  const behind = new Float64Array(slices * subjects);
  const since = new Float64Array(subjects);
  let block = Number.NaN;
  let settled = Number.NaN;
  const join = joins[how];
  const placeOf = (slot: number): number => (((slot % slices) + slices) % slices) * subjects;
  const begin = (data: Float64Array): void => {
    since.fill(identity);
    for (let slot = block - 1; slot >= block - slices; slot--) {
      const into = placeOf(slot);
      if (slot === block - 1) behind.fill(identity, into, into + subjects);
      else behind.copyWithin(into, placeOf(slot + 1), placeOf(slot + 1) + subjects);
      join(behind, into, data, rowOf(slot), subjects);
    }
  };
  return {
    settle(data, end) {
      const start = Math.floor(end / slices) * slices;
      if (start !== block) {
        block = start;
        settled = start - 1;
        begin(data);
      }
      for (let slot = settled + 1; slot < end; slot++) join(since, 0, data, rowOf(slot), subjects);
      settled = Math.max(settled, end - 1);
    },
    values(data, end, from, count, out) {
      const first = end - slices + 1;
      if (first >= block) out.fill(identity, 0, count);
      else {
        const begun = placeOf(first) + from;
        for (let i = 0; i < count; i++) out[i] = behind[begun + i] ?? 0;
      }
      join(out, 0, since, from, count);
      join(out, 0, data, rowOf(end) + from, count);
    },
    forget() {
      block = Number.NaN;
    },
    alone(data, end, subject) {
      const start = Math.floor(end / slices) * slices;
      single.fill(identity);
      for (let slot = start - 1; slot > end - slices; slot--) join(single, 0, data, rowOf(slot) + subject, 1);
      for (let slot = start; slot < end; slot++) join(single, 1, data, rowOf(slot) + subject, 1);
      join(single, 0, single, 1, 1);
      join(single, 0, data, rowOf(end) + subject, 1);
      return single[0] ?? Number.NaN;
    },
  };
};

// Of one subject: what is behind, what came since.
const single = new Float64Array(2);

type Join = (into: Float64Array, intoAt: number, from: Float64Array, fromAt: number, count: number) => void;

// What is missing is no number and joins nothing.
const joins: Readonly<Record<SlidingHow, Join>> = {
  sum: (into, intoAt, from, fromAt, count) => {
    for (let i = 0; i < count; i++) {
      const value = from[fromAt + i] ?? 0;
      if (value - value === 0) into[intoAt + i] = (into[intoAt + i] ?? 0) + value;
    }
  },
  min: (into, intoAt, from, fromAt, count) => {
    for (let i = 0; i < count; i++) {
      const value = from[fromAt + i] ?? 0;
      if (value < (into[intoAt + i] ?? 0)) into[intoAt + i] = value;
    }
  },
  max: (into, intoAt, from, fromAt, count) => {
    for (let i = 0; i < count; i++) {
      const value = from[fromAt + i] ?? 0;
      if (value > (into[intoAt + i] ?? 0)) into[intoAt + i] = value;
    }
  },
};

/** The sum of a window's values one by one, in the same order. */
export const slidingSum = (
  values: readonly (readonly [slot: number, value: number])[],
  end: number,
  slices: number,
): number => {
  const block = Math.floor(end / slices) * slices;
  const behind = values.filter(([slot]) => slot < block).reduceRight((sum, [, value]) => sum + value, 0);
  const since = values.filter(([slot]) => slot >= block && slot < end).reduce((sum, [, value]) => sum + value, 0);
  const newest = values.findLast(([slot]) => slot === end)?.[1] ?? 0;
  return behind + since + newest;
};
