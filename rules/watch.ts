import { type Account, advanceOnReading, advanceOnTick, type SiteClock, type SiteModel, startClock } from "#energy";
import type { Reading } from "#store";
import type { Alert } from "./alert.ts";
import { evaluate, type Facts, type Finding } from "./evaluate.ts";
import { accountFactsAt, type DemandMinutes, noMinutes } from "./facts.ts";
import { createMembers, type SavedMember } from "./group.ts";
import type { Sighting } from "./life.ts";
import { createLives, type LifeKey, type SavedLife } from "./lives.ts";
import { type CounterEvents, eventsAfter, meteredNodes, nodeFactsAt } from "./node-facts.ts";
import { type Alarm, alarmsOf, groupPlan } from "./plan.ts";
import { groupSubcode, type Rule, readsValues } from "./rule.ts";
import { createSilence } from "./silence.ts";
import { type PueMinutes, pueFactsAt, supplyFactsAt } from "./site-facts.ts";

// reading ─▶ clock ─▶ silences that ended before it, each at its own time ─▶ the device itself ─▶ its group
// account ─▶ the site's window rules                         every life moves one step ─▶ changed alerts, in order

/** All rules over one site, on the site's clock. No I/O: the same inputs in the same order give the same alerts. */
export interface SiteWatch {
  readonly site: string;
  reading(reading: Reading): readonly Alert[];
  /** The wall clock, when everything committed until then has been given. */
  tick(wall: number): readonly Alert[];
  /** One closed minute; one that is not after the newest is not judged again. */
  account(account: Account, wall: number): readonly Alert[];
  /** Ends alerts whose rule, device or subcode no longer exists. */
  retire(wall: number): readonly Alert[];
  /** Everything that is not CLOSED. */
  open(): readonly Alert[];
  /** A change to an open alert that is no transition of its condition; null when it is not open here. */
  amend(id: string, change: (alert: Alert, siteNow: number) => Alert): Alert | null;
  save(): SavedWatch;
}

/** Plain data: with it a watch goes on where it stood. */
export interface SavedWatch {
  readonly clock: { readonly now: number | null; readonly heard: boolean };
  readonly listening: number | null;
  readonly devices: Readonly<Record<string, readonly [lastTs: number | null, good: number]>>;
  readonly lives: readonly SavedLife[];
  readonly members: Readonly<Record<string, readonly SavedMember[]>>;
  readonly demand: DemandMinutes;
  readonly accountedTo: number | null;
  readonly pue?: PueMinutes;
  readonly counters?: CounterEvents;
}

export interface WatchDeps {
  readonly model: SiteModel;
  readonly rules: readonly Rule[];
  /** Of a text, for alert ids. */
  readonly hash: (text: string) => string;
  /** Wall time without a reading after which the clock follows the wall again, ms. */
  readonly catchupWaitMs: number;
  readonly saved: SavedWatch | null;
}

// The clock of a running watch moves every second: a longer jump is our own absence, not the sensors'.
const absenceMs = 10_000;

// A value older than this says nothing about now.
const valueAgeMs = 300_000;

export const createSiteWatch = ({ model, rules, hash, catchupWaitMs, saved }: WatchDeps): SiteWatch => {
  const site = model.id;
  const onAccounts = rules.filter((rule) => rule.on === "account").map((rule) => ({ rule, alarms: alarmsOf(rule) }));
  const siteRules = onAccounts.filter(({ rule }) => rule.subject === "site");
  const nodeRules = onAccounts.filter(({ rule }) => rule.subject === "node");
  const nodes = meteredNodes(model);
  const nodeIds = new Set(nodes.map(({ id }) => id));
  const readingRules = rules
    .filter((rule) => rule.on === "reading" && !readsValues(rule))
    .map((rule) => ({
      rule,
      alarms: alarmsOf(rule),
      group: groupPlan(rule, site),
      members: createMembers(rule, saved?.members[rule.id]),
    }));
  const valueRules = rules.filter(readsValues).map((rule) => ({ rule, alarms: alarmsOf(rule) }));
  const lives = createLives(hash, saved?.lives ?? []);
  const silence = createSilence({
    intervals: deviceIntervals(model),
    looks: (intervalMs) =>
      readingRules.flatMap(({ rule }) =>
        rule.lookAfterS.map((expression) => Number(expression.run({ interval_s: intervalMs / 1000 }) ?? 0) * 1000),
      ),
    saved: saved?.devices ?? {},
  });
  let clock: SiteClock = startClock(saved?.clock);
  let listening = saved?.listening ?? null;
  let demand: DemandMinutes = saved?.demand ?? noMinutes;
  let pue: PueMinutes = saved?.pue ?? [];
  let counters: CounterEvents = saved?.counters ?? {};
  let accountedTo = saved?.accountedTo ?? null;
  if (clock.now !== null && listening !== null) silence.listen({ now: clock.now, listening, mode: clock.mode });

  const isGroupOpen = (rule: Rule): boolean => {
    const state = lives.get([rule.id, site, groupSubcode])?.alert?.state;
    return state !== undefined && state !== "RETURNED";
  };

  const see = (
    alarms: readonly Alarm[],
    subject: string,
    finding: Finding,
    at: Omit<Sighting, "levels" | "inputs" | "thresholds">,
  ): Alert[] =>
    alarms.flatMap((alarm) => {
      const levels = alarm.levels(finding);
      const key: LifeKey = [alarm.rule.id, subject, alarm.subcode];
      // Most subjects are well most of the time: nothing open, nothing triggered, nothing to move.
      if (lives.get(key) === null && levels.every((level) => level.trigger !== true)) return [];
      const { inputs, thresholds } = finding;
      return lives.move(alarm.plan(site, subject), { ...at, levels, inputs, thresholds });
    });

  const judge = (devices: readonly string[], now: number, wall: number): Alert[] =>
    readingRules.flatMap(({ rule, alarms, group, members }) => {
      const at = { now, from: now, gapMs: null, wall };
      const changed: Alert[] = [];
      const findings = new Map(devices.map((device) => [device, evaluate(rule, silence.facts(device, now))]));
      if (group !== null && rule.group !== null) {
        const before = isGroupOpen(rule);
        let moved = before;
        for (const [device, finding] of findings) moved = members.see(device, finding) || moved;
        if (moved) {
          const overdue = (): number => silence.overdue(now, (device) => !members.has(device));
          const seen = members.sighting(group, rule.group, { devices: silence.size, overdue });
          changed.push(...lives.move(group, { ...seen, ...at, standing: "judged" }));
        }
        if (isGroupOpen(rule) !== before) {
          // The others that fire change hands with the group.
          for (const device of members.names()) {
            if (!findings.has(device)) findings.set(device, evaluate(rule, silence.facts(device, now)));
          }
        }
      }
      for (const [device, finding] of findings) {
        const standing = group !== null && isGroupOpen(rule) ? "absorbed" : finding.standing;
        changed.push(...see(alarms, device, finding, { ...at, standing }));
      }
      return changed;
    });

  /** A reading without the quantity says nothing about it. */
  const judgeValues = ({ device, ts, quantities, received }: Reading, now: number): Alert[] =>
    now - ts > valueAgeMs
      ? []
      : valueRules.flatMap(({ rule, alarms }) => {
          if (!rule.inputs.some((input) => Object.hasOwn(quantities, input))) return [];
          const facts = Object.fromEntries(
            rule.inputs.map((input) => [input, Object.hasOwn(quantities, input) ? (quantities[input] ?? null) : null]),
          );
          const finding = evaluate(rule, facts);
          const at = { now, from: now, gapMs: valueAgeMs, wall: received };
          return see(alarms, device, finding, { ...at, standing: finding.standing });
        });

  /** Once a minute: what has not been heard of for too long is not known. */
  const forgetValues = (before: number | null, now: number, wall: number): Alert[] => {
    if (valueRules.length === 0 || before === null || Math.floor(before / 60_000) === Math.floor(now / 60_000))
      return [];
    const silent = lives.save().filter(({ life }) => life.at !== null && now - life.at > valueAgeMs);
    return silent.flatMap(({ key: [id, device, subcode] }) =>
      valueRules
        .filter(({ rule }) => rule.id === id)
        .flatMap(({ rule, alarms }) => {
          const alarm = alarms.filter((one) => one.subcode === subcode);
          const finding = evaluate(rule, {});
          return see(alarm, device, finding, { now, from: now, gapMs: null, wall, standing: "judged" });
        }),
    );
  };

  const advance = (next: SiteClock, wall: number): Alert[] => {
    const before = clock;
    clock = next;
    // A site that was never heard of may begin with old history at any time: nothing is late before it has begun.
    if (next.now === null || !next.heard) return [];
    const began = !before.heard || before.now === null;
    const joined = before.mode === "catching-up" && next.mode !== "catching-up";
    const absent = before.mode !== "catching-up" && before.now !== null && next.now - before.now > absenceMs;
    if (began || joined || absent) {
      listening = next.now;
      silence.listen({ now: next.now, listening, mode: next.mode });
      return [];
    }
    const changed: Alert[] = forgetValues(before.now, next.now, wall);
    for (let ended = silence.next(next.now); ended !== null; ended = silence.next(next.now)) {
      // One millisecond after the limit "more than" is true.
      changed.push(...judge(ended.devices, ended.at + 1, wall));
    }
    return changed;
  };

  return {
    site,
    reading(reading) {
      const changed = advance(advanceOnReading(clock, reading), reading.received);
      if (clock.now === null) return changed;
      changed.push(...judgeValues(reading, clock.now));
      if (!silence.has(reading.device) || !silence.see(reading, clock.now)) return changed;
      return [...changed, ...judge([reading.device], clock.now, reading.received)];
    },
    tick: (wall) => advance(advanceOnTick(clock, wall, catchupWaitMs), wall),
    account(account, wall) {
      if (accountedTo !== null && account.start < accountedTo) return [];
      accountedTo = account.end;
      const ofDemand = accountFactsAt(model, account, demand);
      const ofPue = pueFactsAt(account, pue);
      demand = ofDemand.minutes;
      pue = ofPue.minutes;
      counters = eventsAfter(nodes, account, counters);
      const facts: Facts = { ...ofDemand.facts, ...ofPue.facts, ...supplyFactsAt(model, account) };
      const at = { now: account.end, from: account.start, gapMs: account.end - account.start, wall };
      const judged = ({ rule, alarms }: (typeof onAccounts)[number], subject: string, known: Facts): Alert[] => {
        const finding = evaluate(rule, known);
        return see(alarms, subject, finding, { ...at, standing: finding.standing });
      };
      const changed = siteRules.flatMap((one) => judged(one, site, facts));
      if (nodeRules.length === 0) return changed;
      for (const node of nodes) {
        // The site's facts are inherited, not copied: there may be 345,400 nodes.
        const known = Object.assign(Object.create(facts) as Facts, nodeFactsAt(node, account, counters));
        for (const one of nodeRules) changed.push(...judged(one, node.id, known));
      }
      return changed;
    },
    retire(wall) {
      const kept = new Set<string>();
      const byValue = new Set(valueRules.map(({ rule }) => rule.id));
      for (const { alarms } of [...onAccounts, ...valueRules])
        for (const { rule, subcode } of alarms) kept.add(`${rule.id}/${subcode}`);
      for (const { rule, alarms, group } of readingRules) {
        for (const { subcode } of alarms) kept.add(`${rule.id}/${subcode}`);
        if (group !== null) kept.add(`${rule.id}/${groupSubcode}`);
      }
      return lives.retire(
        ([rule, subject, subcode]) =>
          kept.has(`${rule}/${subcode}`) &&
          (subject === site || nodeIds.has(subject) || silence.has(subject) || byValue.has(rule)),
        (id) => rules.some((rule) => rule.id === id && rule.mode === "shadow"),
        wall,
      );
    },
    open: () => lives.open(),
    amend: (id, change) => lives.amend(id, (alert, at) => change(alert, Math.max(clock.now ?? 0, at))),
    save: () => ({
      clock: { now: clock.now, heard: clock.heard },
      listening,
      devices: silence.save(),
      lives: lives.save(),
      members: Object.fromEntries(readingRules.map(({ rule, members }) => [rule.id, members.save()])),
      demand,
      accountedTo,
      pue,
      counters,
    }),
  };
};

/** Sampling interval of each device of a modelled point: the shortest of its points. */
const deviceIntervals = (model: SiteModel): ReadonlyMap<string, number> => {
  const intervals = new Map<string, number>();
  for (const { device, intervalMs, estimate } of model.nodes.flatMap((node) => node.points)) {
    if (estimate !== undefined) continue;
    intervals.set(device, Math.min(intervals.get(device) ?? intervalMs, intervalMs));
  }
  return intervals;
};
