import type { Json, LedgerChange, LedgerRow, Reading, Timestamp } from "#store";
import type { Account, AccountStep } from "./account.ts";
import { type Window, windowOf } from "./calendar.ts";
import { advanceOnReading, advanceOnTick, type SiteClock, startClock } from "./clock.ts";
import { composeAccounts } from "./compose.ts";
import { accountChanges } from "./difference.ts";
import { accountMinute } from "./minute.ts";
import type { SiteModel } from "./model.ts";
import type { SamplesByPoint } from "./node-account.ts";
import { createSiteSamples, type SampleLane, type SiteSamples, type Touched } from "./samples.ts";
import { carryStorage, countedBatteries, openingReachMs, quarterWithStorage, sumWithStorage } from "./storage-book.ts";
import { factorDevices, modelAt, versionsOf } from "./validity.ts";

//  reading ─▶ clock ─▶ minutes that are over ─┐
//     └─▶ samples ─▶ closed minutes touched ──┴─▶ account/1m ─▶ account/15m ─▶ account/1h, account/1d
//  One chunk of them, with the site's state, is one transaction of the ledger.

/** What a site needs to go on after a restart; it is committed with the accounts. */
export interface SiteState {
  readonly clock: { readonly now: number | null; readonly heard: boolean };
  /** Every minute before it is accounted or was left out; null before the first reading. */
  readonly closedUntil: number | null;
}

export interface SiteBookDeps {
  /** Nodes of all sites: the more there are, the less of each is kept in memory. */
  readonly estateNodes?: number;
  readonly latenessMs: number;
  readonly catchupWaitMs: number;
  readonly bridgeMs: number;
  /** All stored readings of the site in `[from, to)`. */
  readonly readRange: (from: number, to: number, device?: string) => Promise<readonly Reading[]>;
  /** The place in the stream of readings up to which everything was taken. */
  readonly dataRevision: () => string;
  /** Committed accounts that start in `[from, to)`, oldest first. */
  readonly readAccounts: (step: AccountStep, from: number, to: number) => Promise<readonly Account[]>;
}

export interface Chunk {
  /** Nothing of this site is due after it. */
  readonly last: boolean;
  readonly changes: readonly LedgerChange[];
  /** To be called with the committed rows: from then on the chunk is history. */
  readonly done: (rows: readonly LedgerRow[]) => readonly Account[];
}

export interface SiteBook {
  readonly model: SiteModel;
  readonly clock: () => SiteClock;
  readonly closedUntil: () => number | null;
  readonly columns: SamplesByPoint;
  readonly take: (reading: Reading) => void;
  /** The way of a device's rows of these quantities through this site; null when its model asks for none of them. */
  readonly laneOf: (device: string, quantities: readonly string[]) => SampleLane | null;
  /** `take` for a row of columns; without a lane it moves the clock only. */
  readonly takeRow: (
    lane: SampleLane | null,
    times: { readonly ts: number; readonly received: number },
    value: Float64Array,
    start: number,
  ) => void;
  readonly tick: (wallNow: number) => void;
  /** A sample from before: it moves neither the clock nor an account. */
  readonly recall: (reading: Reading) => void;
  /** `recall` for a row of columns. */
  readonly recallRow: (
    lane: SampleLane,
    times: { readonly ts: number; readonly received: number },
    value: Float64Array,
    start: number,
  ) => void;
  /** Devices of which a value that the model asks for is not in memory. */
  readonly silent: () => readonly string[];
  readonly isDue: () => boolean;
  /** The next chunk of accounts that are due; null when there is none. */
  readonly next: () => Promise<Chunk | null>;
  readonly state: () => SiteState;
  /** Accounts of the newest closed minutes, oldest first. */
  readonly recent: (minutes: number) => Promise<readonly Account[]>;
  /** Accounts again what was accounted under another model than the one that its time has now. */
  readonly adopt: () => Promise<void>;
  /** Fills the samples from the store: after a restart, or for readings from before the model. */
  readonly refill: (from: number, to: number) => Promise<void>;
  /** The same of what speaks seldom only: carbon and prices. */
  readonly refillFactors: (from: number, to: number) => Promise<void>;
  /** How long before a time its context begins, ms. */
  readonly contextMs: number;
  /** Lets go of samples that no minute from then on needs. */
  readonly drop: (before: number) => void;
}

const minuteMs = 60_000;
// Carbon and price feeds speak hourly; two hours back there is one.
export const factorLookbackMs = 7_200_000;
// A leap of the clock over more than this leaves no empty accounts behind: nobody was there.
const longestEmptyMs = 31 * 86_400_000;
// Keeps a transaction at a few megabytes whatever the size of the site.
const nodesPerChunk = 10_000;
// Some 150 MB of accounts. Beyond it, longer windows are composed of what the ledger gives back.
const mostNodeAccounts = 400_000;
// Late readings find their neighbours in memory for so long; in large estates for a minute.
const heldMinutes = 3;
const largeEstateNodes = 50_000;
// What a window needs of the time before it, in readings: the context of a register and some that were missed.
const contextReadings = 12;
const wholeRefillNodes = 5000;
// kpi.md §1.5: accounts are restated for seven days.
const restateMs = 7 * 86_400_000;
const recentLimits: Readonly<Record<AccountStep, number>> = { "1m": 32, "15m": 8, "1h": 2, "1d": 2 };

const floorMinute = (ts: number): number => Math.floor(ts / minuteMs) * minuteMs;

export const accountKind = (step: AccountStep): string => `account/${step}`;
export const siteStateKind = "energy/site";

const same = (a: Account, b: Account): boolean => accountChanges(a, b).length === 0;

/** Nothing of any node is known: of a time before the site spoke that is no account. */
export const isEmptyAccount = (account: Account): boolean =>
  Object.values(account.nodes).every((node) => node.forwardWh === null && node.meanW === null);

export const createSiteBook = (model: SiteModel, deps: SiteBookDeps, saved: SiteState | null): SiteBook => {
  const { bridgeMs, latenessMs } = deps;
  const slowest = versionsOf(model)
    .flatMap((version) => version.nodes.flatMap((node) => node.points))
    .reduce((longest, { intervalMs }) => Math.max(longest, intervalMs), 0);
  // A border needs a reading after it, which slow sensors send an interval later.
  const marginMs = slowest > latenessMs ? slowest + 5000 : latenessMs;
  const chunkMinutes = Math.max(15, Math.floor(nodesPerChunk / Math.max(1, model.nodes.length)));
  const samples: SiteSamples = createSiteSamples(model, { bridgeMs });
  const recent = new Map<AccountStep, Map<number, Account>>();
  const estateNodes = Math.max(1, deps.estateNodes ?? model.nodes.length);
  const heldMs = (estateNodes > largeEstateNodes ? 1 : heldMinutes) * minuteMs;
  const remembers = estateNodes * recentLimits["1m"] <= mostNodeAccounts;
  const dirty = new Set<number>();
  let clock = startClock(saved?.clock);
  let closedUntil = saved?.closedUntil ?? null;
  /** From here on the samples in memory are all there are. */
  let completeFrom = saved?.closedUntil ?? 0;

  const remember = (account: Account): void => {
    if (!remembers) return;
    let held = recent.get(account.step);
    if (held === undefined) {
      held = new Map();
      recent.set(account.step, held);
    }
    held.set(account.start, account);
    while (held.size > recentLimits[account.step]) {
      const oldest = [...held.keys()].reduce((least, start) => Math.min(least, start), Infinity);
      held.delete(oldest);
    }
  };

  const touch = ({ from, to }: Touched): void => {
    if (closedUntil === null) return;
    const last = Math.min(closedUntil, Math.ceil(to / minuteMs) * minuteMs);
    for (let minute = floorMinute(from); minute < last; minute += minuteMs) dirty.add(minute);
  };

  const leap = (before: number | null): void => {
    if (closedUntil === null || clock.now === null || clock.now - (before ?? closedUntil) <= longestEmptyMs) return;
    const left = floorMinute(before ?? closedUntil) + minuteMs;
    for (let minute = closedUntil; minute < left; minute += minuteMs) dirty.add(minute);
    closedUntil = Math.max(closedUntil, floorMinute(clock.now) - minuteMs);
  };

  const move = (times: { readonly ts: number; readonly received: number }): void => {
    const next = advanceOnReading(clock, times);
    if (next === clock) return;
    const before = clock.now;
    clock = next;
    leap(before);
  };
  const took = (ts: number, touched: Touched | null): void => {
    if (closedUntil === null) {
      closedUntil = floorMinute(ts);
      completeFrom = closedUntil;
    }
    if (touched !== null) touch(touched);
  };

  const due = (): number => (clock.now === null ? 0 : floorMinute(clock.now - marginMs));

  const load = async (from: number, to: number): Promise<SamplesByPoint> => {
    const loaded = createSiteSamples(model, { bridgeMs });
    for (const device of factorDevices(model))
      for (const reading of await deps.readRange(from - factorLookbackMs, to, device)) loaded.add(reading);
    for (const reading of await deps.readRange(from - bridgeMs, to + bridgeMs)) loaded.add(reading);
    return loaded.columns;
  };

  /** Runs of minutes that one look into the store serves. */
  const runs = (minutes: readonly number[]): number[][] => {
    const found: number[][] = [];
    for (const minute of minutes) {
      const run = found.at(-1);
      const last = run?.at(-1);
      if (run !== undefined && last !== undefined && minute - last <= 2 * bridgeMs) run.push(minute);
      else found.push([minute]);
    }
    return found;
  };

  const close = (minute: number, columns: SamplesByPoint): Account =>
    accountMinute(model, minute, columns, { bridgeMs });

  const closeMinutes = async (minutes: readonly number[]): Promise<Account[]> => {
    const inMemory = minutes.filter((minute) => minute >= completeFrom);
    const accounts: Account[] = [];
    for (const run of runs(minutes.filter((minute) => minute < completeFrom))) {
      const columns = await load(run[0] ?? 0, (run.at(-1) ?? 0) + minuteMs);
      for (const minute of run) accounts.push(close(minute, columns));
    }
    for (const minute of inMemory) accounts.push(close(minute, samples.columns));
    return accounts;
  };

  /** Accounts of a window: those about to be committed over those in memory over those in the ledger. */
  const held = async (
    step: AccountStep,
    window: Window,
    pending: ReadonlyMap<string, Account>,
  ): Promise<readonly Account[]> => {
    const found: Account[] = [];
    let start = window.start;
    for (; start < window.end; start = windowOf(step, start, model.timeZone).end) {
      const account = pending.get(`${step}/${start}`) ?? recent.get(step)?.get(start);
      if (account === undefined) break;
      found.push(account);
    }
    if (start >= window.end) return found;
    const stored = await deps.readAccounts(step, window.start, window.end);
    const merged = new Map(stored.map((account) => [account.start as number, account]));
    for (const account of pending.values())
      if (account.step === step && account.start >= window.start && account.start < window.end)
        merged.set(account.start, account);
    return [...merged.values()].sort((a, b) => a.start - b.start);
  };

  /** Only accounts that say something else than the committed ones; those that `known` names may be committed. */
  const changed = async (accounts: readonly Account[], known: (account: Account) => boolean): Promise<Account[]> => {
    const old = new Map<number, Account>();
    const starts = accounts.filter(known).map((account) => account.start as number);
    for (const run of runs(starts)) {
      const [first, last] = [run[0], run.at(-1)];
      const step = accounts[0]?.step;
      if (first === undefined || last === undefined || step === undefined) continue;
      const { end } = windowOf(step, last, model.timeZone);
      for (const account of await held(step, { start: first, end }, new Map())) old.set(account.start, account);
    }
    return accounts.filter((account) => {
      if (!known(account)) return true;
      const before = old.get(account.start);
      return before === undefined ? !isEmptyAccount(account) : !same(before, account);
    });
  };

  const quartersBefore = async (start: number, pending: ReadonlyMap<string, Account>): Promise<readonly Account[]> => {
    const near = await held("15m", windowOf("15m", start - 1, model.timeZone), pending);
    return near.length > 0 ? near : held("15m", { start: start - openingReachMs, end: start }, pending);
  };

  const withStorage = async (
    at: SiteModel,
    account: Account,
    parts: readonly Account[],
    last: Account | undefined,
    pending: ReadonlyMap<string, Account>,
  ): Promise<Account> => {
    if (countedBatteries(at).length === 0) return account;
    if (account.step !== "15m") return sumWithStorage(account, parts);
    const before = last?.end === account.start ? [last] : await quartersBefore(account.start, pending);
    return quarterWithStorage(at, account, before);
  };

  /** What a restated quarter leaves in store is what every one after it opens with, as far back as accounts are restated. */
  const carry = async (
    quarters: readonly Account[],
    before: number,
    pending: Map<string, Account>,
  ): Promise<readonly Account[]> => {
    const first = quarters.find(({ storage }) => storage !== undefined);
    if (first === undefined || first.end > before) return quarters;
    const after = await held("15m", { start: first.start, end: first.start + restateMs }, pending);
    const carried = carryStorage((ts) => modelAt(model, ts), after);
    for (const quarter of carried) pending.set(`15m/${quarter.start}`, quarter);
    const all = new Map([...quarters, ...carried].map((quarter) => [quarter.start as number, quarter]));
    return [...all.values()].sort((a, b) => a.start - b.start);
  };

  const compose = async (
    step: AccountStep,
    parts: AccountStep,
    accounts: readonly Account[],
    until: { readonly before: number; readonly after: number },
    pending: Map<string, Account>,
  ): Promise<Account[]> => {
    const windows = new Map<number, Window>();
    for (const account of accounts) {
      const window = windowOf(step, account.start, model.timeZone);
      if (window.end <= until.after) windows.set(window.start, window);
    }
    const composed: Account[] = [];
    for (const window of [...windows.values()].sort((a, b) => a.start - b.start)) {
      const at = modelAt(model, window.end - 1);
      const inside = await held(parts, window, pending);
      const bare = composeAccounts(at, { ...window, step }, inside);
      composed.push(await withStorage(at, bare, inside, composed.at(-1), pending));
    }
    const fresh = await changed(composed, (account) => account.end <= until.before);
    for (const account of fresh) pending.set(`${step}/${account.start}`, account);
    return fresh;
  };

  const state = (): SiteState => ({ clock: { now: clock.now, heard: clock.heard }, closedUntil });

  const put = (account: Account): LedgerChange => ({
    op: "put",
    kind: accountKind(account.step),
    key: `${model.id}/${account.start}`,
    site: model.id,
    ts: account.start,
    body: account as unknown as Json,
  });

  const next = async (): Promise<Chunk | null> => {
    const before = closedUntil;
    const restated = [...dirty].sort((a, b) => a - b).slice(0, chunkMinutes);
    const room = chunkMinutes - restated.length;
    const after = before === null ? null : Math.max(before, Math.min(due(), before + room * minuteMs));
    if (before === null || after === null || (restated.length === 0 && after === before)) return null;

    const minutes = [...restated];
    for (let minute = before; minute < after; minute += minuteMs) minutes.push(minute);
    const isRestated = new Set(restated);
    const accounts = (await closeMinutes(minutes)).sort((a, b) => a.start - b.start);
    const fresh = await changed(accounts, (account) => isRestated.has(account.start));
    const pending = new Map(fresh.map((account) => [`1m/${account.start}`, account]));
    const until = { before, after };
    const quarters = await carry(await compose("15m", "1m", fresh, until, pending), before, pending);
    const hours = await compose("1h", "15m", quarters, until, pending);
    const days = await compose("1d", "15m", quarters, until, pending);
    const data = deps.dataRevision();
    const all = [...fresh, ...quarters, ...hours, ...days].map((account) => ({ ...account, data }));
    const ts = after as Timestamp;
    const body = { clock: { now: clock.now, heard: clock.heard }, closedUntil: after };
    return {
      last: dirty.size === restated.length && after >= due(),
      changes: [
        ...all.map(put),
        { op: "delete", kind: siteStateKind, key: model.id },
        { op: "put", kind: siteStateKind, key: model.id, site: model.id, ts, body },
      ],
      done: (rows) => {
        for (const minute of restated) dirty.delete(minute);
        closedUntil = Math.max(closedUntil ?? after, after);
        // Late readings of the last minutes find their neighbours in memory.
        const keepFrom = closedUntil - heldMs;
        samples.drop(keepFrom);
        completeFrom = Math.max(completeFrom, keepFrom);
        const revisions = new Map(rows.map((row) => [`${row.kind}/${row.ts}`, row.revision]));
        const committed = all.map((account) => ({
          ...account,
          revision: revisions.get(`${accountKind(account.step)}/${account.start}`) ?? account.revision,
        }));
        for (const account of committed) remember(account);
        return committed;
      },
    };
  };

  const refillFactors = async (from: number, to: number): Promise<void> => {
    for (const device of factorDevices(model))
      for (const reading of await deps.readRange(from - factorLookbackMs, to, device)) samples.add(reading);
  };
  // An hour of a province is too much to read: who is quiet there is recalled by its newest value.
  const context = contextReadings * Math.max(slowest, minuteMs / contextReadings);
  const contextMs = estateNodes > wholeRefillNodes ? Math.min(bridgeMs, context) : bridgeMs;

  return {
    model,
    contextMs,
    columns: samples.columns,
    clock: () => clock,
    closedUntil: () => closedUntil,
    take: (reading) => {
      move(reading);
      took(reading.ts, samples.add(reading));
    },
    laneOf: samples.laneOf,
    takeRow: (lane, times, value, start) => {
      move(times);
      took(times.ts, lane === null ? null : samples.addRow(lane, times, value, start));
    },
    tick: (wallNow) => {
      const before = clock.now;
      clock = advanceOnTick(clock, wallNow, deps.catchupWaitMs);
      leap(before);
    },
    recall: (reading) => {
      samples.add(reading);
    },
    recallRow: (lane, times, value, start) => {
      samples.addRow(lane, times, value, start);
    },
    silent: samples.silent,
    next,
    isDue: () => closedUntil !== null && (dirty.size > 0 || due() > closedUntil),
    state,
    recent: async (count) => {
      if (closedUntil === null) return [];
      return held("1m", { start: closedUntil - count * minuteMs, end: closedUntil }, new Map());
    },
    adopt: async () => {
      if (closedUntil === null) return;
      const since = closedUntil - restateMs;
      const versions = versionsOf(model);
      for (const [index, version] of versions.entries()) {
        const from = Math.max(version.validFrom ?? since, since);
        const to = Math.min(versions[index + 1]?.validFrom ?? closedUntil, closedUntil);
        // A file without a date and without a successor is an edit in place: what was accounted stays.
        if (versions.length === 1 || to <= from) continue;
        const ends = [
          ...(await deps.readAccounts("1m", from, from + minuteMs)),
          ...(await deps.readAccounts("1m", to - minuteMs, to)),
        ];
        if (ends.every((account) => account.model === version.revision)) continue;
        for (let minute = floorMinute(from); minute < to; minute += minuteMs) dirty.add(minute);
      }
    },
    refill: async (from, to) => {
      await refillFactors(from, to);
      for (const reading of await deps.readRange(from - contextMs, to)) samples.add(reading);
      samples.drop(from);
    },
    refillFactors,
    drop: samples.drop,
  };
};
