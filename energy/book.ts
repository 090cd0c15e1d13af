import {
  followColumnsOf,
  type Json,
  type LedgerChange,
  type LedgerRow,
  type Readings,
  StoreRefusedError,
  StoreUnavailableError,
  type Timestamp,
} from "#store";
import type { Account, AccountStep } from "./account.ts";
import { windowOf } from "./calendar.ts";
import { queryChange } from "./change.ts";
import { type ResidualOver, residualOver, suspectOf } from "./closure.ts";
import { commissionSite } from "./commission-read.ts";
import type { EnergySettings } from "./config.ts";
import { closeCycle, closeDue, listCycles, reportCycle } from "./cycles.ts";
import type { Energy, EnergyDeps } from "./energy.ts";
import { keepModel } from "./kept-model.ts";
import type { SiteModel } from "./model.ts";
import { presentKpis, presentSite, type RecentMinutes } from "./present.ts";
import { accountRevisions, coverWindow, pageAccounts, queryKpis, queryTrend, readAccounts } from "./query.ts";
import { readReadings } from "./read-readings.ts";
import { type Opened, recallBooks } from "./recall.ts";
import { buildReport } from "./report/build.ts";
import { type Chunk, createSiteBook, type SiteBook, type SiteState, siteStateKind } from "./site-book.ts";
import { createTaker } from "./take.ts";
import { modelAt, modelNow } from "./validity.ts";

//  store ─▶ follow ─▶ take (clocks, samples) ─▶ chunks of accounts ─▶ ledger: rows + cursor, one transaction ─▶ publish

const cursorKind = "cursor";
const cursorKey = "energy";
const mostToldNodes = 200;
const liveMinutes = 15;
const minuteMs = 60_000;
// Clocks tick once a second when nothing comes.
const tickMs = 1000;
// Following again is harmless but long; without accounts the cursor is kept at least this often.
const cursorEveryReadings = 50_000;
// Taking in and closing have turns of so long: readings go on being taken in while the minute of hundreds of sites is
// closed,
const settleMs = 250;
// Each transaction waits for the disk once; this many rows times nodes are two megabytes of accounts and two of their
// texts, and until it is on disk none of them is garbage.
const weightPerTransaction = 8000;
// but no more than are followed again in a few seconds after a crash.
const mostUnsettled = 500_000;
const retryMs = 2000;

const put = (kind: string, key: string, site: string, ts: number, body: Json): LedgerChange[] => [
  { op: "delete", kind, key },
  { op: "put", kind, key, site, ts: ts as Timestamp, body },
];

const hourMs = 3_600_000;

/** Readings of a site that came before its model: they are accounted from the store, from the oldest on. */
const stateBeforeModel = async (readings: Readings, site: string): Promise<SiteState | null> => {
  const devices = await readings.devices(site);
  if (devices.length === 0) return null;
  const first = devices.reduce((oldest, { firstSeen }) => Math.min(oldest, firstSeen), Infinity);
  const last = devices.reduce((newest, { lastSeen }) => Math.max(newest, lastSeen), 0);
  return { clock: { now: last, heard: true }, closedUntil: Math.floor(first / minuteMs) * minuteMs };
};

/**
 * Starts the books: follows committed readings, closes windows on each site's clock, restates on late data. Accounts and
 * the place in the stream are one transaction, so that a crash neither loses nor doubles.
 */
export const startEnergy = async (settings: EnergySettings, deps: EnergyDeps): Promise<Energy> => {
  const { readings, ledger, publish, onError } = deps;
  const wall = deps.now ?? Date.now;
  const stop = new AbortController();

  const estateNodes = deps.sites.reduce((sum, { nodes }) => sum + nodes.length, 0);
  let followed = "";
  const openBook = async (model: SiteModel, started: boolean): Promise<Opened> => {
    const row = await ledger.get(siteStateKind, model.id);
    const committed = row === null ? null : (row.body as unknown as SiteState);
    // With a cursor the stream has passed what was read before this model was there.
    const saved = committed ?? (started ? await stateBeforeModel(readings, model.id) : null);
    const book = createSiteBook(
      model,
      {
        latenessMs: settings.ENERGY_LATENESS_MS,
        catchupWaitMs: settings.ENERGY_CATCHUP_WAIT_MS,
        bridgeMs: settings.ENERGY_BRIDGE_MS,
        estateNodes,
        readRange: (from, to, device) => readReadings(readings, model.id, from, to, device),
        readAccounts: (step, from, to) => readAccounts(ledger, model.id, step, from, to),
        dataRevision: () => followed,
      },
      saved,
    );
    if (saved === null || saved.closedUntil === null) return { book, from: null };
    const { closedUntil, clock } = saved;
    return { book, from: { closedUntil, to: (clock.now ?? closedUntil) + hourMs, stood: committed !== null } };
  };

  const cursorRow = await ledger.get(cursorKind, cursorKey);
  let cursor = typeof cursorRow?.body === "string" ? cursorRow.body : null;
  const books = new Map<string, SiteBook>();
  const opened: Opened[] = [];
  for (const model of deps.sites) {
    const one = await openBook(model, cursor !== null);
    opened.push(one);
    books.set(model.id, one.book);
  }
  const sites = [...books.keys()];
  const follow = followColumnsOf(readings);
  const take = createTaker(books);
  const latenessMs = settings.ENERGY_LATENESS_MS;
  await recallBooks({ readings, follow, take, sites, cursor, latenessMs }, opened);
  const kpis = new Map<string, { readonly until: number; readonly minutes: RecentMinutes }>();
  const published = new Map<string, number>();
  let sinceCursor = 0;
  const kept = new Set<SiteBook>();

  /** Goes on until it works or energy is stopped: the store comes back, or a person makes room. */
  const insist = async <Value>(attempt: () => Promise<Value>): Promise<Value> => {
    for (;;) {
      try {
        return await attempt();
      } catch (error) {
        const passing = error instanceof StoreUnavailableError;
        if (stop.signal.aborted || (!passing && !(error instanceof StoreRefusedError))) throw error;
        if (error instanceof StoreRefusedError && error.code === "STORE_CURSOR_EXPIRED") throw error;
        onError(error, { stage: "energy", code: passing ? "ENERGY_STORE_UNAVAILABLE" : "ENERGY_STORE_REFUSED" });
        await pause(passing ? error.retryAfterMs : retryMs, stop.signal);
        if (stop.signal.aborted) throw error;
      }
    }
  };

  // Hundreds of racks of hundreds of sites, each minute and kept by the broker, would be its greatest load.
  const told = (account: Account): string =>
    JSON.stringify(Object.keys(account.nodes).length > mostToldNodes ? { ...account, nodes: {} } : account);

  const announce = (accounts: readonly Account[]): void => {
    const newest = new Map<AccountStep, Account>();
    for (const account of accounts) {
      const topic = `dc/${account.site}/account/${account.step}`;
      if (account.revision > 1) publish({ topic: `${topic}/restated`, payload: told(account), retain: false });
      const before = newest.get(account.step);
      if (before === undefined || before.start <= account.start) newest.set(account.step, account);
    }
    for (const account of newest.values()) {
      const topic = `dc/${account.site}/account/${account.step}`;
      if (account.start < (published.get(topic) ?? 0)) continue;
      published.set(topic, account.start);
      publish({ topic, payload: told(account), retain: true });
    }
  };

  /**
   * Commits what is due, many sites in one transaction; the place in the stream goes into the last. When hundreds of sites
   * close a minute at once and time is up, the rest is for the next turn: the place waits with it, so that a crash only
   * reads it again. False when there is a rest.
   */
  const settleBooks = async (place: readonly LedgerChange[], until: number): Promise<boolean> => {
    let batch: { readonly book: SiteBook; readonly chunk: Chunk }[] = [];
    let hasWritten = false;
    const commit = async (more: readonly LedgerChange[]): Promise<void> => {
      const changes: LedgerChange[] = [];
      for (const { book, chunk } of batch) {
        if (!kept.has(book)) changes.push(...(await insist(() => keepModel(ledger, book.model, wall()))));
        changes.push(...chunk.changes);
      }
      const rows: readonly LedgerRow[] = await insist(() => ledger.commit([...changes, ...more]));
      for (const { book, chunk } of batch) {
        kept.add(book);
        announce(chunk.done(rows.filter(({ site }) => site === book.model.id)));
      }
      batch = [];
      hasWritten = true;
    };
    const isFull = (): boolean =>
      batch.reduce((sum, { book, chunk }) => sum + chunk.changes.length * (book.model.nodes.length + 1), 0) >=
      weightPerTransaction;
    for (const book of books.values()) {
      if (!book.isDue()) continue;
      for (let isLast = false; !isLast && !stop.signal.aborted; ) {
        const chunk = await insist(book.next);
        if (chunk === null) break;
        batch.push({ book, chunk });
        isLast = chunk.last;
        if (isLast && !isFull()) continue;
        await commit([]);
        if (performance.now() > until && sinceCursor < mostUnsettled) return false;
      }
    }
    if (stop.signal.aborted) return true;
    const isDue = hasWritten || batch.length > 0 || cursor === null || sinceCursor >= cursorEveryReadings;
    if (batch.length === 0 && (place.length === 0 || !isDue)) return true;
    await commit(place);
    sinceCursor = 0;
    return true;
  };

  let turned: (() => void)[] = [];
  let nudge = new AbortController();
  let ticked = 0;
  let isSettled = true;

  const freezeMs = settings.ENERGY_FREEZE_DAYS * 24 * hourMs;
  const lookedUntil = new Map<SiteBook, number>();

  /** Looks once a cycle and site; while history is loaded nothing is over. */
  const closeCycles = async (now: number): Promise<void> => {
    if (freezeMs === 0) return;
    for (const book of books.values()) {
      const closedUntil = book.closedUntil();
      if (closedUntil === null || closedUntil < (lookedUntil.get(book) ?? 0)) continue;
      if (book.clock().mode === "catching-up") continue;
      await insist(() => closeDue(ledger, book.model, { closedUntil, freezeMs, now }));
      lookedUntil.set(book, windowOf("1d", closedUntil, book.model.timeZone).end);
    }
  };

  const turn = async (): Promise<void> => {
    const waiting = turned;
    turned = [];
    nudge = new AbortController();
    try {
      const signal = AbortSignal.any([stop.signal, nudge.signal]);
      const limit = settings.ENERGY_CHUNK_READINGS;
      // Minutes end at whole seconds, and so does their lateness: a tick just after one closes them at once.
      const waitMs = waiting.length > 0 || !isSettled ? 0 : tickMs - (wall() % tickMs);
      let page = await insist(() => follow({ cursor, sites, limit, waitMs, signal }));
      const takeUntil = performance.now() + settleMs;
      for (;;) {
        take(page.columns);
        followed = page.cursor;
        sinceCursor += page.columns.device.length;
        if (!page.behind || performance.now() > takeUntil || signal.aborted) break;
        page = await insist(() => follow({ cursor: followed, sites, limit, waitMs: 0, signal }));
      }
      // Who asks whether everything is accounted waits for an empty page: a shared one may be a moment old.
      const caughtUp = page.columns.device.length === 0 || (!page.behind && waiting.length === 0);
      const now = wall();
      if (caughtUp && (waiting.length > 0 || Math.floor(now / tickMs) !== Math.floor(ticked / tickMs))) {
        ticked = now;
        for (const book of books.values()) book.tick(now);
      }
      const place = page.cursor === cursor && isSettled ? [] : put(cursorKind, cursorKey, "", now, page.cursor);
      isSettled = await settleBooks(place, waiting.length > 0 ? Infinity : performance.now() + settleMs);
      cursor = page.cursor;
      if (caughtUp && isSettled) await closeCycles(now);
      if (caughtUp) for (const resolve of waiting.splice(0)) resolve();
    } finally {
      turned.push(...waiting);
    }
  };

  const run = async (): Promise<void> => {
    while (!stop.signal.aborted) {
      try {
        await turn();
      } catch (error) {
        if (stop.signal.aborted) break;
        onError(error, { stage: "energy", code: "ENERGY_BOOKS_FAILED" });
        // The stream began anew (a store in memory, a store that was exchanged): what is there is followed again.
        const anew = error instanceof StoreRefusedError && error.code === "STORE_CURSOR_EXPIRED" && cursor !== null;
        if (anew) cursor = null;
        else await pause(retryMs, stop.signal);
      }
    }
    for (const resolve of turned.splice(0)) resolve();
  };
  const running = run();

  // A model with a later validity date takes over at its instant, without a restart.
  const modelOf = (site: string): SiteModel | null => {
    const model = books.get(site)?.model;
    return model === undefined ? null : modelNow(model, wall());
  };

  const lastDays = new Map<string, { readonly end: number; readonly day: ResidualOver | null }>();

  /** Read once a quarter of an hour, whoever asks. */
  const lastDay = async ({ model }: SiteBook, until: number): Promise<ResidualOver | null> => {
    const end = windowOf("15m", until, model.timeZone).start;
    const known = lastDays.get(model.id);
    if (known?.end === end) return known.day;
    const window = { start: end - 24 * hourMs, end };
    const day = residualOver(await coverWindow(ledger, model.id, window), window, modelAt(model, end - 1).busRatingW);
    lastDays.set(model.id, { end, day });
    return day;
  };

  const recentMinutes = async (book: SiteBook): Promise<RecentMinutes> => {
    const until = book.closedUntil();
    if (until === null) return { kpis: {}, suspect: null, day: null };
    const known = kpis.get(book.model.id);
    if (known?.until === until) return known.minutes;
    const accounts = await book.recent(liveMinutes);
    const model = modelAt(book.model, until - 1);
    const fresh = presentKpis(model, accounts, { start: until - liveMinutes * minuteMs, end: until });
    const minutes = { kpis: fresh, suspect: suspectOf(model, accounts), day: await lastDay(book, until) };
    kpis.set(book.model.id, { until, minutes });
    return minutes;
  };

  return {
    sites: () => deps.sites.map((site) => modelNow(site, wall())),
    now: async (site) => {
      const book = books.get(site);
      if (book === undefined) return null;
      return presentSite(
        modelAt(book.model, book.clock().now ?? wall()),
        book.clock(),
        book.columns,
        await recentMinutes(book),
        wall(),
      );
    },
    commissioning: async ({ site, from, to }) => {
      const model = modelOf(site);
      return model === null ? null : commissionSite({ readings, ledger }, model, { from, to });
    },
    kpis: async (query) => {
      const model = modelOf(query.site);
      return model === null ? [] : queryKpis(ledger, model, query);
    },
    trend: async (query) => {
      const model = modelOf(query.site);
      return model === null ? null : queryTrend(ledger, model, query);
    },
    change: async (query) => {
      const model = modelOf(query.site);
      return model === null ? null : queryChange(ledger, model, query);
    },
    report: async (query) => {
      const model = modelOf(query.site);
      return model === null ? null : buildReport(ledger, model, query);
    },
    accounts: (query) => pageAccounts(ledger, query),
    revisions: (query) => accountRevisions(ledger, query),
    cycles: (site) => listCycles(ledger, site),
    cycle: async (site, cycle) => {
      const model = modelOf(site);
      return model === null ? null : reportCycle(ledger, model, cycle);
    },
    closeCycle: async (command) => {
      const book = books.get(command.site);
      if (book === undefined)
        return { ok: false, code: "ENERGY_SITE_UNKNOWN", reason: `no site file describes site "${command.site}"` };
      return closeCycle(ledger, book.model, { ...command, closedUntil: book.closedUntil(), now: wall() });
    },
    settled: () =>
      new Promise((resolve) => {
        if (stop.signal.aborted) resolve();
        turned.push(resolve);
        nudge.abort();
      }),
    [Symbol.asyncDispose]: async () => {
      stop.abort();
      await running;
    },
  };
};

/** Waits, or less when stopped. */
const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const rise = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", rise);
      resolve();
    };
    const timer = setTimeout(rise, ms);
    signal.addEventListener("abort", rise, { once: true });
  });
