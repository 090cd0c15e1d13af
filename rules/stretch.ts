import { type Reading, type ReadingColumns, readingAt } from "#store";

// rows in order   r r r ─────── r r ─────── until
// what happened   r r r · · · · r r · · · ·         · the wall clock ticks where nothing is heard

/** Readings of one site in the order in which they were heard, with the wall clock's ticks between and after them. */
export interface Stretch {
  readonly site: string;
  readonly columns: ReadingColumns;
  /** Where the values of each row of `columns` begin. */
  readonly starts: Int32Array;
  /** Rows of `columns` in order; those of the stretch are at `[from, to)`. */
  readonly order: Int32Array;
  readonly from: number;
  readonly to: number;
  /** The newest receive time before it, UTC ms; null when nothing was heard. */
  readonly heard: number | null;
  /** Ticks follow the last row up to here, UTC ms; null for none. */
  readonly until: number | null;
  readonly tickMs: number;
}

/** How far someone has come in a stretch. */
export interface StretchPlace {
  /** Of the next row, in the stretch's order. */
  at: number;
  /** Wall time of what came last; null when nothing did. */
  wall: number | null;
}

export const beginOf = ({ from, heard }: Stretch): StretchPlace => ({ at: from, wall: heard });

/** The wall time of the tick that is next; null when a reading is, or nothing. */
export const nextTick = ({ columns, order, to, until, tickMs }: Stretch, { at, wall }: StretchPlace): number | null => {
  if (wall === null) return null;
  const tick = wall + tickMs;
  if (at < to) return tick < (columns.received[order[at] ?? -1] ?? 0) ? tick : null;
  return until !== null && tick <= until ? tick : null;
};

export const isOver = (stretch: Stretch, place: StretchPlace): boolean =>
  place.at >= stretch.to && nextTick(stretch, place) === null;

/** What happens next, a reading or a tick of the wall clock, and goes there; null at the end. */
export const nextOf = (stretch: Stretch, place: StretchPlace): Reading | number | null => {
  const tick = nextTick(stretch, place);
  if (tick !== null) {
    place.wall = tick;
    return tick;
  }
  if (place.at >= stretch.to) return null;
  const row = stretch.order[place.at++] ?? -1;
  place.wall = Math.max(place.wall ?? 0, stretch.columns.received[row] ?? 0);
  return readingAt(stretch.columns, row, stretch.starts[row] ?? 0);
};

/** The wall time at its end; null when nothing was heard until then. */
export const lastWall = ({ columns, order, from, to, heard, until }: Stretch): number | null => {
  let last = heard;
  for (let at = from; at < to; at++) last = Math.max(last ?? 0, columns.received[order[at] ?? -1] ?? 0);
  return last === null ? null : Math.max(last, until ?? last);
};
