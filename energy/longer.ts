import { type Account, type AccountStep, accountSteps } from "./account.ts";
import { type Window, windowOf } from "./calendar.ts";
import { composeAccounts, createRunning, type Running } from "./compose.ts";
import { accountChanges } from "./difference.ts";
import type { SiteModel } from "./model.ts";
import type { RecentAccounts } from "./recent.ts";
import { carryStorage, countedBatteries, openingReachMs, quarterWithStorage, sumWithStorage } from "./storage-book.ts";
import { modelAt } from "./validity.ts";

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
  /** The windows of a step that `accounts` are parts of and that are over; they join what is pending. */
  readonly compose: (
    step: AccountStep,
    parts: AccountStep,
    accounts: readonly Account[],
    until: Until,
    pending: Pending,
  ) => Promise<Account[]>;
  /** What a restated quarter leaves in store is what every one after it opens with, as far back as accounts are restated. */
  readonly carry: (quarters: readonly Account[], before: number, pending: Pending) => Promise<readonly Account[]>;
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

export const createLongerAccounts = (model: SiteModel, { recent, readAccounts, runs }: LongerDeps): LongerAccounts => {
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

  return {
    held,
    changed,
    compose: async (step, parts, accounts, until, pending) => {
      const windows = new Map<number, Window>();
      for (const account of accounts) {
        const window = windowOf(step, account.start, model.timeZone);
        if (window.end <= until.after) windows.set(window.start, window);
      }
      const composed: Account[] = [];
      for (const window of [...windows.values()].sort((a, b) => a.start - b.start)) {
        const at = modelAt(model, window.end - 1);
        const inside = await held(parts, window, pending);
        const running = step === "1d" ? begun(at, window, inside, pending) : undefined;
        const bare = composeAccounts(at, { ...window, step }, inside, running);
        composed.push(await withStorage(at, bare, inside, composed.at(-1), pending));
      }
      const fresh = await changed(composed, (account) => account.end <= until.before);
      for (const account of fresh) pending[step].set(account.start, account);
      return fresh;
    },
    carry: async (quarters, before, pending) => {
      const first = quarters.find(({ storage }) => storage !== undefined);
      if (first === undefined || first.end > before) return quarters;
      const after = await held("15m", { start: first.start, end: first.start + restateMs }, pending);
      const carried = carryStorage((ts) => modelAt(model, ts), after);
      for (const quarter of carried) pending["15m"].set(quarter.start, quarter);
      const all = new Map([...quarters, ...carried].map((quarter) => [quarter.start as number, quarter]));
      return [...all.values()].sort((a, b) => a.start - b.start);
    },
    keep: (account) => {
      recent.keep(account);
      if (account.step === "15m" && recent.holdsDays) addToDay(account);
    },
  };
};
