import { createHash } from "node:crypto";
import { type Json, type Ledger, type LedgerRow, StoreRefusedError, type Timestamp } from "#store";
import { accountSteps } from "./account.ts";
import { composeAccounts } from "./compose.ts";
import {
  type BillingCycle,
  type CloseCommand,
  type CloseResult,
  type Correction,
  type CycleCode,
  type CycleReport,
  cycleOf,
} from "./cycle.ts";
import { accountChanges } from "./difference.ts";
import { catalogue, kpiResults } from "./kpi/index.ts";
import type { SiteModel } from "./model.ts";
import { accountOf, coverWindow } from "./query.ts";
import { accountKind } from "./site-book.ts";

//  day accounts ─▶ close ─▶ ledger: cycle (never put again) + audit, one transaction
//  later revisions of those accounts ─▶ corrections, listed beside it

const cycleKind = "cycle";
const auditKind = "audit";
const pageRows = 1000;

const keyOf = (site: string, cycle: string): string => `${site}/${cycle}`;
const startDayOf = (model: SiteModel): number => model.demand?.cycleStartDay ?? 1;
const cycleIn = (row: LedgerRow): BillingCycle => row.body as unknown as BillingCycle;

const refusal = (code: CycleCode, reason: string): CloseResult => ({ ok: false, code, reason });

/** What a cycle says by the accounts there are now. */
const cover = async (ledger: Ledger, model: SiteModel, window: { readonly start: number; readonly end: number }) => {
  const accounts = await coverWindow(ledger, model.id, window);
  return { accounts, account: composeAccounts(model, { start: window.start, end: window.end, step: "1d" }, accounts) };
};

/**
 * Closes a billing cycle for good. Refused while it is not over by the site's clock, when it is closed already, or when
 * nothing of it is accounted.
 */
export const closeCycle = async (
  ledger: Ledger,
  model: SiteModel,
  command: CloseCommand & { readonly closedUntil: number | null; readonly now: number },
): Promise<CloseResult> => {
  const { cycle, ...window } = cycleOf(command.at, startDayOf(model), model.timeZone);
  const key = keyOf(model.id, cycle);
  if (command.closedUntil === null || command.closedUntil < window.end)
    return refusal("ENERGY_CYCLE_NOT_OVER", `cycle ${cycle} of site "${model.id}" is not accounted to its end yet`);
  const closed = await ledger.get(cycleKind, key);
  const twice = refusal("ENERGY_CYCLE_CLOSED", `cycle ${cycle} of site "${model.id}" is closed already`);
  if (closed !== null) return twice;
  const { accounts, account } = await cover(ledger, model, window);
  if (accounts.length === 0)
    return refusal("ENERGY_CYCLE_EMPTY", `nothing of cycle ${cycle} of site "${model.id}" is accounted`);
  const used = accounts.map(({ step, start, revision }) => ({ step, start, revision }));
  const digest = createHash("sha256").update(JSON.stringify(used)).digest("hex").slice(0, 12);
  const body: BillingCycle = {
    site: model.id,
    cycle,
    start: window.start,
    end: window.end,
    revision: `${cycle}-${digest}`,
    closedAt: command.now,
    by: command.by,
    reason: command.reason,
    models: [...new Set(accounts.map((one) => one.model))],
    data: accounts.findLast((one) => one.data !== undefined)?.data ?? null,
    accounts: used,
    account,
    kpis: catalogue.flatMap((entry) => kpiResults(entry, accounts, model, window)),
  };
  const said = { who: command.by, what: "close-cycle", said: command.reason, at: command.now };
  const at = command.now as Timestamp;
  try {
    await ledger.commit([
      {
        op: "put",
        kind: cycleKind,
        key,
        site: model.id,
        ts: window.start as Timestamp,
        body: JSON.parse(JSON.stringify(body)) as Json,
        expect: 0,
      },
      {
        op: "put",
        kind: auditKind,
        key: `cycle/${key}/${command.now}`,
        site: model.id,
        ts: at,
        body: { ...said, cycle, revision: body.revision },
      },
    ]);
  } catch (error) {
    if (error instanceof StoreRefusedError && error.code === "STORE_CONFLICT") return twice;
    throw error;
  }
  return { ok: true, cycle: body };
};

/** Closed cycles of a site, newest first. */
export const listCycles = async (ledger: Ledger, site: string): Promise<readonly BillingCycle[]> => {
  const { items } = await ledger.list({ kind: cycleKind, site, order: "newest-first", limit: pageRows });
  return items.map(cycleIn);
};

/** A closed cycle with everything that came later, which is listed against it and changes nothing in it. */
export const reportCycle = async (ledger: Ledger, model: SiteModel, name: string): Promise<CycleReport | null> => {
  const row = await ledger.get(cycleKind, keyOf(model.id, name));
  if (row === null) return null;
  const cycle = cycleIn(row);
  const frozen = new Map(cycle.accounts.map(({ step, start, revision }) => [`${step}/${start}`, revision]));
  const { accounts, account } = await cover(ledger, model, cycle);
  const corrections: Correction[] = [];
  for (const { step, start, revision } of accounts) {
    const before = frozen.get(`${step}/${start}`) ?? null;
    if (before === revision) continue;
    const history = await ledger.history(accountKind(step), `${model.id}/${start}`);
    const then = history.find((one) => one.revision === before);
    const now = history.at(-1);
    if (now === undefined) continue;
    const changes = then === undefined ? [] : accountChanges(accountOf(then), accountOf(now));
    corrections.push({ step, start, frozen: before, revision: now.revision, at: now.at, changes });
  }
  return { cycle, corrections, changes: accountChanges(cycle.account, account) };
};

// A site that comes with years of history closes its last year of cycles by itself; older ones by hand.
const mostAtOnce = 12;

/** Closes every cycle that has been over for `freezeMs`, as far back as there are accounts. */
export const closeDue = async (
  ledger: Ledger,
  model: SiteModel,
  at: { readonly closedUntil: number; readonly freezeMs: number; readonly now: number },
): Promise<void> => {
  let { start } = cycleOf(at.closedUntil - at.freezeMs, startDayOf(model), model.timeZone);
  for (let count = 0; count < mostAtOnce; count++) {
    const before = cycleOf(start - 1, startDayOf(model), model.timeZone);
    const days = { kind: accountKind(accountSteps[3]), site: model.id, limit: 1 };
    const some = await ledger.list({ ...days, from: before.start as Timestamp, to: before.end as Timestamp });
    if (some.items.length === 0) return;
    const reason = `over for ${Math.round(at.freezeMs / 86_400_000)} days`;
    const command = { site: model.id, at: before.start, by: "wattlas", reason };
    const result = await closeCycle(ledger, model, { ...command, closedUntil: at.closedUntil, now: at.now });
    if (!result.ok) return;
    start = before.start;
  }
};
