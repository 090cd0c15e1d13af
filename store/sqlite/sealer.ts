import { createTail, type Tail } from "./tail.ts";

// rows ─▶ open tail ─(full)─▶ tail that waits ─▶ partition, by device     (written by another thread, see sorter.ts)
// A crash in between loses nothing: the tail is read again from the chunks that no partition covers.

/** Rows `[first, last]` in the order of commits. */
export interface Stretch {
  readonly first: number;
  readonly last: number;
}

/** The rows that no partition covers, and which of them are due to get one. */
export interface Sealer {
  tails(): readonly Tail[];
  add(device: number, ts: number, seq: number): void;
  /** Begins anew, with nothing. */
  reset(): void;
  /** The oldest rows that are to become a partition. */
  next(): Stretch | null;
  /** Whatever there is becomes due if a row of it is older. */
  close(before: number): void;
  /** Forgets the rows up to `last`: they are in a partition. */
  done(last: number): void;
}

// A tail of this many rows takes some 5 MB; its partition is written in about a second.
export const defaultRunRows = 1 << 18;

export const createSealer = (rows: number = defaultRunRows): Sealer => {
  let full: { readonly tail: Tail; readonly first: number }[] = [];
  let first = 1;
  let open = createTail(first);
  // A tail takes megabytes, and what is let go of lies about for long: the next one comes into the memory of one before.
  let spare: Tail | null = null;
  const begin = (from: number): Tail => {
    const tail = spare ?? createTail(from);
    spare = null;
    tail.clear(from);
    return tail;
  };
  return {
    tails: () => [...full.map(({ tail }) => tail), open],
    add: (device, ts, seq) => {
      if (open.rows() >= rows) {
        full.push({ tail: open, first });
        open = begin(seq);
      }
      if (open.rows() === 0) first = seq;
      open.add(device, ts, seq);
    },
    reset: () => {
      full = [];
      open.clear(1);
    },
    next: () => {
      const [oldest] = full;
      return oldest === undefined ? null : { first: oldest.first, last: oldest.tail.last() };
    },
    close: (before) => {
      if (open.rows() === 0 || open.bounds().from >= before) return;
      full.push({ tail: open, first });
      open = begin(open.last() + 1);
    },
    done: (last) => {
      spare ??= full.find(({ tail }) => tail.last() <= last)?.tail ?? null;
      full = full.filter(({ tail }) => tail.last() > last);
    },
  };
};
