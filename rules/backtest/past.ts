import {
  type Ledger,
  type LedgerRow,
  type LedgerText,
  type Page,
  type Reading,
  type Readings,
  timestamp,
} from "#store";
import { accountKind, readAccount } from "../record.ts";
import type { Happening } from "../run.ts";
import { createScanner } from "./scan.ts";

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
  let heard: number | null = null;
  const accounts = accountsOf(query);
  let account = await accounts.next();
  const readingsOf = await hourlyReadings(query);
  for (let from = query.from; from < query.to; from = hourEnd(from)) {
    const to = Math.min(query.to, hourEnd(from));
    for (const reading of await readingsOf(from, to)) {
      const happenings: Happening[] = [];
      for (; account.done !== true && account.value.account.end <= reading.ts; account = await accounts.next())
        happenings.push(account.value);
      if (heard !== null)
        for (let wall = heard + tickMs; wall < reading.received; wall += tickMs)
          happenings.push({ kind: "tick", wall });
      heard = Math.max(heard ?? 0, reading.received);
      happenings.push({ kind: "readings", readings: [reading] });
      yield happenings;
    }
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

/** The page after the one at hand is fetched meanwhile. */
async function* accountsOf(query: PastQuery): AsyncGenerator<AccountHappening> {
  const pageOf = accountPages(query);
  let next = pageOf(null);
  for (;;) {
    const page = await next;
    if (page.next !== null) {
      next = pageOf(page.next);
      // Whoever stops early leaves it behind.
      next.catch(() => undefined);
    }
    for (const happening of page.items) {
      const one = await happening();
      if (one !== null) yield one;
    }
    if (page.next === null) return;
  }
}

type Later = () => AccountHappening | null | Promise<AccountHappening | null>;

const accountPages = ({ ledger, site, from, to, nodes }: PastQuery) => {
  const { scan } = createScanner(nodes ?? []);
  const told = (row: LedgerRow): AccountHappening | null => {
    const account = readAccount(row);
    return account === null ? null : { kind: "account", account, wall: row.at };
  };
  const first = async (key: string): Promise<AccountHappening | null> => {
    const row = (await ledger.history(accountKind, key))[0];
    return row === undefined ? null : told(row);
  };
  const scanned = ({ text, at }: LedgerText): AccountHappening => ({ kind: "account", ...scan(text), wall: at });
  return async (cursor: string | null): Promise<{ readonly items: readonly Later[]; readonly next: string | null }> => {
    const asked = {
      ...{ kind: accountKind, site, from: timestamp(from), to: timestamp(to), limit: pageAccounts },
      ...(cursor === null ? {} : { cursor }),
    };
    if (ledger.listText === undefined || nodes === undefined) {
      const { items, next } = await ledger.list(asked);
      return { items: items.map((row) => () => (row.revision === 1 ? told(row) : first(row.key))), next };
    }
    const { items, next } = await ledger.listText(asked);
    return { items: items.map((row) => () => (row.revision === 1 ? scanned(row) : first(row.key))), next };
  };
};
