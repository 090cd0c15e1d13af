import type { SiteModel } from "#energy";
import { type Ledger, type Readings, timestamp } from "#store";
import { devicesFor } from "../backtest/devices.ts";
import { alertOrders, createPermitRoll, permitOrders } from "../backtest/orders.ts";
import { happeningsOf } from "../backtest/past.ts";
import { transitionsOf } from "../backtest/transitions.ts";
import { createBreath } from "../breath.ts";
import { alertHash } from "../hash.ts";
import { tallyBefore } from "../learned/before.ts";
import { createTaughtRun, type Learned } from "../learned/learned.ts";
import { learnedBefore } from "../learned/rows.ts";
import { accountKind, alertKind } from "../record.ts";
import type { Rule } from "../rule.ts";
import type { SavedWatch } from "../watch.ts";
import type { Lead } from "./lead.ts";

export interface BeforeDeps {
  readonly readings: Readings;
  readonly ledger: Ledger;
}

export interface BeforeQuery {
  readonly model: SiteModel;
  readonly own: Rule;
  readonly companions: readonly Rule[];
  readonly lead: Lead;
  /** On the site's clock. */
  readonly at: number;
}

const minuteMs = 60_000;
const hourMs = 3_600_000;
const catchupWaitMs = 60_000;
// Whatever a day has to do with is in it: the daily look of R18 and R27 too.
const dayMs = 25 * hourMs;
// 30 days of 1,000 nodes: what a backtest takes half a minute for.
const mostNodeMinutes = 50_000_000;
const mostReadings = 2_000_000;
// Everybody else on this thread waits no longer.
const sliceMs = 25;

/**
 * How the rules of an alert stood at a time: judged again from as far back as they look, with what they had learned by then
 * as it was recorded, or from the site's first account where nothing was. null where that would take too long, or where
 * the past is not there any more.
 */
export const standingAt = async (query: BeforeQuery, deps: BeforeDeps): Promise<SavedWatch | null> => {
  const { model, own, companions, lead, at } = query;
  const { ledger, readings } = deps;
  const rules = [own, ...companions];
  const reachMs = own.on === "account" ? Math.max(lead.accountsMs, dayMs) : lead.accountsMs;
  // Windows over what was learned begin there.
  const learned = lead.learned ? await learnedBefore(ledger, model.id, at - reachMs) : null;
  const first = await firstAccount(ledger, model.id);
  if (first === null) return null;
  const wanted = lead.learned && learned === null ? first : learned === null ? at - reachMs : learned.to - hourMs;
  const from = Math.max(0, Math.floor(wanted / minuteMs) * minuteMs);
  if (((at - from) / minuteMs) * Math.max(1, model.nodes.length) > mostNodeMinutes) return null;
  const devices = await devicesFor(model, rules, [own], deps);
  if (lead.learned && learned === null && !(await isThere(readings, model.id, first))) return null;
  return judged({ ...query, rules, devices, learned, from }, deps);
};

const firstAccount = async (ledger: Ledger, site: string): Promise<number | null> =>
  (await ledger.list({ kind: accountKind, site, limit: 1 })).items[0]?.ts ?? null;

/** Readings of an account may be older than what is kept of them. */
const isThere = async (readings: Readings, site: string, at: number): Promise<boolean> => {
  const page = await readings.read({ site, from: timestamp(at), to: timestamp(at + hourMs), limit: 1 });
  return page.items.length > 0;
};

interface Judging extends BeforeQuery {
  readonly rules: readonly Rule[];
  readonly devices: readonly string[] | null;
  readonly learned: Learned | null;
  readonly from: number;
}

const judged = async (
  { model, rules, devices, learned, from, at }: Judging,
  { readings, ledger }: BeforeDeps,
): Promise<SavedWatch | null> => {
  const { id: site } = model;
  const tally = await tallyBefore(ledger, model, rules, from);
  const run = createTaughtRun({ sites: [model], rules, hash: alertHash, catchupWaitMs }, site, { learned, tally });
  const permits = createPermitRoll(await permitOrders(ledger, site, from, at));
  const past = await transitionsOf(ledger, { site, from, to: at, rules: new Set(rules.map(({ id }) => id)) });
  const given = alertOrders(past);
  const breathe = createBreath(sliceMs);
  let [seen, next] = [0, 0];
  for await (const happenings of happeningsOf({ readings, ledger, site, from, to: at, devices })) {
    for (const happening of happenings) {
      if (happening.kind === "readings") seen += happening.readings.length;
      permits.before(run.watches.get(site), happening);
      run.take(happening);
      const watch = run.watches.get(site);
      permits.after(watch);
      for (let one = given[next]; one !== undefined && (watch?.now() ?? 0) >= one.changed.site; one = given[++next])
        watch?.amend(one.id, one.amend);
    }
    if (seen > mostReadings) return null;
    await breathe();
  }
  run.settle();
  const saved = run.watches.get(site)?.save() ?? null;
  return saved === null ? null : { ...saved, lives: await recordedOnly(ledger, saved.lives) };
};

/** Windows fill first: what half of one raised never was. */
const recordedOnly = async (ledger: Ledger, lives: SavedWatch["lives"]): Promise<SavedWatch["lives"]> => {
  const ids = lives.flatMap(({ life: { alert } }) => (alert === null ? [] : [alert.id]));
  const rows = await ledger.getAll(alertKind, ids);
  const known = new Set(ids.filter((_, index) => rows[index] !== null));
  return lives.filter(({ life: { alert } }) => alert === null || known.has(alert.id));
};

/** Permits that a watch does not know yet as they are. */
export const permitsAfter = <Order extends { readonly permit: SavedWatch["permits"][number] }>(
  { permits }: SavedWatch,
  orders: readonly Order[],
): readonly Order[] => {
  const known = new Set(permits.map((permit) => JSON.stringify(permit)));
  return orders.filter(({ permit }) => !known.has(JSON.stringify(permit)));
};
