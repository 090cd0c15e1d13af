import { modelsAfter, type SiteModel } from "#energy";
import { type Ledger, type Readings, timestamp } from "#store";
import type { Alert } from "../alert.ts";
import { createBreath } from "../breath.ts";
import { acknowledged } from "../command.ts";
import { lessonOf } from "../learned/before.ts";
import { createTaughtRun } from "../learned/learned.ts";
import { companionsOf } from "../links.ts";
import { meteredNodes } from "../node-plan.ts";
import { createMaintenance } from "../notify/maintenance.ts";
import type { NotifyPlan } from "../notify/plan.ts";
import { alertKind, readAlert } from "../record.ts";
import type { Rule } from "../rule.ts";
import type { Happening } from "../run.ts";
import { beginOf, isOver, lastWall, type Stretch } from "../stretch.ts";
import { devicesFor } from "./devices.ts";
import { type Difference, differenceOf, pairsOf } from "./difference.ts";
import { alarmMinutes, alertsIn, type Episode, episodesOf } from "./episode.ts";
import { createPermitRoll, isSilenced, permitOrders, quietOf, shelvedMinutes } from "./orders.ts";
import { happeningsIn, type Told, toldOf } from "./past.ts";
import { type TradeOff, tradeOffOf } from "./trade-off.ts";

export interface BacktestQuery {
  readonly model: SiteModel;
  /** The version that is compared with; null tries `after` alone. */
  readonly before: Rule | null;
  readonly after: Rule;
  /** Tried in the same pass, as they are. */
  readonly others?: readonly Rule[];
  /** `[from, to)`, UTC ms. */
  readonly from: number;
  readonly to: number;
  /** Two activations of one subject that are no farther apart are one alert that moved. */
  readonly toleranceMs: number;
}

export interface BacktestDeps {
  readonly readings: Readings;
  readonly ledger: Ledger;
  /** The rules in force: those that the tried rule listens to run with it. */
  readonly rules: readonly Rule[];
  readonly hash: (text: string) => string;
  readonly maintenance: NotifyPlan["maintenance"];
}

export interface TriedRule {
  readonly rule: string;
  readonly version: number;
  readonly alerts: readonly Episode[];
  readonly minutesInAlarm: number;
  /** Became active in a maintenance window, which mutes the telling. */
  readonly duringMaintenance: number;
  /** Became active while a silence of then matched it. */
  readonly silenced: number;
  /** Somebody would have been told: neither of the two. */
  readonly told: number;
  /** In alarm while the alert of then was on the shelf. */
  readonly minutesShelved: number;
  readonly tradeOff: TradeOff;
}

export interface Backtest {
  readonly site: string;
  readonly from: number;
  readonly to: number;
  /** Judged before `from`, so that windows and holds stand as they would; not counted. */
  readonly warmUpFrom: number;
  readonly readings: number;
  readonly accounts: number;
  readonly before: TriedRule | null;
  readonly after: TriedRule;
  /** Those that were tried in the same pass; absent when none were. */
  readonly others?: readonly TriedRule[];
  readonly difference: Difference | null;
  /** Alerts of the rule that somebody acknowledged then and that `after` would not raise. */
  readonly acknowledgedThatVanish: readonly Pick<Alert, "id" | "subject" | "subcode" | "active" | "acknowledged">[];
}

const warmUpMs = 86_400_000;
const catchupWaitMs = 60_000;
// Everybody else on this thread waits no longer.
const sliceMs = 25;
const pageRows = 1000;

/**
 * Judges history again with one rule or two versions of it, through the engine that judges live, under the work permits of
 * then. Every alert is taken as
 * acknowledged when it comes up, so that each coming is an alert of its own.
 */
export const backtest = async (query: BacktestQuery, deps: BacktestDeps): Promise<Backtest> => {
  const { model, before, after, from, to } = query;
  const { others = [] } = query;
  const tried = [before === null ? [] : [before], [after, ...others]];
  const lesson = await lessonOf(deps.ledger, model, tried.flat(), Math.max(0, from - warmUpMs));
  const { warmUpFrom } = lesson;
  const past = { ...(await ordersOf(query, deps, warmUpFrom)), lesson };
  const trials = tried.map((rules) => createTrial(query, deps, past, rules));
  const breathe = createBreath(sliceMs);
  let [readings, accounts] = [0, 0];
  // A model that takes over on the way has nodes of its own: then everything is read as it came.
  const isOne = modelsAfter(model).length === 0;
  const used = [...new Set(trials.flatMap(({ rules }) => rules))];
  const devices = isOne
    ? await devicesFor(model, used, [after, ...others, ...(before === null ? [] : [before])], deps)
    : null;
  const nodes = isOne ? { nodes: meteredNodes(model).map(({ id }) => id) } : {};
  for await (const told of toldOf({ ...deps, site: model.id, from: warmUpFrom, to, devices, ...nodes })) {
    for (const one of told) {
      if (one.kind === "stretch") readings += one.stretch.to - one.stretch.from;
      else accounts += 1;
      for (const { take } of trials) take(one);
    }
    await breathe();
  }
  const [[ofBefore = null] = [], [ofAfter, ...ofOthers] = []] = trials.map(({ results }) => results());
  if (ofAfter === undefined) throw new Error("BUG: a backtest tries a rule");
  const told = (await recorded(deps.ledger, query)).filter(({ acknowledged }) => acknowledged !== null);
  const found = new Set<Alert>(pairsOf(told, ofAfter.alerts, query.toleranceMs).map(([alert]) => alert));
  return {
    ...{ site: model.id, from, to, warmUpFrom, readings, accounts },
    before: ofBefore,
    after: ofAfter,
    ...(ofOthers.length === 0 ? {} : { others: ofOthers }),
    difference: ofBefore === null ? null : differenceOf(ofBefore.alerts, ofAfter.alerts, query.toleranceMs),
    acknowledgedThatVanish: told
      .filter((alert) => !found.has(alert))
      .map(({ id, subject, subcode, active, acknowledged }) => ({ id, subject, subcode, active, acknowledged })),
  };
};

/** What people had ordered then: it counts for whatever is tried. */
const ordersOf = async (
  { model, before, after, others = [], from, to }: BacktestQuery,
  { ledger }: BacktestDeps,
  warmUpFrom: number,
) => ({
  permits: await permitOrders(ledger, model.id, warmUpFrom, to),
  quiet: await quietOf(ledger, {
    ...{ site: model.id, from, to },
    rules: [before, after, ...others].flatMap((rule) => (rule === null ? [] : [rule.id])),
  }),
});

type Past = Awaited<ReturnType<typeof ordersOf>> & { readonly lesson: Awaited<ReturnType<typeof lessonOf>> };

const createTrial = (
  { model, from, to }: BacktestQuery,
  deps: BacktestDeps,
  { permits, quiet, lesson }: Past,
  tried: readonly Rule[],
) => {
  const rules = tried.length === 0 ? [] : [...tried, ...companionsOf(tried, deps.rules)];
  const sites = tried.length === 0 ? [] : [model];
  const run = createTaughtRun({ sites, rules, hash: deps.hash, catchupWaitMs }, model.id, lesson);
  const transitions = new Map(tried.map(({ id }) => [id, [] as Alert[]]));
  const roll = createPermitRoll(permits);
  const note = (moved: readonly Alert[]): void => {
    for (const alert of moved) {
      transitions.get(alert.rule)?.push(alert);
      if (alert.active === null || alert.acknowledged !== null || alert.state === "CLOSED") continue;
      run.watches
        .get(model.id)
        ?.amend(alert.id, (one) =>
          acknowledged(one, "backtest", "", { wall: alert.changed.wall, site: alert.changed.site }),
        );
    }
  };
  const takeOne = (happening: Happening): void => {
    const given = roll.before(run.watches.get(model.id), happening);
    const moved = run.take(happening);
    note([...given, ...moved, ...roll.after(run.watches.get(model.id))]);
  };
  const takeStretch = (stretch: Stretch): void => {
    const last = lastWall(stretch);
    if (last !== null && !roll.isQuietUntil(run.watches.get(model.id), last)) {
      for (const one of happeningsIn(stretch)) takeOne(one);
      return;
    }
    const place = beginOf(stretch);
    while (!isOver(stretch, place)) note(run.hear(stretch, place));
  };
  const take = (told: Told): void => {
    if (tried.length === 0) return;
    if (told.kind === "stretch") takeStretch(told.stretch);
    else takeOne(told);
  };
  const resultOf = (rule: Rule): TriedRule => {
    const own = transitions.get(rule.id) ?? [];
    const episodes = episodesOf(own);
    const alerts = alertsIn(episodes, from, to);
    const maintenance = createMaintenance(deps.maintenance);
    const activated = own.filter(({ state, active }) => state === "ACTIVE" && active !== null);
    const found = (test: (alert: Alert) => boolean) =>
      new Set(activated.flatMap((alert) => (test(alert) ? [alert.id] : [])));
    const muted = found((alert) => maintenance.muting(alert, alert.active ?? 0) !== null);
    const silenced = found((alert) => isSilenced(quiet, alert));
    const countOf = (ids: ReadonlySet<string>): number => alerts.filter(({ id }) => ids.has(id)).length;
    return {
      ...{ rule: rule.id, version: rule.version, alerts },
      minutesInAlarm: alarmMinutes(episodes, from, to),
      duringMaintenance: countOf(muted),
      silenced: countOf(silenced),
      told: alerts.filter(({ id }) => !muted.has(id) && !silenced.has(id)).length,
      minutesShelved: alerts.reduce((sum, alert) => sum + shelvedMinutes(quiet, alert), 0),
      tradeOff: tradeOffOf(episodes.filter(({ start }) => start >= from)),
    };
  };
  return { rules, take, results: () => tried.map(resultOf) };
};

const recorded = async (ledger: Ledger, { model, after, from, to }: BacktestQuery): Promise<readonly Alert[]> => {
  const found: Alert[] = [];
  let cursor: string | null = null;
  do {
    const page: Awaited<ReturnType<Ledger["list"]>> = await ledger.list({
      ...{ kind: alertKind, site: model.id, from: timestamp(from), to: timestamp(to), limit: pageRows },
      ...(cursor === null ? {} : { cursor }),
    });
    for (const alert of page.items.flatMap((row) => readAlert(row) ?? []))
      if (alert.rule === after.id && alert.active !== null) found.push(alert);
    cursor = page.next;
  } while (cursor !== null);
  return found;
};
