import {
  createColumnBuilder,
  createNameBook,
  type Ledger,
  type LedgerQuery,
  type LedgerRow,
  type Page,
  type Readings,
  timestamp,
} from "#store";
import { createAhead } from "../ahead.ts";
import { type NodeParts, partsOfAccount } from "../node-parts.ts";
import { accountKind, readAccount } from "../record.ts";
import type { Happening } from "../run.ts";
import { beginOf, nextOf, type Stretch } from "../stretch.ts";
import { type HourRows, hourEnd, hourlyReadings } from "./hours.ts";
import { createScanner, type ScannedAccount } from "./scan.ts";
import { startScanThread } from "./scan-thread.ts";

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
  /** Whose readings are wanted; null or absent for all of the site. */
  readonly devices?: readonly string[] | null;
  /** The site's metered nodes in their order, to have the accounts without theirs and those in columns. */
  readonly nodes?: readonly string[];
}

const pageAccounts = 60;
// What so few bring is narrow enough to tell whom a rule is not about, where that of a whole page is not.
const aheadMinutes = 20;
// Some 1 ms of judging one by one: whoever takes them lets others have their turn in between.
const mostAtOnce = 64;
// As much of it where most of them move nothing but the clock.
const mostInStretch = 2000;
// A shorter history is judged before a thread has begun.
const threadMs = 43_200_000;
// More than ten seconds would look like our own absence.
const tickMs = 5000;

/** What happened, readings and ticks as they follow each other in one piece. */
export type Told = AccountHappening | { readonly kind: "stretch"; readonly stretch: Stretch };

/**
 * What happened at a site, told again. Within each hour of event time readings come in the order in which they were
 * received, then by time and device; one that arrived after its hour comes with its hour. An account comes before the
 * first reading that is later than its end, as it stood when it was first closed (later restatements are not judged
 * again, live neither). Where nothing was received for five seconds the wall clock ticks.
 */
export async function* toldOf(query: PastQuery): AsyncGenerator<readonly Told[]> {
  const accounts = accountsOf(query);
  try {
    yield* inOrder(query, accounts);
  } finally {
    await accounts.return(undefined);
  }
}

/** The same, one by one. */
export async function* happeningsOf(query: PastQuery): AsyncGenerator<readonly Happening[]> {
  let happenings: Happening[] = [];
  for await (const told of toldOf(query)) {
    for (const one of told) {
      if (one.kind === "account") happenings.push(one);
      else
        for (const happening of happeningsIn(one.stretch)) {
          happenings.push(happening);
          if (happenings.length < mostAtOnce) continue;
          yield happenings;
          happenings = [];
        }
    }
    if (happenings.length > 0) yield happenings;
    happenings = [];
  }
}

export function* happeningsIn(stretch: Stretch): Generator<Happening> {
  const place = beginOf(stretch);
  for (let one = nextOf(stretch, place); one !== null; one = nextOf(stretch, place))
    yield typeof one === "number" ? { kind: "tick", wall: one } : { kind: "readings", readings: [one] };
}

async function* inOrder(query: PastQuery, accounts: AsyncGenerator<AccountHappening>): AsyncGenerator<readonly Told[]> {
  let heard: number | null = null;
  let account = await accounts.next();
  const hourOf = await hourlyReadings(query);
  const { site } = query;
  for (let begin = query.from; begin < query.to; begin = hourEnd(begin)) {
    const end = Math.min(query.to, hourEnd(begin));
    const hour = await hourOf(begin, end);
    const { ts, received } = hour.columns;
    const tsOf = (at: number): number => ts[hour.order[at] ?? -1] ?? Number.NaN;
    for (let from = 0; from < hour.order.length; ) {
      const told: Told[] = [];
      for (; account.done !== true && account.value.account.end <= tsOf(from); account = await accounts.next())
        told.push(account.value);
      const most = Math.min(hour.order.length, from + mostInStretch);
      const before: number | null = heard;
      let to = from;
      do {
        heard = Math.max(heard ?? 0, received[hour.order[to] ?? -1] ?? 0);
        to += 1;
      } while (to < most && !(account.done !== true && account.value.account.end <= tsOf(to)));
      told.push({ kind: "stretch", stretch: { site, ...hour, from, to, heard: before, until: null, tickMs } });
      yield told;
      from = to;
    }
    for (; account.done !== true && account.value.account.start < end; account = await accounts.next())
      yield [account.value];
  }
  if (heard !== null && heard < query.to)
    yield [{ kind: "stretch", stretch: { site, ...noRows, from: 0, to: 0, heard, until: query.to, tickMs } }];
}

const noRows: HourRows = {
  columns: createColumnBuilder(createNameBook()).take(),
  starts: new Int32Array(0),
  order: new Int32Array(0),
};

type AccountHappening = Extract<Happening, { readonly kind: "account" }>;

/** Each page is fetched and taken apart while the one before it is judged. */
async function* accountsOf(query: PastQuery): AsyncGenerator<AccountHappening> {
  const { ledger, nodes, from, to } = query;
  const told = (row: LedgerRow): AccountHappening | null => {
    const account = readAccount(row);
    return account === null ? null : { kind: "account", account, wall: row.at };
  };
  const first = async (key: string): Promise<AccountHappening | null> => {
    const row = (await ledger.history(accountKind, key))[0];
    return row === undefined ? null : told(row);
  };
  const { listKept } = ledger;
  if (listKept === undefined || nodes === undefined) {
    for await (const items of ahead(pagesOf(query, (asked) => ledger.list(asked))))
      for (const row of items) {
        const one = row.revision === 1 ? told(row) : await first(row.key);
        if (one !== null) yield one;
      }
    return;
  }
  await using thread = to - from < threadMs ? null : startScanThread(nodes);
  const { scan } = createScanner(nodes);
  const scanned = async (kept: readonly Uint8Array[]): Promise<readonly ScannedAccount[]> =>
    thread === null ? kept.map(scan) : await thread.scan(kept);
  const apart = async function* () {
    for await (const items of ahead(pagesOf(query, (asked) => listKept(asked)))) {
      const accounts = await scanned(items.filter(({ revision }) => revision === 1).map(({ kept }) => kept));
      yield { items, accounts };
    }
  };
  for await (const { items, accounts } of ahead(apart())) {
    let next = 0;
    const told: (AccountHappening & { readonly nodes: NodeParts })[] = [];
    for (const { revision, key, at } of items) {
      const one = revision === 1 ? accounts[next++] : undefined;
      const happening = one === undefined ? await first(key) : { kind: "account" as const, ...one, wall: at };
      if (happening !== null)
        told.push({ ...happening, nodes: happening.nodes ?? partsOfAccount(happening.account, nodes) });
    }
    const all = createAhead(told);
    for (let from = 0; from < told.length; from += aheadMinutes) {
      const minutes = told.slice(from, from + aheadMinutes);
      const ahead = createAhead(minutes, all);
      for (const one of minutes) yield { ...one, nodes: { ...one.nodes, ahead } };
    }
  }
}

async function* pagesOf<Row>(
  { site, from, to }: PastQuery,
  list: (asked: LedgerQuery) => Promise<Page<Row>>,
): AsyncGenerator<readonly Row[]> {
  let cursor: string | null = null;
  do {
    const page: Page<Row> = await list({
      ...{ kind: accountKind, site, from: timestamp(from), to: timestamp(to), limit: pageAccounts },
      ...(cursor === null ? {} : { cursor }),
    });
    yield page.items;
    cursor = page.next;
  } while (cursor !== null);
}

/** The next is worked on while whoever asked has the one at hand. */
async function* ahead<Item>(source: AsyncGenerator<Item>): AsyncGenerator<Item> {
  let next = source.next();
  try {
    for (let one = await next; one.done !== true; one = await next) {
      next = source.next();
      // Whoever stops early leaves it behind.
      next.catch(() => undefined);
      yield one.value;
    }
  } finally {
    await source.return(undefined);
  }
}
