import type { Account } from "#energy";
import { type Ledger, type LedgerRow, type Page, type Reading, type Readings, timestamp } from "#store";
import { accountKind, readAccount } from "../record.ts";
import type { Happening } from "../run.ts";

// readings of an hour, as they arrived ─┐
// accounts, each when its minute ends  ─┼─▶ happenings, in order
// ticks where nothing arrived          ─┘

export interface PastQuery {
  readonly readings: Readings;
  readonly ledger: Ledger;
  readonly site: string;
  /** `[from, to)` on the site's clock, UTC ms. */
  readonly from: number;
  readonly to: number;
}

const hourMs = 3_600_000;
const pageRows = 10_000;
const pageAccounts = 60;
// More than ten seconds would look like our own absence.
const tickMs = 5000;

/**
 * What happened at a site, told again. Within each hour of event time readings come in the order in which they were
 * received, then by time and device; one that arrived after its hour comes with its hour. An account comes before the
 * first reading that is later than its end, as it stood when it was first closed (later restatements are not judged
 * again, live neither). Where nothing was received for five seconds the wall clock ticks.
 */
export async function* happeningsOf(query: PastQuery): AsyncGenerator<readonly Happening[]> {
  let heard: number | null = null;
  for (let from = query.from; from < query.to; from = hourEnd(from)) {
    const to = Math.min(query.to, hourEnd(from));
    const accounts = accountsOf(query, from, to);
    let account = await accounts.next();
    for (const reading of await readingsOf(query, from, to)) {
      const happenings: Happening[] = [];
      for (; account.done !== true && account.value.account.end <= reading.ts; account = await accounts.next())
        happenings.push({ kind: "account", ...account.value });
      if (heard !== null)
        for (let wall = heard + tickMs; wall < reading.received; wall += tickMs)
          happenings.push({ kind: "tick", wall });
      heard = Math.max(heard ?? 0, reading.received);
      happenings.push({ kind: "readings", readings: [reading] });
      yield happenings;
    }
    for (; account.done !== true; account = await accounts.next()) yield [{ kind: "account", ...account.value }];
  }
  if (heard !== null && heard < query.to) {
    const ticks: Happening[] = [];
    for (let wall = heard + tickMs; wall <= query.to; wall += tickMs) ticks.push({ kind: "tick", wall });
    yield ticks;
  }
}

const hourEnd = (at: number): number => (Math.floor(at / hourMs) + 1) * hourMs;

const readingsOf = async ({ readings, site }: PastQuery, from: number, to: number): Promise<readonly Reading[]> => {
  const found: Reading[] = [];
  let cursor: string | null = null;
  do {
    const page: Page<Reading> = await readings.read({
      ...{ site, from: timestamp(from), to: timestamp(to), limit: pageRows },
      ...(cursor === null ? {} : { cursor }),
    });
    found.push(...page.items);
    cursor = page.next;
  } while (cursor !== null);
  return found.sort((a, b) => a.received - b.received || a.ts - b.ts || (a.device < b.device ? -1 : 1));
};

async function* accountsOf(
  { ledger, site }: PastQuery,
  from: number,
  to: number,
): AsyncGenerator<{ readonly account: Account; readonly wall: number }> {
  let cursor: string | null = null;
  do {
    const page: Page<LedgerRow> = await ledger.list({
      ...{ kind: accountKind, site, from: timestamp(from), to: timestamp(to), limit: pageAccounts },
      ...(cursor === null ? {} : { cursor }),
    });
    for (const newest of page.items) {
      const row = newest.revision === 1 ? newest : ((await ledger.history(accountKind, newest.key))[0] ?? newest);
      const account = readAccount(row);
      if (account !== null) yield { account, wall: row.at };
    }
    cursor = page.next;
  } while (cursor !== null);
}
