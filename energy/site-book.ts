import type { Json, LedgerChange, LedgerRow, Reading, Timestamp } from "#store";
import { type Account, type AccountStep, accountSteps } from "./account.ts";
import { advanceOnReading, advanceOnTick, type SiteClock, startClock } from "./clock.ts";
import { createLongerAccounts, createPending, type LongerAccounts, type Owed, restateMs } from "./longer.ts";
import { accountMinute } from "./minute.ts";
import type { SiteModel } from "./model.ts";
import type { SamplesByPoint } from "./node-account.ts";
import { createRecentAccounts } from "./recent.ts";
import { createSiteSamples, type SampleLane, type SiteSamples, type Touched } from "./samples.ts";
import { factorDevices, versionsOf } from "./validity.ts";

//  reading ─▶ clock ─▶ minutes that are over ─┐
//     └─▶ samples ─▶ closed minutes touched ──┴─▶ account/1m ─▶ account/15m ─▶ account/1h, account/1d
//  One chunk of them, with the site's state, is one transaction of the ledger.

/** What a site needs to go on after a restart; it is committed with the accounts. */
export interface SiteState {
  readonly clock: { readonly now: number | null; readonly heard: boolean };
  /** Every minute before it is accounted or was left out; null before the first reading. */
  readonly closedUntil: number | null;
  /** Where the restating of longer windows goes on; absent when there is nothing left of it. */
  readonly owed?: Owed | null;
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
// Late readings find their neighbours in memory for so long; in large estates for a minute.
const heldMinutes = 3;
const largeEstateNodes = 50_000;
// What a window needs of the time before it, in readings: the context of a register and some that were missed.
const contextReadings = 12;
const wholeRefillNodes = 5000;

const floorMinute = (ts: number): number => Math.floor(ts / minuteMs) * minuteMs;

export const accountKind = (step: AccountStep): string => `account/${step}`;
export const siteStateKind = "energy/site";

export const createSiteBook = (model: SiteModel, deps: SiteBookDeps, saved: SiteState | null): SiteBook => {
  const { bridgeMs, latenessMs } = deps;
  const slowest = versionsOf(model)
    .flatMap((version) => version.nodes.flatMap((node) => node.points))
    .reduce((longest, { intervalMs }) => Math.max(longest, intervalMs), 0);
  // A border needs a reading after it, which slow sensors send an interval later.
  const marginMs = slowest > latenessMs ? slowest + 5000 : latenessMs;
  const chunkMinutes = Math.max(15, Math.floor(nodesPerChunk / Math.max(1, model.nodes.length)));
  const samples: SiteSamples = createSiteSamples(model, { bridgeMs });
  const estateNodes = Math.max(1, deps.estateNodes ?? model.nodes.length);
  const heldMs = (estateNodes > largeEstateNodes ? 1 : heldMinutes) * minuteMs;
  const dirty = new Set<number>();
  let clock = startClock(saved?.clock);
  let closedUntil = saved?.closedUntil ?? null;
  let owed = saved?.owed ?? null;
  /** From here on the samples in memory are all there are. */
  let completeFrom = saved?.closedUntil ?? 0;

  /** Minutes before it are closed without a sample of that time, however early it comes. */
  const unseenUntil = (ts: number): number => floorMinute(ts - marginMs);
  const touch = (ts: number, { from, to }: Touched, since = 0): void => {
    if (closedUntil === null) return;
    const last = Math.min(Math.max(closedUntil, unseenUntil(ts)), Math.ceil(to / minuteMs) * minuteMs);
    for (let minute = Math.max(since, floorMinute(from)); minute < last; minute += minuteMs) dirty.add(minute);
  };
  /** What was closed has seen it; what is still to be closed may not. */
  const recalled = (ts: number, touched: Touched | null): void => {
    if (touched !== null && closedUntil !== null) touch(ts, touched, closedUntil);
  };
  const lateUntil = (until: number): number[] => [...dirty].filter((minute) => minute < until).sort((a, b) => a - b);

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
    if (touched !== null) touch(ts, touched);
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

  /** As it was known when the clock made it due. */
  const closeFirst = (minute: number): Account =>
    samples.asOf(minute + minuteMs + marginMs, () => close(minute, samples.columns));

  const closeMinutes = async (minutes: readonly number[], firstFrom: number): Promise<Account[]> => {
    const inMemory = minutes.filter((minute) => minute >= completeFrom);
    const accounts: Account[] = [];
    for (const run of runs(minutes.filter((minute) => minute < completeFrom))) {
      const columns = await load(run[0] ?? 0, (run.at(-1) ?? 0) + minuteMs);
      for (const minute of run) accounts.push(close(minute, columns));
    }
    for (const minute of inMemory)
      accounts.push(minute >= firstFrom ? closeFirst(minute) : close(minute, samples.columns));
    return accounts;
  };

  const longer: LongerAccounts = createLongerAccounts(model, {
    recent: createRecentAccounts(estateNodes),
    readAccounts: deps.readAccounts,
    runs,
    quartersAtOnce: chunkMinutes,
  });

  const state = (): SiteState => ({
    clock: { now: clock.now, heard: clock.heard },
    closedUntil,
    ...(owed === null ? {} : { owed }),
  });

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
    if (before === null) return null;
    const late = lateUntil(before);
    const restated = late.slice(0, chunkMinutes);
    const room = chunkMinutes - restated.length;
    const after = Math.max(before, Math.min(due(), before + room * minuteMs));
    if (restated.length === 0 && after === before && owed === null) return null;

    const minutes = [...restated];
    for (let minute = before; minute < after; minute += minuteMs) minutes.push(minute);
    const isRestated = new Set(restated);
    const accounts = (await closeMinutes(minutes, before)).sort((a, b) => a.start - b.start);
    const fresh = await longer.changed(accounts, (account) => isRestated.has(account.start));
    const pending = createPending();
    for (const account of fresh) pending["1m"].set(account.start, account);
    const until = { before, after };
    const quarters = await longer.compose("15m", "1m", fresh, until, pending);
    // Days of late minutes are restated first; what follows from them once, when the last of them is.
    const isLastRestated = late.length === restated.length;
    const owing = longer.owe(owed, quarters, before);
    const paid =
      owing !== null && isLastRestated ? await longer.pay(owing, until, pending) : { accounts: [], owed: owing };
    const closing = [...pending["15m"].values()].filter(({ end }) => end > before);
    const hours = await longer.compose("1h", "15m", closing, until, pending);
    const days = await longer.compose("1d", "15m", closing, until, pending);
    const data = deps.dataRevision();
    const made = new Map<string, Account>();
    for (const account of [...fresh, ...quarters, ...paid.accounts, ...hours, ...days])
      made.set(`${account.step}/${account.start}`, account);
    const all = [...made.values()]
      .sort((a, b) => accountSteps.indexOf(a.step) - accountSteps.indexOf(b.step) || a.start - b.start)
      .map((account) => ({ ...account, data }));
    const ts = after as Timestamp;
    const place = paid.owed === null ? {} : { owed: { ...paid.owed } };
    const body = { clock: { now: clock.now, heard: clock.heard }, closedUntil: after, ...place };
    return {
      last: lateUntil(after).length === restated.length && after >= due() && paid.owed === null,
      changes: [
        ...all.map(put),
        { op: "delete", kind: siteStateKind, key: model.id },
        { op: "put", kind: siteStateKind, key: model.id, site: model.id, ts, body },
      ],
      done: (rows) => {
        for (const minute of restated) dirty.delete(minute);
        closedUntil = Math.max(closedUntil ?? after, after);
        owed = paid.owed;
        // Late readings of the last minutes find their neighbours in memory.
        const keepFrom = closedUntil - heldMs;
        samples.drop(keepFrom);
        completeFrom = Math.max(completeFrom, keepFrom);
        const revisions = new Map(rows.map((row) => [`${row.kind}/${row.ts}`, row.revision]));
        const committed = all.map((account) => ({
          ...account,
          revision: revisions.get(`${accountKind(account.step)}/${account.start}`) ?? account.revision,
        }));
        for (const account of committed) longer.keep(account);
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
      recalled(reading.ts, samples.add(reading));
    },
    recallRow: (lane, times, value, start) => {
      recalled(times.ts, samples.addRow(lane, times, value, start));
    },
    silent: samples.silent,
    next,
    isDue: () => closedUntil !== null && (lateUntil(closedUntil).length > 0 || owed !== null || due() > closedUntil),
    state,
    recent: async (count) => {
      if (closedUntil === null) return [];
      return longer.held("1m", { start: closedUntil - count * minuteMs, end: closedUntil }, createPending());
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
      for (const reading of await deps.readRange(from - contextMs, to)) recalled(reading.ts, samples.add(reading));
      samples.drop(from);
    },
    refillFactors,
    drop: samples.drop,
  };
};
