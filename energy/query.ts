import type { Ledger, LedgerRow, Page, Timestamp } from "#store";
import { type Account, type AccountStep, accountSteps, type KpiResult } from "./account.ts";
import { type Window, windowsBetween } from "./calendar.ts";
import { accountChanges } from "./difference.ts";
import type { AccountQuery, AccountRevision, KpiQuery, RevisionQuery, Trend, TrendQuery } from "./energy.ts";
import { catalogue, findKpi, kpiResults } from "./kpi/index.ts";
import { variantsOf } from "./kpi/inputs.ts";
import { kpiResult } from "./kpi/result.ts";
import type { SiteModel } from "./model.ts";
import { accountKind } from "./site-book.ts";

const pageRows = 1000;

const known = (at: number | undefined): { readonly asOf?: Timestamp } =>
  at === undefined ? {} : { asOf: at as Timestamp };

/** A committed row as its account; the row knows its revision best. */
export const accountOf = (row: LedgerRow): Account => ({
  ...(row.body as unknown as Account),
  revision: row.revision,
});

/** Committed accounts that start in `[from, to)`, oldest first. */
export const readAccounts = async (
  ledger: Ledger,
  site: string,
  step: AccountStep,
  from: number,
  to: number,
  knownAt?: number,
): Promise<readonly Account[]> => {
  const found: Account[] = [];
  let cursor: string | null = null;
  do {
    const page: Page<LedgerRow> = await ledger.list({
      kind: accountKind(step),
      site,
      from: from as Timestamp,
      to: to as Timestamp,
      limit: pageRows,
      ...(cursor === null ? {} : { cursor }),
      ...known(knownAt),
    });
    for (const row of page.items) found.push(accountOf(row));
    cursor = page.next;
  } while (cursor !== null);
  return found;
};

export const pageAccounts = async (ledger: Ledger, query: AccountQuery): Promise<Page<Account>> => {
  const { items, next } = await ledger.list({
    kind: accountKind(query.step),
    site: query.site,
    from: query.from as Timestamp,
    to: query.to as Timestamp,
    limit: query.limit,
    ...(query.cursor === undefined ? {} : { cursor: query.cursor }),
    ...known(query.knownAt),
  });
  return { items: items.map(accountOf), next };
};

/** Every revision of one account with what changed from the one before. */
export const accountRevisions = async (ledger: Ledger, query: RevisionQuery): Promise<readonly AccountRevision[]> => {
  const rows = await ledger.history(accountKind(query.step), `${query.site}/${query.start}`);
  let before: Account | null = null;
  return rows.map((row) => {
    const account = accountOf(row);
    const changes = before === null ? [] : accountChanges(before, account);
    before = account;
    return { revision: row.revision, at: row.at, account, changes };
  });
};

const longestFirst: readonly AccountStep[] = [...accountSteps].reverse();
const hourDepth = longestFirst.indexOf("1h");
// A battery of a site is emptied within two days: before them nothing of what is stored is left.
const foldLeadMs = 2 * 86_400_000;

/** The fewest accounts that cover a window: the longest steps inside it, finer ones at its ends and in gaps. */
export const coverWindow = async (
  ledger: Ledger,
  site: string,
  window: Window,
  knownAt?: number,
  depth = 0,
): Promise<readonly Account[]> => {
  const step = longestFirst[depth];
  if (step === undefined || window.end <= window.start) return [];
  const all = await readAccounts(ledger, site, step, window.start, window.end, knownAt);
  const accounts = all.filter((account) => account.end <= window.end);
  const found: Account[] = [];
  let reached = window.start;
  for (const account of accounts) {
    if (account.start < reached) continue;
    found.push(
      ...(await coverWindow(ledger, site, { start: reached, end: account.start }, knownAt, depth + 1)),
      account,
    );
    reached = account.end;
  }
  found.push(...(await coverWindow(ledger, site, { start: reached, end: window.end }, knownAt, depth + 1)));
  return found;
};

/** The same of hours and finer: what is folded hour by hour. */
export const coverHours = (
  ledger: Ledger,
  site: string,
  window: Window,
  knownAt?: number,
): Promise<readonly Account[]> => coverWindow(ledger, site, window, knownAt, hourDepth);

export const queryKpis = async (
  ledger: Ledger,
  model: SiteModel,
  query: Omit<KpiQuery, "site">,
): Promise<readonly KpiResult[]> => {
  const entries = query.kpi === undefined ? catalogue : [findKpi(query.kpi)].filter((entry) => entry !== undefined);
  const hours = entries.some(({ folds }) => folds)
    ? [
        // Apart, so that the window begins where it was asked to.
        ...(await coverHours(ledger, model.id, { start: query.from - foldLeadMs, end: query.from }, query.knownAt)),
        ...(await coverHours(ledger, model.id, { start: query.from, end: query.to }, query.knownAt)),
      ]
    : [];
  const ofHours = (window: Window) =>
    hours.filter(({ start, end }) => start >= window.start - foldLeadMs && end <= window.end);
  if (query.step === undefined) {
    const window = { start: query.from, end: query.to };
    const accounts = await coverWindow(ledger, model.id, window, query.knownAt);
    return entries.flatMap((entry) => kpiResults(entry, entry.folds ? ofHours(window) : accounts, model, window));
  }
  const accounts = await readAccounts(ledger, model.id, query.step, query.from, query.to, query.knownAt);
  return accounts.flatMap((account) =>
    entries.flatMap((entry) => kpiResults(entry, entry.folds ? ofHours(account) : [account], model, account)),
  );
};

const hourMs = 3_600_000;

/** A step that gives a chart a few hundred points. */
export const autoStep = (from: number, to: number): AccountStep => {
  const span = to - from;
  if (span <= 6 * hourMs) return "1m";
  if (span <= 96 * hourMs) return "15m";
  return span <= 31 * 24 * hourMs ? "1h" : "1d";
};

// A chart of more points than a wall screen has pixels is a mistake of the asker.
const mostWindows = 20_000;

export const queryTrend = async (ledger: Ledger, model: SiteModel, query: TrendQuery): Promise<Trend | null> => {
  const entry = findKpi(query.kpi);
  const variants = entry === undefined ? [] : variantsOf(entry, model);
  const variant = query.variant === undefined ? variants[0] : variants.find(({ id }) => id === query.variant);
  if (entry === undefined || variant === undefined) return null;
  const step = query.step === "auto" ? autoStep(query.from, query.to) : query.step;
  const accounts = await readAccounts(ledger, model.id, step, query.from, query.to, query.knownAt);
  const byStart = new Map(accounts.map((account) => [account.start as number, account]));
  const first = accounts[0]?.start ?? query.to;
  const last = accounts.at(-1)?.end ?? query.to;
  const span = windowsBetween(step, Math.max(query.from, first), Math.min(query.to, last), model.timeZone);
  const windows = span.slice(-mostWindows);
  const results = windows.map((window) => {
    const account = byStart.get(window.start);
    return kpiResult(entry, variant, account === undefined ? [] : [account], model, window);
  });
  return {
    site: model.id,
    kpi: entry.id,
    variant: variant.id === "" ? null : variant.id,
    unit: variant.unit ?? entry.unit,
    step,
    start: windows.map(({ start }) => start),
    value: results.map(({ value }) => value),
    numerator: results.map(({ numerator }) => numerator),
    denominator: results.map(({ denominator }) => denominator),
    coverage: results.map(({ coverage }) => coverage),
    quality: results.map(({ quality }) => quality),
  };
};
