import { type FollowColumns, type Readings, StoreRefusedError, type Timestamp } from "#store";
import type { SiteBook } from "./site-book.ts";
import type { createTaker } from "./take.ts";

//  newest readings, in the order of commits, once for all sites ─▶ samples of each    (sites far behind: one by one)

/** A book, and from when on it needs its samples again; null when there was nothing. */
export interface Opened {
  readonly book: SiteBook;
  readonly from: {
    readonly closedUntil: number;
    /** No reading later than this. */
    readonly to: number;
    /** It goes on where it stood, rather than begin with what was stored before its model. */
    readonly stood: boolean;
  } | null;
}

export interface RecallParts {
  readonly readings: Readings;
  readonly follow: FollowColumns;
  readonly take: ReturnType<typeof createTaker>;
  readonly sites: readonly string[];
  /** The place up to which everything was taken. */
  readonly cursor: string | null;
  readonly latenessMs: number;
}

type Waiting = Pick<Opened, "book"> & { readonly from: NonNullable<Opened["from"]> };

// A site that stood still for longer would have all others' readings read again.
const togetherMs = 600_000;
const pageRows = 10_000;

/** Brings the samples back that the books held at the saved place. */
export const recallBooks = async (parts: RecallParts, opened: readonly Opened[]): Promise<void> => {
  const waiting = opened.flatMap(({ book, from }): Waiting[] => (from === null ? [] : [{ book, from }]));
  const newest = waiting.reduce((most, { from }) => Math.max(most, from.closedUntil), 0);
  const isNear = ({ from }: Waiting) => from.stood && newest - from.closedUntil <= togetherMs;
  const near = parts.cursor === null ? [] : waiting.filter(isNear);
  const together = (await recallTogether(parts, near)) ? new Set(near) : new Set<Waiting>();
  for (const one of waiting) {
    const { book, from } = one;
    if (!together.has(one)) await book.refill(from.closedUntil, from.to);
    await recallLast(parts.readings, book, from.closedUntil);
    await book.adopt();
  }
};

type Accept = (
  own: Waiting["from"],
  since: number,
  times: { readonly ts: number; readonly received: number },
) => boolean;

/** False when this store of readings cannot. */
const recallTogether = async (parts: RecallParts, waiting: readonly Waiting[]): Promise<boolean> => {
  const { readings, follow, take, sites, cursor, latenessMs } = parts;
  if (readings.placeBefore === undefined || cursor === null || waiting.length === 0) return false;
  const since = (one: Waiting) => one.from.closedUntil - one.book.contextMs;
  const first = waiting.reduce((least, one) => Math.min(least, since(one)), Number.POSITIVE_INFINITY);
  const byBook = new Map(waiting.map((one) => [one.book, { own: one.from, from: since(one) }]));
  const pass = async (begin: string, until: string, accept: Accept): Promise<void> => {
    let place = begin;
    for (;;) {
      const page = await follow({ cursor: place, until, sites, limit: pageRows, waitMs: 0 });
      take(page.columns, (book, lane, times, value, start) => {
        const known = lane === null ? undefined : byBook.get(book);
        if (lane !== null && known !== undefined && accept(known.own, known.from, times))
          book.recallRow(lane, times, value, start);
      });
      if (page.cursor === until || page.cursor === place) return;
      place = page.cursor;
    }
  };
  try {
    await pass(await readings.placeBefore(first as Timestamp), cursor, (_, from, { ts }) => ts >= from);
    // While hundreds of sites close a minute the place waits: what came in time for a closed minute is in its account.
    await pass(
      cursor,
      await readings.head(),
      ({ closedUntil }, from, { ts, received }) =>
        ts >= from && ts < closedUntil && received < closedUntil + latenessMs,
    );
  } catch (error) {
    // The store was exchanged: what it has is followed from its beginning.
    if (error instanceof StoreRefusedError && error.code === "STORE_CURSOR_EXPIRED") return false;
    throw error;
  }
  for (const { book, from } of waiting) {
    await book.refillFactors(from.closedUntil, from.to);
    book.drop(from.closedUntil);
  }
  return true;
};

/** The last word of a device that has been quiet for long stays readable. */
const recallLast = async (readings: Readings, book: SiteBook, before: number): Promise<void> => {
  const devices = book.silent();
  if (devices.length === 0) return;
  for (const { site, device, received, quantities } of await readings.latest({ site: book.model.id, devices }))
    for (const [name, { value, ts }] of Object.entries(quantities))
      if (ts < before) book.recall({ site, device, ts, received, quantities: { [name]: value }, flags: [] });
};
