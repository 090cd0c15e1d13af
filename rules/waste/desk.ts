// alert ended ─▶ unpriced ─▶ its accounts, some hours at a time ─▶ ledger `alert-waste` ─▶ index, ranked there
// alert open  ─▶ a meter that goes on where it stood, when somebody asks
import { setTimeout as delay } from "node:timers/promises";
import { readAccounts, type SiteModel } from "#energy";
import { type Json, type Ledger, type LedgerChange, type LedgerRow, timestamp } from "#store";
import type { Alert } from "../alert.ts";
import { createBreath } from "../breath.ts";
import type { RulesCode } from "../codes.ts";
import { type Past, wasteKind } from "../past/past.ts";
import { dearerBy, lossOf, type WasteKey } from "../past/rank.ts";
import { alertKind, readAlert } from "../record.ts";
import type { Rule } from "../rule.ts";
import type { AlertQuery } from "../rules.ts";
import { changedRule } from "../site-rules.ts";
import { type Waste, type WasteMeter, wasteMeter } from "./waste.ts";

export type WasteQuery = Omit<AlertQuery, "cursor" | "shadow"> & { readonly by?: WasteKey };

export interface WastedAlert {
  readonly alert: Alert;
  readonly waste: Waste;
}

export interface WasteRanking {
  readonly items: readonly WastedAlert[];
  /** Alerts of any filter whose loss is still being worked out. */
  readonly pending: number;
}

export interface WasteDeps {
  readonly ledger: Ledger;
  readonly sites: readonly SiteModel[];
  readonly rules: readonly Rule[];
  readonly now: () => number;
  readonly fail: (error: unknown, code: RulesCode) => void;
}

export interface WasteDesk extends AsyncDisposable {
  readonly onAlert: (alert: Alert) => void;
  readonly onWaste: (row: LedgerRow) => void;
  /** Begins to work out what ended alerts lost. */
  start(past: Pick<Past, "loaded" | "dearest" | "find">): void;
  waste(query: WasteQuery): Promise<WasteRanking>;
  /** Resolves when what ended before the call has its loss. */
  settled(): Promise<void>;
}

const dayMs = 86_400_000;
const minuteMs = 60_000;
// Longer ones are told for their first days.
const longestMs = 7 * dayMs;
// Accounts of four hundred racks are 80 KB each: an hour of them at once.
const chunkMs = 3_600_000;
// What fills the demand window and the quarter hour of PUE that the alert began in.
const leadMs = 3_600_000;
const sliceMs = 25;
const batch = 50;
const retryMs = 1000;
// What an answer may spend on alerts that are still open; the rest goes on with the next question.
const openBudgetMs = 150;
const mostOpen = 10_000;

interface Priced extends Waste {
  readonly until: number;
  readonly restated: boolean;
}

/** Alerts whose rule has a loss formula, the dearest first, by money unless asked; those whose loss is not known last. */
export const createWasteDesk = ({ ledger, sites, rules, now, fail }: WasteDeps): WasteDesk => {
  const stop = new AbortController();
  const { signal } = stop;
  const models = new Map(sites.map((model) => [model.id, model]));
  const lossy = new Map(
    sites.flatMap((model) =>
      rules.flatMap((rule) => {
        const own = changedRule(rule, model.rules?.[rule.id]);
        return own.loss === null || own.mode === "off" ? [] : [[`${model.id}/${own.id}`, own] as const];
      }),
    ),
  );
  // Ended ones, by id, without a loss that belongs to their end.
  const unpriced = new Map<string, { readonly until: number; readonly restated: boolean }>();
  const open = new Map<string, { readonly meter: WasteMeter; readonly site: string; to: number } | null>();
  let past: Pick<Past, "loaded" | "dearest" | "find"> | null = null;
  let wake = Promise.withResolvers<void>();
  let idle = Promise.withResolvers<void>();
  idle.resolve();
  let running: Promise<void> = Promise.resolve();

  const ruleOf = ({ site, rule }: Alert): Rule | null => lossy.get(`${site}/${rule}`) ?? null;
  const meterOf = (alert: Alert, until: number): WasteMeter | null => {
    const [rule, model] = [ruleOf(alert), models.get(alert.site)];
    return rule === null || model === undefined ? null : wasteMeter(alert, { rule, model, until });
  };

  const priceOf = async (alert: Alert): Promise<Priced | null> => {
    const end = alert.returned ?? alert.closed;
    if (end === null || alert.active === null) return null;
    const until = Math.min(end, alert.active + longestMs);
    const meter = meterOf(alert, until);
    if (meter === null) return null;
    const breathe = createBreath(sliceMs);
    for (let from = Math.floor(alert.active / minuteMs) * minuteMs - leadMs; from < until; from += chunkMs) {
      if (signal.aborted) return null;
      meter.take(await readAccounts(ledger, alert.site, "1m", from, Math.min(until, from + chunkMs)));
      await breathe();
    }
    return { ...meter.waste(), until: end, restated: alert.restated };
  };

  const priceSome = async (): Promise<void> => {
    const asked = [...unpriced].slice(0, batch);
    const ids = asked.map(([id]) => id);
    const known = await ledger.getAll(wasteKind, ids);
    const rows = await ledger.getAll(alertKind, ids);
    const changes: LedgerChange[] = [];
    for (const [at, [id, { until, restated }]] of asked.entries()) {
      const before = known[at]?.body as unknown as Priced | undefined;
      const row = rows[at] ?? null;
      const alert = row === null ? null : readAlert(row);
      const isKnown = before?.until === until && before.restated === restated;
      const waste = alert === null || isKnown ? null : await priceOf(alert);
      if (alert !== null && waste !== null)
        changes.push({
          ...{ op: "put", kind: wasteKind, key: id, site: alert.site, ts: timestamp(alert.start) },
          body: waste as unknown as Json,
        });
    }
    if (signal.aborted) return;
    if (changes.length > 0) await ledger.commit(changes);
    // What changed meanwhile is another entry.
    for (const [id, entry] of asked) if (unpriced.get(id) === entry) unpriced.delete(id);
  };

  const run = async (loaded: Promise<void>): Promise<void> => {
    await loaded;
    while (!signal.aborted) {
      if (unpriced.size === 0) {
        idle.resolve();
        await wake.promise;
        wake = Promise.withResolvers();
        continue;
      }
      try {
        await priceSome();
      } catch (error) {
        if (signal.aborted) return;
        fail(error, "RULES_COMMIT_FAILED");
        await delay(retryMs, undefined, { signal }).catch(() => undefined);
      }
    }
  };

  const want = (id: string, entry: { readonly until: number; readonly restated: boolean }): void => {
    if (unpriced.size === 0) idle = Promise.withResolvers();
    unpriced.set(id, entry);
    wake.resolve();
  };

  /** The losses so far of open alerts, as far as the time allows. */
  const openWaste = async (ids: readonly string[]): Promise<{ found: Map<string, Waste>; left: number }> => {
    const found = new Map<string, Waste>();
    const mine = ids.filter((id) => open.has(id));
    const began = performance.now();
    let left = 0;
    const rows = await ledger.getAll(
      alertKind,
      mine.filter((id) => open.get(id) === null),
    );
    for (const row of rows) {
      const alert = row === null ? null : readAlert(row);
      if (alert === null || alert.active === null || !open.has(alert.id)) continue;
      const until = alert.active + longestMs;
      const meter = meterOf(alert, until);
      if (meter !== null)
        open.set(alert.id, { meter, site: alert.site, to: alert.active - (alert.active % minuteMs) - leadMs });
    }
    const upTo = Math.floor(now() / minuteMs) * minuteMs;
    for (const id of mine) {
      const at = open.get(id) ?? null;
      if (at === null) continue;
      while (at.to < upTo && performance.now() - began < openBudgetMs) {
        const to = Math.min(upTo, at.to + chunkMs);
        const accounts = await readAccounts(ledger, at.site, "1m", at.to, to);
        at.meter.take(accounts);
        // The newest minutes may not be closed yet.
        const last = accounts.at(-1)?.end;
        if (to === upTo && last === undefined) break;
        at.to = to === upTo ? Math.max(at.to, last ?? at.to) : to;
        if (to === upTo) break;
      }
      if (upTo - at.to > 5 * minuteMs && performance.now() - began >= openBudgetMs) left += 1;
      found.set(id, at.meter.waste());
    }
    return { found, left };
  };

  return {
    onAlert(alert) {
      if (alert.active === null || alert.shadow === true || ruleOf(alert) === null) return;
      const until = alert.returned ?? alert.closed;
      if (until === null) {
        if (!open.has(alert.id)) open.set(alert.id, null);
        unpriced.delete(alert.id);
        return;
      }
      open.delete(alert.id);
      want(alert.id, { until, restated: alert.restated });
    },
    onWaste({ key, body }) {
      const { until, restated } = body as unknown as Priced;
      const wanted = unpriced.get(key);
      if (wanted?.until === until && wanted.restated === restated) unpriced.delete(key);
    },
    start(found) {
      past = found;
      running = run(found.loaded);
    },
    async waste({ limit, by = "money", ...filter }) {
      if (past === null) return { items: [], pending: 0 };
      const ended = await past.dearest(filter, limit, by);
      const current = await past.find({ ...filter, endsAfter: Number.POSITIVE_INFINITY }, mostOpen);
      const { found, left } = await openWaste(current.map(({ id }) => id));
      const order = dearerBy(by);
      const dearest = [
        ...ended.filter(({ id }) => !found.has(id)),
        ...current.flatMap(({ id, start }) => {
          const waste = found.get(id);
          return waste === undefined ? [] : [{ id, start, ...lossOf(waste) }];
        }),
      ]
        .sort((a, b) => order(a, b) || b.start - a.start)
        .slice(0, limit)
        .map(({ id }) => id);
      const rows = await ledger.getAll(alertKind, dearest);
      const wastes = await ledger.getAll(wasteKind, dearest);
      const items = dearest.flatMap((id, at): WastedAlert[] => {
        const row = rows[at] ?? null;
        const alert = row === null ? null : readAlert(row);
        const waste = found.get(id) ?? plain((wastes[at]?.body ?? null) as unknown as Priced | null);
        return alert === null || waste === null ? [] : [{ alert, waste }];
      });
      return { items, pending: unpriced.size + left };
    },
    settled: () => idle.promise,
    async [Symbol.asyncDispose]() {
      stop.abort();
      wake.resolve();
      idle.resolve();
      await running;
    },
  };
};

const plain = (priced: Priced | null): Waste | null => {
  if (priced === null) return null;
  const { until: _, restated: __, ...waste } = priced;
  return waste;
};
