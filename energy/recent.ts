import type { Account, AccountStep } from "./account.ts";

/** The newest committed accounts of one site, as far as there is room for them. */
export interface RecentAccounts {
  readonly get: (step: AccountStep, start: number) => Account | undefined;
  /** Takes the place of an older revision. */
  readonly keep: (account: Account) => void;
  /** Whether the quarters of a civil day are kept. */
  readonly holdsDays: boolean;
}

type Limits = Readonly<Record<AccountStep, number>>;

// Some 150 MB of accounts. Beyond it, longer windows are composed of what the ledger gives back.
const mostNodeAccounts = 400_000;
// A civil day has up to 100 quarters; it is composed of them.
const wide: Limits = { "1m": 32, "15m": 101, "1h": 2, "1d": 2 };
const narrow: Limits = { "1m": 32, "15m": 8, "1h": 2, "1d": 2 };
const none: Limits = { "1m": 0, "15m": 0, "1h": 0, "1d": 0 };

const fits = (limits: Limits, nodes: number): boolean =>
  Object.values(limits).reduce((sum, count) => sum + count, 0) * nodes <= mostNodeAccounts;

/** `estateNodes`: nodes of all sites, which share the room. */
export const createRecentAccounts = (estateNodes: number): RecentAccounts => {
  const limits = [wide, narrow].find((candidate) => fits(candidate, estateNodes)) ?? none;
  const held: Readonly<Record<AccountStep, Map<number, Account>>> = {
    "1m": new Map(),
    "15m": new Map(),
    "1h": new Map(),
    "1d": new Map(),
  };
  return {
    holdsDays: limits === wide,
    get: (step, start) => held[step].get(start),
    keep: (account) => {
      const { step, start } = account;
      const own = held[step];
      if (!own.has(start) && own.size >= limits[step]) {
        const oldest = own.keys().next().value;
        // A restated one from before makes no room for itself: the ledger has it.
        if (oldest === undefined || start < oldest) return;
        own.delete(oldest);
      }
      own.set(start, account);
    },
  };
};
