import { keptModel, type SiteModel } from "#energy";
import { type Json, type Ledger, type LedgerRow, type Page, type Readings, timestamp } from "#store";
import type { Alert } from "../alert.ts";
import { devicesFor } from "../backtest/devices.ts";
import { type PermitOrder, permitOrders } from "../backtest/orders.ts";
import { happeningsOf } from "../backtest/past.ts";
import { evidenceKind, readLink } from "../evidence/evidence.ts";
import { companionsOf } from "../links.ts";
import { alertKind, auditKind, readAlert } from "../record.ts";
import { parseRule, type Rule } from "../rule.ts";
import type { RuleSummary } from "../rules.ts";
import type { Happening } from "../run.ts";
import type { SavedWatch } from "../watch.ts";
import { permitsAfter, standingAt } from "./before.ts";
import { leadOf } from "./lead.ts";

export const capsuleFormat = "wattlas-capsule/1";

/** Everything that is needed to judge one alert again elsewhere, as one file. */
export interface Capsule {
  readonly format: typeof capsuleFormat;
  /** Wall clock, UTC ms. */
  readonly made: number;
  readonly alert: Alert;
  /** Every transition, oldest first. */
  readonly transitions: readonly Alert[];
  readonly site: SiteModel;
  readonly rules: readonly Pick<RuleSummary, "id" | "version" | "mode" | "file" | "source">[];
  /** On the site's clock: accounts begin at `from`, transitions are compared up to `to`. */
  readonly from: number;
  readonly to: number;
  /** Readings begin here: only windows of accounts reach far back. */
  readonly readingsFrom: number;
  /** How long before the alert the rules that concern it look back, ms: more than it holds where that is not whole. */
  readonly lookBackMs: number;
  /** false: the limits left out what lies before `from` or after `to`, and it may matter. */
  readonly whole: boolean;
  /** How its rules stood at `from`, where what they know is older than that: then accounts begin there too. */
  readonly before?: SavedWatch;
  readonly happenings: readonly Happening[];
  /** Work permits that were open meanwhile, as they were opened and closed; absent in files of before. */
  readonly permits?: readonly PermitOrder[];
  /** What people did meanwhile, and other alerts of the site. */
  readonly log: readonly Json[];
  readonly others: readonly Alert[];
  /** Links of the chain of evidence that hold this alert's rows, as `npm run audit:verify` checks them. */
  readonly evidence: readonly Json[];
}

export interface CapsuleDeps {
  readonly readings: Readings;
  readonly ledger: Ledger;
  readonly sites: readonly SiteModel[];
  readonly rules: readonly RuleSummary[];
  readonly now: () => number;
}

const hourMs = 3_600_000;
const leadMs = hourMs;
// A window of a day with its hour; longer ones (weeks) are no file that travels.
const longestLeadMs = 25 * hourMs;
// Minutes times nodes of accounts before the alert: some tens of megabytes.
const mostNodeMinutes = 200_000;
const minuteMs = 60_000;
const tailMs = 600_000;
const longestMs = 6 * hourMs;
const longestReadingsMs = 3 * hourMs;
const mostReadings = 200_000;
const pageRows = 1000;
const mostRows = 5000;

/**
 * null when there is no such alert, or nobody knows its site any more. At most six hours and 200,000 readings, and before
 * the alert what its rules look back on: 25 hours of accounts at most.
 */
export const capsuleOf = async (id: string, deps: CapsuleDeps): Promise<Capsule | null> => {
  const { ledger, now } = deps;
  const transitions = (await ledger.history(alertKind, id)).flatMap((row) => readAlert(row) ?? []);
  const alert = transitions.at(-1);
  if (alert === undefined) return null;
  const lookBack = leadOf(alert, deps.rules);
  const nodes = deps.sites.find(({ id }) => id === alert.site)?.nodes.length ?? 1;
  const mostMs = Math.min(longestLeadMs, Math.max(leadMs, (mostNodeMinutes / Math.max(1, nodes)) * minuteMs));
  // Half a window tells nothing.
  const isFar = lookBack.accountsMs > mostMs || lookBack.readingsMs > longestReadingsMs;
  const startAt = (beforeMs: number): number => Math.max(0, Math.floor((alert.start - beforeMs) / minuteMs) * minuteMs);
  const model = deps.sites.find(({ id }) => id === alert.site) ?? null;
  const judges = model !== null && (isFar || lookBack.learned) ? judgesOf(alert, deps.rules) : null;
  const before =
    model === null || judges === null
      ? null
      : await standingAt({ model, ...judges, lead: lookBack, at: startAt(leadMs) }, deps);
  const isNear = isFar || before !== null;
  const from = startAt(isNear ? leadMs : lookBack.accountsMs);
  const readingsFrom = isNear ? from : startAt(lookBack.readingsMs);
  const until = (alert.closed ?? alert.returned ?? alert.changed.site) + tailMs;
  // Of a rule on accounts that stood for days the rest are accounts, and what it reads beside them.
  const isOnAccounts = before !== null && judges?.own.on === "account";
  const accountsMs = isOnAccounts ? Math.floor(mostNodeMinutes / Math.max(1, nodes)) * minuteMs : 0;
  let to = Math.min(until, readingsFrom + Math.max(longestMs, accountsMs));
  const happenings: Happening[] = [];
  let readings = 0;
  let revision: string | null = null;
  // A minute is judged when something later was heard: what is compared ends before the readings do.
  const heardTo = to < until ? to + tailMs : to;
  const past = async function* (): ReturnType<typeof happeningsOf> {
    yield* happeningsOf({ ...deps, site: alert.site, from, to: readingsFrom, devices: [] });
    const wholeTo = Math.min(heardTo, readingsFrom + longestMs + tailMs);
    yield* happeningsOf({ ...deps, site: alert.site, from: readingsFrom, to: wholeTo });
    if (wholeTo === heardTo || model === null || judges === null) return;
    const devices = await devicesFor(model, [judges.own, ...judges.companions], [judges.own], deps);
    // Without a reading no clock moves.
    const needed = devices?.length === 0 ? null : devices;
    yield* happeningsOf({ ...deps, site: alert.site, from: wholeTo, to: heardTo, devices: needed });
  };
  for await (const some of past()) {
    if (readings >= mostReadings) break;
    for (const one of some) {
      if (one.kind === "readings") readings += one.readings.length;
      if (one.kind === "account" && one.account.start <= alert.start) revision = one.account.model;
    }
    happenings.push(...some);
  }
  const isCut = readings >= mostReadings;
  if (isCut) to = Math.min(to, (lastTs(happenings) ?? to) - tailMs);
  const kept = revision === null ? null : await keptModel(ledger, alert.site, revision);
  const site = kept ?? deps.sites.find(({ id }) => id === alert.site) ?? null;
  if (site === null) return null;
  const within = { site: alert.site, from: timestamp(from), to: timestamp(until) };
  const others = await rowsOf(ledger, { kind: alertKind, ...within });
  // Whoever acknowledged later did so by the wall clock.
  const permits = await permitOrders(ledger, alert.site, from, to);
  const log = await rowsOf(ledger, { kind: auditKind, site: alert.site, from: timestamp(from) });
  return {
    format: capsuleFormat,
    made: now(),
    ...{ alert, transitions, site, from, to, readingsFrom, happenings },
    lookBackMs: lookBack.accountsMs,
    rules: deps.rules.map(({ id, version, mode, file, source }) => ({ id, version, mode, file, source })),
    whole: !isCut && (before !== null || !(isFar || lookBack.learned)) && to === until,
    ...(before === null ? {} : { before }),
    permits: before === null ? permits : permitsAfter(before, permits),
    log: log.map(({ body }) => body),
    others: others.flatMap((row) => readAlert(row) ?? []).filter((other) => other.id !== id),
    evidence: await linksOf(ledger, id, transitions),
  };
};

/** The rule of an alert, and those that silence it or make it worse. */
const judgesOf = (
  alert: Alert,
  given: CapsuleDeps["rules"],
): { readonly own: Rule; readonly companions: readonly Rule[] } | null => {
  const rules = given.flatMap(({ source, file, mode }) => {
    const parsed = parseRule(source, file);
    return parsed.ok ? [{ ...parsed.rule, mode }] : [];
  });
  const own = rules.find(({ id }) => id === alert.rule);
  return own === undefined ? null : { own, companions: companionsOf([own], rules) };
};

const lastTs = (happenings: readonly Happening[]): number | null => {
  const last = happenings.findLast(({ kind }) => kind === "readings");
  return last?.kind === "readings" ? (last.readings.at(-1)?.ts ?? null) : null;
};

type Range = Omit<Parameters<Ledger["list"]>[0], "limit" | "cursor">;
const rowsOf = async (ledger: Ledger, range: Range): Promise<readonly LedgerRow[]> => {
  const found: LedgerRow[] = [];
  let cursor: string | null = null;
  do {
    const page: Page<LedgerRow> = await ledger.list({
      ...range,
      limit: pageRows,
      ...(cursor === null ? {} : { cursor }),
    });
    found.push(...page.items);
    cursor = page.next;
  } while (cursor !== null && found.length < mostRows);
  return found;
};

const linksOf = async (ledger: Ledger, id: string, transitions: readonly Alert[]): Promise<readonly Json[]> => {
  const walls = transitions.map(({ changed }) => changed.wall);
  const rows = await rowsOf(ledger, {
    kind: evidenceKind,
    from: timestamp(Math.max(0, Math.min(...walls) - hourMs)),
    to: timestamp(Math.max(...walls) + hourMs),
  });
  return rows.filter((row) => readLink(row).rows.some(({ key }) => key === id)).map(({ body }) => body);
};
