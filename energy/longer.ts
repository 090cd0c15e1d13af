import { type Account, type AccountStep, accountSteps } from "./account.ts";
import { type Window, windowOf } from "./calendar.ts";
import { composeAccounts, createRunning, type Running } from "./compose.ts";
import { accountChanges } from "./difference.ts";
import type { SiteModel } from "./model.ts";
import type { RecentAccounts } from "./recent.ts";
import { carryStorage, countedBatteries, openingReachMs, quarterWithStorage, sumWithStorage } from "./storage-book.ts";
import { modelAt, versionsOf } from "./validity.ts";

//  account/1m ─▶ account/15m ─▶ account/1h, account/1d      each over what is about to be committed, in memory or stored

/** Accounts about to be committed together, by step and start. */
export type Pending = Readonly<Record<AccountStep, Map<number, Account>>>;

export const createPending = (): Pending =>
  Object.fromEntries(accountSteps.map((step) => [step, new Map<number, Account>()])) as unknown as Pending;

export interface LongerDeps {
  readonly recent: RecentAccounts;
  /** Committed accounts that start in `[from, to)`, oldest first. */
  readonly readAccounts: (step: AccountStep, from: number, to: number) => Promise<readonly Account[]>;
  /** Starts put together into runs that one look into the store serves. */
  readonly runs: (starts: readonly number[]) => readonly (readonly number[])[];
  /** Quarters that one transaction restates. */
  readonly quartersAtOnce: number;
}

/** Event time in which quarters were restated whose followers, hours and days are not yet; committed with the site's state. */
export interface Owed {
  readonly from: number;
  readonly to: number;
}

export interface Paid {
  readonly accounts: readonly Account[];
  readonly owed: Owed | null;
}

/** Closed until `before`; with this chunk until `after`. */
export interface Until {
  readonly before: number;
  readonly after: number;
}

/** The longer windows of one site. */
export interface LongerAccounts {
  /** Accounts of a window: those about to be committed over those in memory over those in the ledger. */
  readonly held: (step: AccountStep, window: Window, pending: Pending) => Promise<readonly Account[]>;
  /** Only accounts that say something else than the committed ones; those that `known` names may be committed. */
  readonly changed: (accounts: readonly Account[], known: (account: Account) => boolean) => Promise<Account[]>;
  /** The windows of a step that `accounts` are parts of and that are over then; they join what is pending. */
  readonly compose: (
    step: AccountStep,
    parts: AccountStep,
    accounts: readonly Account[],
    until: Until,
    pending: Pending,
  ) => Promise<Account[]>;
  /** What is owed once these quarters are committed too, of which those that end before `before` are restated. */
  readonly owe: (owed: Owed | null, quarters: readonly Account[], before: number) => Owed | null;
  /**
   * Pays some of it, oldest first: what a restated quarter leaves in store is what every one after it opens with, as far
   * back as accounts are restated; and hours and days are made of the quarters as they are then.
   */
  readonly pay: (owed: Owed, until: Until, pending: Pending) => Promise<Paid>;
  /** To be called with every committed account, oldest first. */
  readonly keep: (account: Account) => void;
}

// kpi.md §1.5: accounts are restated for seven days.
export const restateMs = 7 * 86_400_000;

const same = (a: Account, b: Account): boolean => accountChanges(a, b).length === 0;

/** Nothing of any node is known: of a time before the site spoke that is no account. */
export const isEmptyAccount = (account: Account): boolean =>
  Object.values(account.nodes).every((node) => node.forwardWh === null && node.meanW === null);

/** A day of which the first quarters are put together already. */
interface Day {
  readonly model: SiteModel;
  readonly running: Running;
  until: number;
}

const quarterMs = 900_000;

export const createLongerAccounts = (model: SiteModel, deps: LongerDeps): LongerAccounts => {
  const { recent, readAccounts, runs, quartersAtOnce } = deps;
  // A day of 96 quarters at once would hold a large site's minute up.
  const days = new Map<number, Day>();

  const held = async (step: AccountStep, window: Window, pending: Pending): Promise<readonly Account[]> => {
    const found: Account[] = [];
    let start = window.start;
    for (; start < window.end; start = windowOf(step, start, model.timeZone).end) {
      const account = pending[step].get(start) ?? recent.get(step, start);
      if (account === undefined) break;
      found.push(account);
    }
    if (start >= window.end) return found;
    const stored = await readAccounts(step, window.start, window.end);
    const merged = new Map(stored.map((account) => [account.start as number, account]));
    for (const account of pending[step].values())
      if (account.start >= window.start && account.start < window.end) merged.set(account.start, account);
    return [...merged.values()].sort((a, b) => a.start - b.start);
  };

  const changed: LongerAccounts["changed"] = async (accounts, known) => {
    const old = new Map<number, Account>();
    const starts = accounts.filter(known).map((account) => account.start as number);
    for (const run of runs(starts)) {
      const [first, last] = [run[0], run.at(-1)];
      const step = accounts[0]?.step;
      if (first === undefined || last === undefined || step === undefined) continue;
      const { end } = windowOf(step, last, model.timeZone);
      for (const account of await held(step, { start: first, end }, createPending())) old.set(account.start, account);
    }
    return accounts.filter((account) => {
      if (!known(account)) return true;
      const before = old.get(account.start);
      return before === undefined ? !isEmptyAccount(account) : !same(before, account);
    });
  };

  const quartersBefore = async (start: number, pending: Pending): Promise<readonly Account[]> => {
    const near = await held("15m", windowOf("15m", start - 1, model.timeZone), pending);
    return near.length > 0 ? near : held("15m", { start: start - openingReachMs, end: start }, pending);
  };

  const withStorage = async (
    at: SiteModel,
    account: Account,
    parts: readonly Account[],
    last: Account | undefined,
    pending: Pending,
  ): Promise<Account> => {
    if (countedBatteries(at).length === 0) return account;
    if (account.step !== "15m") return sumWithStorage(account, parts);
    const before = last?.end === account.start ? [last] : await quartersBefore(account.start, pending);
    return quarterWithStorage(at, account, before);
  };

  /** What was put together while the day went on, as long as that is what the day still begins with. */
  const begun = (at: SiteModel, window: Window, inside: readonly Account[], pending: Pending): Running | undefined => {
    const day = days.get(window.start);
    days.delete(window.start);
    if (day === undefined || day.model !== at) return undefined;
    const count = day.running.count();
    const isFirst = inside[0]?.start === window.start && inside[count - 1]?.end === day.until;
    return isFirst && inside.slice(0, count).every(({ start }) => !pending["15m"].has(start)) ? day.running : undefined;
  };

  const addToDay = (quarter: Account): void => {
    const window = windowOf("1d", quarter.start, model.timeZone);
    const day = days.get(window.start);
    if (quarter.start === window.start) {
      const at = modelAt(model, window.end - 1);
      const running = createRunning(at, "1d");
      running.add(quarter);
      days.clear();
      days.set(window.start, { model: at, running, until: quarter.end });
    } else if (day !== undefined) {
      // Restated, or one is missing: the day is put together when it is over.
      if (day.until !== quarter.start || quarter.end >= window.end) days.delete(window.start);
      else {
        day.running.add(quarter);
        day.until = quarter.end;
      }
    }
  };

  const windowsOf = (step: AccountStep, accounts: readonly Account[]): readonly Window[] => {
    const windows = new Map<number, Window>();
    for (const { start } of accounts) {
      const window = windowOf(step, start, model.timeZone);
      windows.set(window.start, window);
    }
    return [...windows.values()].sort((a, b) => a.start - b.start);
  };

  const windowsOver = (step: AccountStep, { start, end }: Window): readonly Window[] => {
    const windows: Window[] = [];
    for (let at = start; at < end; ) {
      const window = windowOf(step, at, model.timeZone);
      windows.push(window);
      at = window.end;
    }
    return windows;
  };

  const composeWindows = async (
    step: AccountStep,
    parts: AccountStep,
    windows: readonly Window[],
    until: Until,
    pending: Pending,
  ): Promise<Account[]> => {
    const composed: Account[] = [];
    for (const window of windows) {
      const at = modelAt(model, window.end - 1);
      const inside = await held(parts, window, pending);
      const running = step === "1d" ? begun(at, window, inside, pending) : undefined;
      const bare = composeAccounts(at, { ...window, step }, inside, running);
      composed.push(await withStorage(at, bare, inside, composed.at(-1), pending));
    }
    const fresh = await changed(composed, (account) => account.end <= until.before);
    for (const account of fresh) pending[step].set(account.start, account);
    return fresh;
  };

  const hasBatteries = (): boolean => versionsOf(model).some((version) => countedBatteries(version).length > 0);

  return {
    held,
    changed,
    compose: (step, parts, accounts, until, pending) => {
      const windows = windowsOf(step, accounts).filter(({ end }) => end <= until.after);
      return composeWindows(step, parts, windows, until, pending);
    },
    owe: (owed, quarters, before) => {
      let most = owed;
      for (const { start, end } of quarters) {
        if (end > before) continue;
        const to = hasBatteries() ? start + restateMs : end;
        most = { from: Math.min(most?.from ?? start, start), to: Math.max(most?.to ?? to, to) };
      }
      return most;
    },
    pay: async (owed, until, pending) => {
      const last = Math.min(owed.to, until.after);
      const end = Math.min(last, owed.from + quartersAtOnce * quarterMs);
      const isLast = end >= last;
      const quarters = await held("15m", { start: owed.from - quarterMs, end }, pending);
      const carried = hasBatteries() ? carryStorage((ts) => modelAt(model, ts), quarters) : [];
      for (const quarter of carried) pending["15m"].set(quarter.start, quarter);
      const made: Account[] = [...carried];
      for (const step of ["1h", "1d"] as const) {
        // What is not over yet is made of these quarters when it is; what goes on after them, with the last of it.
        const over = windowsOver(step, { start: owed.from, end }).filter(
          (window) => window.end <= until.before && (isLast || window.end <= end),
        );
        made.push(...(await composeWindows(step, "15m", over, until, pending)));
      }
      return { accounts: made, owed: isLast ? null : { from: end, to: owed.to } };
    },
    keep: (account) => {
      recent.keep(account);
      if (account.step === "15m" && recent.holdsDays) addToDay(account);
    },
  };
};
