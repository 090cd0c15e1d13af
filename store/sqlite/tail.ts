// Where each device's newest readings are, until they are sealed into a partition: per device a chain, newest time first.

/** Rows that no partition covers yet, in memory. Sequences are added in order. */
export interface Tail {
  /** Sequence of the newest row added; 0 when there was none. */
  last(): number;
  rows(): number;
  add(device: number, ts: number, seq: number): void;
  /** Calls with every row of the device in `[from, to)`, newest time first; of equal times the newest row first. */
  each(device: number, from: number, to: number, found: (ts: number, seq: number) => void): void;
  /** Times of all rows. */
  bounds(): { readonly from: number; readonly to: number };
  /** Begins anew, in the same memory; the next row has the sequence `first` or a later one. */
  clear(first: number): void;
}

export const createTail = (first: number): Tail => {
  let capacity = 4096;
  let ts = new Float64Array(capacity);
  let seqs = new Float64Array(capacity);
  let older = new Int32Array(capacity);
  // Row + 1 of the device's newest; 0 is none.
  let heads = new Int32Array(1024);
  let count = 0;
  let last = first - 1;
  let [from, to] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];

  const grow = () => {
    capacity *= 2;
    ts = moved(ts, new Float64Array(capacity));
    seqs = moved(seqs, new Float64Array(capacity));
    older = moved(older, new Int32Array(capacity));
  };

  return {
    last: () => last,
    rows: () => count,
    add: (device, at, seq) => {
      if (count === capacity) grow();
      if (device >= heads.length) heads = moved(heads, new Int32Array(Math.max(2 * heads.length, device + 1)));
      ts[count] = at;
      seqs[count] = seq;
      let [before, next] = [0, heads[device] ?? 0];
      while (next !== 0 && (ts[next - 1] ?? 0) > at) {
        before = next;
        next = older[next - 1] ?? 0;
      }
      older[count] = next;
      count += 1;
      if (before === 0) heads[device] = count;
      else older[before - 1] = count;
      last = seq;
      if (at < from) from = at;
      if (at > to) to = at;
    },
    each: (device, begin, end, found) => {
      for (let next = heads[device] ?? 0; next !== 0; next = older[next - 1] ?? 0) {
        const at = ts[next - 1] ?? 0;
        if (at < begin) return;
        if (at < end) found(at, seqs[next - 1] ?? 0);
      }
    },
    bounds: () => ({ from, to }),
    clear: (next) => {
      heads.fill(0);
      count = 0;
      last = next - 1;
      [from, to] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    },
  };
};

const moved = <Column extends Float64Array | Int32Array>(old: Column, fresh: Column): Column => {
  fresh.set(old);
  return fresh;
};
