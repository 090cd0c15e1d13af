import {
  type Ledger,
  type LedgerQuery,
  type LedgerRow,
  type Page,
  type Reading,
  type Readings,
  timestamp,
} from "#store";
import { accountKind, readAccount } from "../record.ts";
import type { Happening } from "../run.ts";
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

const hourMs = 3_600_000;
const pageRows = 10_000;
const pageAccounts = 60;
// Some 1 ms of judging: whoever takes them lets others have their turn in between.
const mostAtOnce = 64;
// A shorter history is judged before a thread has begun.
const threadMs = 43_200_000;
// More of them, and one sweep over all is cheaper.
const mostDevices = 2000;
// Some 40 MB of them are at hand, and as many on their way.
const mostReadings = 50_000;
const mostHours = 24;
// More than ten seconds would look like our own absence.
const tickMs = 5000;

/**
 * What happened at a site, told again. Within each hour of event time readings come in the order in which they were
 * received, then by time and device; one that arrived after its hour comes with its hour. An account comes before the
 * first reading that is later than its end, as it stood when it was first closed (later restatements are not judged
 * again, live neither). Where nothing was received for five seconds the wall clock ticks.
 */
export async function* happeningsOf(query: PastQuery): AsyncGenerator<readonly Happening[]> {
  const accounts = accountsOf(query);
  try {
    yield* inOrder(query, accounts);
  } finally {
    await accounts.return(undefined);
  }
}

async function* inOrder(
  query: PastQuery,
  accounts: AsyncGenerator<AccountHappening>,
): AsyncGenerator<readonly Happening[]> {
  let heard: number | null = null;
  let account = await accounts.next();
  const readingsOf = await hourlyReadings(query);
  for (let from = query.from; from < query.to; from = hourEnd(from)) {
    const to = Math.min(query.to, hourEnd(from));
    let happenings: Happening[] = [];
    for (const reading of await readingsOf(from, to)) {
      let hasAccount = false;
      for (; account.done !== true && account.value.account.end <= reading.ts; account = await accounts.next()) {
        happenings.push(account.value);
        hasAccount = true;
      }
      if (heard !== null)
        for (let wall = heard + tickMs; wall < reading.received; wall += tickMs)
          happenings.push({ kind: "tick", wall });
      heard = Math.max(heard ?? 0, reading.received);
      happenings.push({ kind: "readings", readings: [reading] });
      if (!hasAccount && happenings.length < mostAtOnce) continue;
      yield happenings;
      happenings = [];
    }
    if (happenings.length > 0) yield happenings;
    for (; account.done !== true && account.value.account.start < to; account = await accounts.next())
      yield [account.value];
  }
  if (heard !== null && heard < query.to) {
    const ticks: Happening[] = [];
    for (let wall = heard + tickMs; wall <= query.to; wall += tickMs) ticks.push({ kind: "tick", wall });
    yield ticks;
  }
}

const hourEnd = (at: number): number => (Math.floor(at / hourMs) + 1) * hourMs;

/**
 * The readings of one hour after the other. They lie by device: several hours of one are read at once, so that its pages
 * are unpacked for all of them.
 */
const hourlyReadings = async (query: PastQuery) => {
  const { readings, site } = query;
  const seen = query.devices ?? (await readings.devices(site)).map(({ device }) => device);
  const devices = seen.length > mostDevices ? [undefined] : seen;
  let hours = 1;
  let read: Span = { from: 0, to: 0, byHour: new Map() };
  let next: Promise<Span> | null = null;
  const readSpan = async (from: number): Promise<Span> => {
    const to = Math.min(query.to, hourEnd(from) + (hours - 1) * hourMs);
    const byHour = new Map<number, Reading[]>();
    let count = 0;
    for (const device of devices) {
      let cursor: string | null = null;
      do {
        const page: Page<Reading> = await readings.read({
          ...{ site, from: timestamp(from), to: timestamp(to), limit: pageRows },
          ...(device === undefined ? {} : { device }),
          ...(cursor === null ? {} : { cursor }),
        });
        count += page.items.length;
        for (const reading of page.items) {
          const hour = Math.floor(reading.ts / hourMs);
          const mine = byHour.get(hour);
          if (mine === undefined) byHour.set(hour, [reading]);
          else mine.push(reading);
        }
        cursor = page.next;
      } while (cursor !== null);
    }
    if (count > mostReadings) hours = Math.max(1, Math.floor(hours / 2));
    else if (count < mostReadings / 2) hours = Math.min(mostHours, hours * 2);
    return { from, to, byHour };
  };
  const later = (from: number): Promise<Span> | null => {
    const span = from < query.to ? readSpan(from) : null;
    // Whoever stops early leaves it behind.
    span?.catch(() => undefined);
    return span;
  };
  return async (from: number, to: number): Promise<readonly Reading[]> => {
    if (from >= read.to) {
      read = await (next ?? readSpan(from));
      next = hours > 1 ? later(read.to) : null;
    }
    const mine = read.byHour.get(Math.floor(from / hourMs)) ?? [];
    read.byHour.delete(Math.floor(from / hourMs));
    if (to > read.to) throw new Error("BUG: hours are read whole");
    return mine.sort((a, b) => a.received - b.received || a.ts - b.ts || (a.device < b.device ? -1 : 1));
  };
};

interface Span {
  readonly from: number;
  readonly to: number;
  readonly byHour: Map<number, Reading[]>;
}

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
    for (const { revision, key, at } of items) {
      const one = revision === 1 ? accounts[next++] : undefined;
      const happening = one === undefined ? await first(key) : { kind: "account" as const, ...one, wall: at };
      if (happening !== null) yield happening;
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
