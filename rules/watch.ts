import {
  type Account,
  advanceOnReading,
  advanceOnTick,
  type SiteClock,
  type SiteModel,
  type SiteNode,
  startClock,
} from "#energy";
import type { Reading } from "#store";
import { type AccountFactsState, createAccountFacts } from "./account-facts.ts";
import type { Alert } from "./alert.ts";
import { unshelved } from "./command.ts";
import type { SavedShares } from "./device-model.ts";
import type { SavedMember } from "./group.ts";
import type { SavedHeard } from "./heard.ts";
import { createHearing } from "./hearing.ts";
import { type Armed, createJudge } from "./judge.ts";
import type { SavedLags } from "./lag.ts";
import { released } from "./life.ts";
import { createLives, type SavedLife } from "./lives.ts";
import { createMemory, type SavedMemory } from "./memory.ts";
import { holdAt, type ModeHistory, noModes, releaseAt } from "./mode.ts";
import type { NodeParts } from "./node-parts.ts";
import { createNodeRules, createScreens, savedScreens } from "./node-rules.ts";
import { createPermits, type Permit } from "./permit.ts";
import { alarmsOf } from "./plan.ts";
import { createPresent, type SavedPresent } from "./present.ts";
import { createPresentRules } from "./present-rules.ts";
import { type Rule, readsValues, watchesSilence } from "./rule.ts";
import { createSilence } from "./silence.ts";
import { createSilenceRules } from "./silence-rules.ts";
import type { Stretch, StretchPlace } from "./stretch.ts";
import { createSuppression, inOrder, type SavedSpans } from "./suppress.ts";
import { createTally, type SavedTally } from "./tally.ts";
import { createSiteTime } from "./time-facts.ts";
import { createValueRules } from "./value-rules.ts";
import { type WindowTerms, windowTermsOf, withoutChanged } from "./window-terms.ts";

// reading ─▶ clock ─▶ silences, permits and releases that fell due, each at its own time
//         ─▶ supply mode ─▶ site ─▶ its nodes of several meters ─▶ the device's values ─▶ its silence ─▶ its group
// account ─▶ waits until the clock has passed its end ─▶ the site's and the nodes' window rules
//                                                every life moves one step ─▶ changed alerts, in order

/** All rules over one site, on the site's clock. No I/O: the same inputs in the same order give the same alerts. */
export interface SiteWatch {
  readonly site: string;
  reading(reading: Reading): readonly Alert[];
  /** `reading` and `tick` of a stretch in columns, until something changes; none at its end. */
  hear(stretch: Stretch, place: StretchPlace): readonly Alert[];
  /** The wall clock, when everything committed until then has been given. */
  tick(wall: number): readonly Alert[];
  /** One closed minute; one that is not after the newest is not judged again. `nodes`: those of the account when it comes without. */
  account(account: Account, wall: number, nodes?: NodeParts): readonly Alert[];
  /** A work permit that was opened, changed or closed. */
  permit(permit: Permit, wall: number): readonly Alert[];
  permits(): readonly Permit[];
  /** What carries the site, and since when. */
  modes(): ModeHistory;
  /** Ends alerts whose rule, device or subcode no longer exists. */
  retire(wall: number): readonly Alert[];
  /** Everything that is not CLOSED. */
  open(): readonly Alert[];
  /** The site's clock, UTC ms; null before anything was heard. */
  now(): number | null;
  /** A change to an open alert that is no transition of its condition; null when it is not open here. */
  amend(id: string, change: (alert: Alert, siteNow: number) => Alert): Alert | null;
  save(): SavedWatch;
}

/** Plain data: with it a watch goes on where it stood. */
export interface SavedWatch {
  readonly clock: { readonly now: number | null; readonly heard: boolean };
  readonly listening: number | null;
  readonly devices: SavedHeard;
  readonly lives: readonly SavedLife[];
  readonly members: Readonly<Record<string, readonly SavedMember[]>>;
  readonly accountedTo: number | null;
  readonly facts: AccountFactsState;
  /** Accounts that the clock has not passed. */
  readonly waiting: readonly { readonly account: Account; readonly wall: number }[];
  readonly present: SavedPresent;
  readonly memory: Readonly<Record<string, Readonly<Record<string, SavedMemory>>>>;
  readonly windows?: WindowTerms;
  readonly spans: SavedSpans;
  readonly tally?: SavedTally;
  /** Clocks that are in doubt. */
  readonly lags?: SavedLags;
  readonly shares?: SavedShares;
  readonly modes: ModeHistory;
  /** The newest release of held alerts that has happened. */
  readonly releasedTo: number | null;
  readonly permits: readonly Permit[];
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
const minuteMs = 60_000;

interface Waiting {
  readonly account: Account;
  readonly wall: number;
  readonly nodes?: NodeParts;
}

export const createSiteWatch = ({ model, rules: given, hash, catchupWaitMs, saved }: WatchDeps): SiteWatch => {
  const site = model.id;
  const rules = inOrder(given) ?? given;
  const armed = (wanted: (rule: Rule) => boolean): readonly Armed[] =>
    rules.filter(wanted).map((rule) => ({ rule, alarms: alarmsOf(rule) }));
  const onAccounts = armed(({ on }) => on === "account");
  const siteRules = onAccounts.filter(({ rule }) => rule.subject === "site");
  const nodeRules = onAccounts.filter(({ rule }) => rule.subject === "node");
  const silenceRules = armed(watchesSilence);
  const valueRules = armed(readsValues);
  const siteNowRules = armed(({ on, subject }) => on === "reading" && subject === "site");
  const nodeNowRules = armed(({ on, subject }) => on === "reading" && subject === "node");
  const modeRule = siteNowRules.find(({ rule }) => rule.inputs.includes("site_mode"))?.rule ?? null;

  const lives = createLives(hash, saved?.lives ?? []);
  const facts = createAccountFacts(model, rules, saved?.facts);
  const present = createPresent(model, rules, saved?.present);
  const windowTerms = { ...saved?.windows, ...windowTermsOf(rules, hash) };
  const remembered = withoutChanged(saved?.memory ?? {}, saved?.windows, windowTerms);
  const screens = createScreens(nodeRules, facts, remembered);
  const inColumns = new Set(screens.flatMap(({ rule, screen }) => (screen === null ? [] : [rule.id])));
  const memory = createMemory(Object.fromEntries(Object.entries(remembered).filter(([rule]) => !inColumns.has(rule))));
  const suppression = createSuppression(model, rules, saved?.spans);
  const tally = createTally(model, rules, saved?.tally);
  const permits = createPermits(model, saved?.permits, saved?.clock.now ?? null);
  const siteTime = createSiteTime(model.timeZone);
  const silence = createSilence({
    intervals: deviceIntervals(model),
    looks: (intervalMs) =>
      silenceRules.flatMap(({ rule }) =>
        rule.lookAfterS.map(
          (expression) => Number(expression.run({ ...rule.parameters, interval_s: intervalMs / 1000 }) ?? 0) * 1000,
        ),
      ),
    saved: saved?.devices ?? {},
  });
  let clock: SiteClock = startClock(saved?.clock);
  let listening = saved?.listening ?? null;
  let accountedTo = saved?.accountedTo ?? null;
  let modes: ModeHistory = saved?.modes ?? noModes;
  let releasedTo = saved?.releasedTo ?? null;
  const waiting: Waiting[] = [...(saved?.waiting ?? [])];
  // When the first shelf is over: readings come by the ten thousand, shelves by the day.
  let shelfEnds = firstShelfEnd(lives.open());
  if (clock.now !== null && listening !== null) silence.listen({ now: clock.now, listening, mode: clock.mode });

  const isIncident = (rule: string): boolean => modeRule !== null && modeRule.id === rule && modeRule.mode === "on";

  /** What every transition touches besides its own life. */
  const noted = (changed: readonly Alert[]): Alert[] =>
    changed.map((alert) => {
      suppression.note(alert);
      tally.note(alert);
      if (!isIncident(alert.rule) || alert.subcode !== "mode") return alert;
      const known = modes.incidents.find(([id]) => id === alert.id);
      const ended = alert.state === "RETURNED" || alert.state === "CLOSED";
      if (known === undefined && alert.state === "ACTIVE")
        modes = { ...modes, incidents: [...modes.incidents.slice(-20), [alert.id, alert.changed.site, null]] };
      else if (known !== undefined && known[2] === null && ended) {
        const to = alert.changed.site;
        modes = { ...modes, incidents: modes.incidents.map((one) => (one === known ? [one[0], one[1], to] : one)) };
      }
      return alert;
    });

  const { assess, find, see } = createJudge({
    ...{ site, lives, memory, permits, suppression, noted },
    holdOf: (rule, now) => (isIncident(rule) ? null : holdAt(modes, now)),
  });
  const judgeNodes = createNodeRules({ screens, facts, lives, assess, find });
  const onSilence = createSilenceRules({
    ...{ model, rules: silenceRules, silence, lives, permits, suppression, noted, see },
    holdAt: (now) => holdAt(modes, now),
    saved: saved?.members,
  });
  const onValues = createValueRules({
    ...{ model, all: rules, rules: valueRules, lives, present, timeFacts: siteTime, assess, find, see },
    newest: silence.newest,
    savedLags: saved?.lags,
    savedShares: saved?.shares,
  });

  const onPresent = createPresentRules({
    ...{ model, siteRules: siteNowRules, nodeRules: nodeNowRules, modeRule, present, lives, siteTime, tally, assess },
    modes: () => modes,
    setModes: (next) => {
      modes = next;
    },
  });

  /** Alerts of rules on readings that outlived the hold; those of window rules are told at their next minute. */
  const release = (upTo: number, wall: number): Alert[] => {
    const due = releaseAt(modes);
    if (due === null || due > upTo || releasedTo === due) return [];
    releasedTo = due;
    const byAccount = new Set(onAccounts.map(({ rule }) => rule.id));
    return lives.open().flatMap((alert) => {
      const told = byAccount.has(alert.rule) ? null : released(alert, due, wall);
      return told === null ? [] : (lives.amend(alert.id, () => told) ?? []);
    });
  };

  /** Shelves whose time is over, also of alerts that nothing is seen of any more. */
  const unshelve = (upTo: number, wall: number): Alert[] => {
    if (upTo < shelfEnds) return [];
    const changed = lives.open().flatMap(({ id, shelved }) => {
      if (shelved === undefined || shelved.until > upTo) return [];
      return lives.amend(id, (alert) => unshelved(alert, { wall, site: shelved.until })) ?? [];
    });
    shelfEnds = firstShelfEnd(lives.open());
    return changed;
  };

  const advance = (next: SiteClock, wall: number): Alert[] => {
    if (next === clock) return [];
    const before = clock;
    clock = next;
    // A site that was never heard of may begin with old history at any time: nothing is late before it has begun.
    if (next.now === null || !next.heard) return [];
    const changed: Alert[] = [];
    const began = !before.heard || before.now === null;
    const joined = before.mode === "catching-up" && next.mode !== "catching-up";
    const absent = before.mode !== "catching-up" && before.now !== null && next.now - before.now > absenceMs;
    if (began || joined || absent) {
      listening = next.now;
      silence.listen({ now: next.now, listening, mode: next.mode });
    } else {
      changed.push(...onValues.forget(before.now ?? next.now, next.now, wall));
      changed.push(...onPresent.forget(before.now ?? next.now, next.now, wall));
      for (let ended = silence.next(next.now); ended !== null; ended = silence.next(next.now)) {
        // One millisecond after the limit "more than" is true.
        changed.push(...release(ended.at + 1, wall), ...onSilence.judge(ended.devices, ended.at + 1, wall));
      }
    }
    changed.push(
      ...release(next.now, wall),
      ...unshelve(next.now, wall),
      ...lookAtPermits(next.now, wall),
      ...takeWaiting(),
    );
    return changed;
  };

  const lookAtPermits = (now: number, wall: number): Alert[] =>
    permits.due(now).flatMap(({ plan, at, isOpen, isOverrun, closedBy, inputs }) => {
      const { rule, subject, subcode } = plan.identity;
      const alert = lives.get([rule, subject, subcode])?.alert;
      // Whoever closes the permit has seen its alert.
      if (closedBy !== null && alert !== null && alert !== undefined)
        lives.amend(alert.id, (one) => ({ ...one, acknowledged: { by: closedBy, reason: "permit closed", at: wall } }));
      return lives.move(plan, {
        now: at,
        from: at,
        gapMs: null,
        wall,
        standing: "judged",
        levels: [
          { trigger: isOpen, clear: !isOpen },
          { trigger: isOpen && isOverrun, clear: !isOpen },
        ],
        inputs,
        thresholds: {},
      });
    });

  const judgeAccount = ({ account, wall, nodes }: Waiting): Alert[] => {
    if (accountedTo !== null && account.start < accountedTo) return [];
    accountedTo = account.end;
    onValues.note(account);
    const isolated = permits.isolatedNodes(account.end);
    const now = facts.at(account, isolated, nodes);
    const at = { now: account.end, from: account.start, gapMs: account.end - account.start, wall };
    const changed: Alert[] = [];
    for (const one of siteRules) for (const alert of assess(one, site, now.site, at)) changed.push(alert);
    if (nodeRules.length > 0) changed.push(...judgeNodes(now, at));
    now.forget();
    return changed;
  };

  // Whatever happened until its end is known then, by whichever road it came: the order of the roads changes nothing.
  const mayJudge = (account: Account): boolean =>
    !clock.heard || clock.now === null || silence.size === 0 || clock.now > account.end;
  const takeWaiting = (): Alert[] => {
    const changed: Alert[] = [];
    for (let next = waiting[0]; next !== undefined && mayJudge(next.account); next = waiting[0]) {
      waiting.shift();
      changed.push(...judgeAccount(next));
    }
    return changed;
  };

  const concernsSite = (device: string): boolean => siteNowRules.length > 0 && present.concernsSite(device);
  const nodesOf = (device: string): readonly SiteNode[] => (nodeNowRules.length === 0 ? [] : present.nodesOf(device));
  const take = (reading: Reading, now: number): Alert[] => {
    const { device, received } = reading;
    present.note(reading, now);
    facts.note(reading, now);
    const changed = concernsSite(device) ? onPresent.judgeSite(now, received) : [];
    for (const node of nodesOf(device)) changed.push(...onPresent.judgeNode(node, now, received));
    changed.push(...onValues.judge(reading, now));
    if (!silence.has(device) || !silence.see(reading, now)) return changed;
    return [...changed, ...onSilence.judge([device], now, received)];
  };

  const looksByMinute = valueRules.length > 0 || onPresent.watchesMinutes;
  /** Whether nothing falls due until then but what the clock itself is. */
  const isQuiet = (next: SiteClock): boolean => {
    if (next === clock || next.now === null || !next.heard) return true;
    const { now } = next;
    const before = clock;
    if (!before.heard || before.now === null || next.mode !== before.mode) return false;
    if (before.mode !== "catching-up" && now - before.now > absenceMs) return false;
    if (looksByMinute && Math.floor(before.now / minuteMs) !== Math.floor(now / minuteMs)) return false;
    if (now > silence.dueAt() || now >= shelfEnds || permits.size() > 0) return false;
    const first = waiting[0];
    if (first !== undefined && (silence.size === 0 || now > first.account.end)) return false;
    const due = releaseAt(modes);
    return due === null || due > now || releasedTo === due;
  };
  const { hear } = createHearing({
    ...{ catchupWaitMs, advance, take, present, facts, silence, onPresent, onValues, onSilence },
    ...{ concernsSite, nodesOf },
    clock: () => clock,
    pass: (next) => {
      const quiet = isQuiet(next);
      if (quiet) clock = next;
      return quiet;
    },
  });

  return {
    site,
    reading(reading) {
      const changed = advance(advanceOnReading(clock, reading), reading.received);
      return clock.now === null ? changed : [...changed, ...take(reading, clock.now)];
    },
    hear,
    tick: (wall) => advance(advanceOnTick(clock, wall, catchupWaitMs), wall),
    account(account, wall, nodes) {
      waiting.push({ account, wall, ...(nodes === undefined ? {} : { nodes }) });
      return takeWaiting();
    },
    permit(permit, wall) {
      permits.put(permit);
      return lookAtPermits(Math.max(clock.now ?? wall, permit.closed?.at ?? permit.from), wall);
    },
    permits: () => permits.list(),
    modes: () => modes,
    retire(wall) {
      const kept = new Set<string>(permits.keys());
      const byValue = new Set([...valueRules].map(({ rule }) => rule.id));
      for (const { alarms } of [...onAccounts, ...valueRules, ...siteNowRules, ...nodeNowRules, ...silenceRules])
        for (const { rule, subcode } of alarms) kept.add(`${rule.id}/${subcode}`);
      const groups = onSilence.groups();
      for (const { rule, subcode } of groups) kept.add(`${rule}/${subcode}`);
      const subjects = new Set([site, ...model.nodes.map(({ id }) => id), ...groups.map(({ subject }) => subject)]);
      return lives.retire(
        ([rule, subject, subcode]) =>
          kept.has(`${rule}/${subcode}`) && (subjects.has(subject) || silence.has(subject) || byValue.has(rule)),
        (id) => rules.some((rule) => rule.id === id && rule.mode === "shadow"),
        wall,
      );
    },
    open: () => lives.open(),
    now: () => clock.now,
    amend: (id, change) => {
      const amended = lives.amend(id, (alert, at) => change(alert, Math.max(clock.now ?? 0, at)));
      shelfEnds = Math.min(shelfEnds, amended?.shelved?.until ?? Number.POSITIVE_INFINITY);
      return amended;
    },
    save: () => ({
      clock: { now: clock.now, heard: clock.heard },
      listening,
      devices: silence.save(),
      lives: lives.save(),
      members: onSilence.save(),
      accountedTo,
      facts: facts.save(),
      waiting: waiting.map(({ account, wall }) => ({ account, wall })),
      present: present.save(),
      memory: { ...memory.save(), ...savedScreens(screens) },
      windows: windowTerms,
      spans: suppression.save(),
      tally: tally.save(),
      lags: onValues.saveLags(),
      shares: onValues.saveShares(),
      modes,
      releasedTo,
      permits: permits.list(),
    }),
  };
};

const firstShelfEnd = (alerts: readonly Alert[]): number =>
  alerts.reduce((first, { shelved }) => Math.min(first, shelved?.until ?? first), Number.POSITIVE_INFINITY);

/** Sampling interval of each device of a modelled point: the shortest of its points. */
export const deviceIntervals = (model: SiteModel): ReadonlyMap<string, number> => {
  const known = intervalsOf.get(model.nodes);
  if (known !== undefined) return known;
  const intervals = new Map<string, number>();
  for (const { device, intervalMs, estimate } of model.nodes.flatMap((node) => node.points)) {
    if (estimate !== undefined) continue;
    intervals.set(device, Math.min(intervals.get(device) ?? intervalMs, intervalMs));
  }
  intervalsOf.set(model.nodes, intervals);
  return intervals;
};

// Sites of one plan share their list of nodes.
const intervalsOf = new WeakMap<SiteModel["nodes"], ReadonlyMap<string, number>>();
