import { createColumnBuilder, createNameBook } from "./columns.ts";
import type { FollowColumnsPage, FollowQuery, Readings } from "./readings.ts";

//  energy ─┐                      ┌─ page kept? ─▶ the same page
//  rules ──┼─ cursor, sites ──────┼─ somebody waits there? ─▶ waits along
//  … ──────┘                      └─ else one look into the store ─▶ kept for the others, within bounds

export type FollowColumns = (query: FollowQuery) => Promise<FollowColumnsPage>;

/** `followColumns` of any readings: those of an adapter that keeps none are put into columns. */
export const followColumnsOf = (readings: Readings): FollowColumns => {
  const builder = createColumnBuilder(createNameBook());
  return async (query) => {
    if (readings.followColumns !== undefined) return readings.followColumns(query);
    const page = await readings.follow(query);
    for (const reading of page.readings) builder.addReading(reading);
    const behind = page.readings.length >= Math.min(query.limit, maxPage);
    return { columns: builder.take(), cursor: page.cursor, behind };
  };
};

const maxPage = 10_000;

interface SharedLimits {
  /** Who caught up looks again after this: a commit every few milliseconds is no reason to look as often. */
  readonly gatherMs: number;
  /** Rows of pages that wait for slower followers; each of six values is some 80 bytes. */
  readonly keptRows: number;
  /** A page that so many have had is let go; a further one reads it again. */
  readonly followers: number;
}

interface Kept {
  readonly page: FollowColumnsPage;
  readonly readAt: number;
  handed: number;
}

interface Wait {
  readonly page: Promise<FollowColumnsPage>;
  readonly stop: AbortController;
  waiting: number;
}

const sharedWaitMs = 1000;

/**
 * The same readings for several followers of the same sites: each page is read once and handed to all, each at its own
 * place. A follower that fell behind further than the pages kept reads the store again, so that nothing grows.
 */
export const shareFollow = (
  readings: Readings,
  { gatherMs, keptRows, followers }: SharedLimits = { gatherMs: 100, keptRows: 200_000, followers: 2 },
): Readings => {
  const look = followColumnsOf(readings);
  const pages = new Map<string, Kept>();
  const waits = new Map<string, Wait>();
  let rows = 0;
  let restUntil = 0;

  const sitesKeys = new WeakMap<readonly string[], string>();
  const keyOf = ({ cursor, sites }: FollowQuery): string => {
    const known = sites === undefined ? "" : (sitesKeys.get(sites) ?? sites.join(" "));
    if (sites !== undefined) sitesKeys.set(sites, known);
    return `${cursor ?? ""}|${known}`;
  };
  /** The first page from a place stays the page from that place, so that all go on together. */
  const keep = (key: string, page: FollowColumnsPage): FollowColumnsPage => {
    const count = page.columns.device.length;
    if (count === 0) return page;
    const readAt = performance.now();
    restUntil = page.behind ? 0 : readAt + gatherMs;
    const known = pages.get(key);
    if (known !== undefined) return known.page;
    pages.set(key, { page, readAt, handed: 0 });
    rows += count;
    for (const [oldest, { page: gone }] of pages) {
      if (rows <= keptRows) break;
      pages.delete(oldest);
      rows -= gone.columns.device.length;
    }
    return page;
  };
  /** A page that was kept for a while, or after which another one is kept, is not the newest any more. */
  const handed = (page: FollowColumnsPage, query: FollowQuery, readAt: number): FollowColumnsPage => {
    const key = keyOf(query);
    const kept = pages.get(key);
    if (kept?.page === page && ++kept.handed === followers) {
      pages.delete(key);
      rows -= page.columns.device.length;
    }
    if (page.behind || page.columns.device.length === 0) return page;
    const isOld = performance.now() - readAt > gatherMs;
    return isOld || pages.has(keyOf({ ...query, cursor: page.cursor })) ? { ...page, behind: true } : page;
  };

  const begin = (key: string, query: FollowQuery): Wait => {
    const stop = new AbortController();
    const page = (async () => {
      await pause(restUntil - performance.now(), stop.signal);
      return keep(key, await look({ ...query, waitMs: sharedWaitMs, signal: stop.signal }));
    })();
    const wait = { page, stop, waiting: 0 };
    waits.set(key, wait);
    const forget = () => {
      if (waits.get(key) === wait) waits.delete(key);
    };
    page.then(forget, forget);
    return wait;
  };
  const waitAlong = async (key: string, query: FollowQuery): Promise<FollowColumnsPage | null> => {
    const wait = waits.get(key) ?? begin(key, query);
    wait.waiting += 1;
    try {
      return await unlessAborted(wait.page, query.signal);
    } finally {
      wait.waiting -= 1;
      if (wait.waiting === 0) {
        wait.stop.abort();
        if (waits.get(key) === wait) waits.delete(key);
      }
    }
  };

  const follow: FollowColumns = async (query) => {
    // Who reads a stretch again goes a way of its own.
    if (query.until !== undefined) return look(query);
    const key = keyOf(query);
    const known = pages.get(key);
    if (known !== undefined && known.page.columns.device.length <= query.limit)
      return handed(known.page, query, known.readAt);
    if (known !== undefined) return look(query);
    // Who wants to know what is there now is told so; a short wait is one's own.
    if (query.waitMs < sharedWaitMs || query.cursor === null || query.signal?.aborted)
      return handed(keep(key, await look(query)), query, performance.now());
    const page = await waitAlong(key, query);
    if (page === null) return { columns: none, cursor: query.cursor, behind: false };
    return page.columns.device.length > query.limit ? look(query) : handed(page, query, performance.now());
  };

  return { ...readings, followColumns: follow };
};

const none = createColumnBuilder(createNameBook()).take();

/** Waits, or less when aborted. */
const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (ms <= 0 || signal.aborted) return resolve();
    const rise = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", rise);
      resolve();
    };
    const timer = setTimeout(rise, ms);
    signal.addEventListener("abort", rise, { once: true });
  });

/** Null when the signal aborts first. */
const unlessAborted = <Value>(promise: Promise<Value>, signal: AbortSignal | undefined): Promise<Value | null> => {
  if (signal === undefined) return promise;
  return new Promise((resolve, reject) => {
    const leave = () => resolve(null);
    signal.addEventListener("abort", leave, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", leave));
  });
};
