import type { SiteModel } from "#energy";
import { type Ledger, type Readings, timestamp } from "#store";
import type { Alert } from "../alert.ts";
import { createBreath } from "../breath.ts";
import { acknowledged } from "../command.ts";
import { createMaintenance } from "../notify/maintenance.ts";
import type { NotifyPlan } from "../notify/plan.ts";
import { alertKind, readAlert } from "../record.ts";
import type { Rule } from "../rule.ts";
import { createRun } from "../run.ts";
import { type Difference, differenceOf, pairsOf } from "./difference.ts";
import { alarmMinutes, alertsIn, type Episode, episodesOf } from "./episode.ts";
import { happeningsOf } from "./past.ts";
import { type TradeOff, tradeOffOf } from "./trade-off.ts";

export interface BacktestQuery {
  readonly model: SiteModel;
  /** The version that is compared with; null tries `after` alone. */
  readonly before: Rule | null;
  readonly after: Rule;
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
 * Judges history again with one rule or two versions of it, through the engine that judges live. Every alert is taken as
 * acknowledged when it comes up, so that each coming is an alert of its own.
 */
export const backtest = async (query: BacktestQuery, deps: BacktestDeps): Promise<Backtest> => {
  const { model, before, after, from, to } = query;
  const warmUpFrom = Math.max(0, from - warmUpMs);
  const tried = [before, after].flatMap((rule) => (rule === null ? [] : [createTrial(query, deps, rule)]));
  const breathe = createBreath(sliceMs);
  let [readings, accounts] = [0, 0];
  for await (const happenings of happeningsOf({ ...deps, site: model.id, from: warmUpFrom, to })) {
    for (const happening of happenings) {
      if (happening.kind === "readings") readings += happening.readings.length;
      else if (happening.kind === "account") accounts += 1;
      for (const { take } of tried) take(happening);
      await breathe();
    }
  }
  const results = tried.map(({ result }) => result());
  const ofAfter = results.at(-1);
  if (ofAfter === undefined) throw new Error("BUG: a backtest tries a rule");
  const ofBefore = before === null ? null : (results[0] ?? null);
  const told = (await recorded(deps.ledger, query)).filter(({ acknowledged }) => acknowledged !== null);
  const found = new Set<Alert>(pairsOf(told, ofAfter.alerts, query.toleranceMs).map(([alert]) => alert));
  return {
    ...{ site: model.id, from, to, warmUpFrom, readings, accounts },
    before: ofBefore,
    after: ofAfter,
    difference: ofBefore === null ? null : differenceOf(ofBefore.alerts, ofAfter.alerts, query.toleranceMs),
    acknowledgedThatVanish: told
      .filter((alert) => !found.has(alert))
      .map(({ id, subject, subcode, active, acknowledged }) => ({ id, subject, subcode, active, acknowledged })),
  };
};

const createTrial = ({ model, from, to }: BacktestQuery, deps: BacktestDeps, rule: Rule) => {
  const rules = [rule, ...companionsOf(rule, deps.rules)];
  const run = createRun({ sites: [model], rules, hash: deps.hash, catchupWaitMs });
  const watch = run.watches.get(model.id);
  const transitions: Alert[] = [];
  const take: typeof run.take = (happening) => {
    const changed = run.take(happening);
    for (const alert of changed) {
      if (alert.rule === rule.id) transitions.push(alert);
      if (alert.active === null || alert.acknowledged !== null || alert.state === "CLOSED") continue;
      watch?.amend(alert.id, (one) =>
        acknowledged(one, "backtest", "", { wall: alert.changed.wall, site: alert.changed.site }),
      );
    }
    return changed;
  };
  const result = (): TriedRule => {
    const episodes = episodesOf(transitions);
    const alerts = alertsIn(episodes, from, to);
    const maintenance = createMaintenance(deps.maintenance);
    const activated = transitions.filter(({ state, active }) => state === "ACTIVE" && active !== null);
    const muted = new Set(
      activated.flatMap((alert) => (maintenance.muting(alert, alert.active ?? 0) === null ? [] : [alert.id])),
    );
    return {
      ...{ rule: rule.id, version: rule.version, alerts },
      minutesInAlarm: alarmMinutes(episodes, from, to),
      duringMaintenance: alerts.filter(({ id }) => muted.has(id)).length,
      tradeOff: tradeOffOf(episodes.filter(({ start }) => start >= from)),
    };
  };
  return { take, result };
};

/** Rules whose alerts silence this one, with theirs; and the one that knows the supply mode. */
const companionsOf = (rule: Rule, rules: readonly Rule[]): readonly Rule[] => {
  const wanted = new Set<string>();
  const want = (one: Rule): void => {
    for (const { rule: id } of one.suppressedBy) {
      const other = rules.find((each) => each.id === id);
      if (other === undefined || wanted.has(id) || id === rule.id) continue;
      wanted.add(id);
      want(other);
    }
  };
  want(rule);
  return rules.filter(({ id, inputs }) => id !== rule.id && (wanted.has(id) || inputs.includes("site_mode")));
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
