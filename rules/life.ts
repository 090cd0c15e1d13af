import { type Alert, isTold, type Severity, severities } from "./alert.ts";

// OK ─▶ PENDING ─▶ ACTIVE ⇄ CLEARING ─▶ RETURNED ─ acknowledge ─▶ CLOSED
//           │        ⇅        │             └─ again ─▶ ACTIVE
//           └▶ CLOSED UNKNOWN └─ acknowledged before ─▶ CLOSED

/** The levels of one (rule, subject, subcode), severity rising; and what their alert is called. */
export interface LifePlan {
  readonly identity: Pick<
    Alert,
    "rule" | "ruleVersion" | "site" | "subject" | "subcode" | "title" | "action" | "shadow"
  >;
  readonly levels: readonly { readonly severity: Severity; readonly holdOnMs: number; readonly holdOffMs: number }[];
  /** Inputs to keep as they are when it becomes active. */
  readonly keeps?: readonly string[];
}

/** What was seen at one moment. null is not known. */
export interface Sighting {
  /** The site's clock, ms. */
  readonly now: number;
  /** Since when this has been so: the start of a window, or now. */
  readonly from: number;
  /** Windows longer apart than this break a hold; null when the watch itself is continuous. */
  readonly gapMs: number | null;
  readonly wall: number;
  /** `exempt`: the rule does not apply. `absorbed`: an alert of the whole group stands for this one. */
  readonly standing: "judged" | "exempt" | "absorbed";
  readonly levels: readonly { readonly trigger: boolean | null; readonly clear: boolean | null }[];
  readonly inputs: Alert["inputs"];
  readonly thresholds: Alert["thresholds"];
  /** The incident that holds back what becomes active now. */
  readonly hold?: string | null;
  /** The alert of another rule that makes this one worse. */
  readonly raise?: { readonly rule: string; readonly alert: string; readonly to: Severity } | null;
}

/** Where one (rule, subject, subcode) stands; plain data, saved as it is. `alert: null` is OK. */
export interface Life {
  readonly at: number | null;
  readonly levels: readonly LevelLife[];
  readonly alert: Alert | null;
  /** When it became active within the last hour, oldest first. */
  readonly fired?: readonly number[];
}

interface LevelLife {
  /** Trigger true without a break since; null when it is not. */
  readonly since: number | null;
  /** Clear condition true without a break since. */
  readonly clearSince: number | null;
  /** Samples in a row without a known trigger. */
  readonly missed: number;
}

export const newLife = (plan: LifePlan): Life => ({
  at: null,
  levels: plan.levels.map(() => ({ since: null, clearSince: null, missed: 0 })),
  alert: null,
});

/** Nothing is open and nothing is counting: needs no saving. */
export const isIdle = (life: Life): boolean =>
  life.alert === null && (life.fired?.length ?? 0) === 0 && life.levels.every((level) => level.since === null);

// Four times in an hour is no news any more; ISA-18.2 calls it chattering. Half an hour of quiet ends it.
const flapCount = 4;
const flapMs = 3_600_000;
const quietMs = 1_800_000;

/**
 * One sighting moves the life at most one step. `changed` is the alert's new revision, null when nothing changed.
 * A sighting older than the last is ignored: the site's clock never runs backwards.
 */
export const live = (
  plan: LifePlan,
  life: Life,
  seen: Sighting,
  hash: (text: string) => string,
): { readonly life: Life; readonly changed: Alert | null } => {
  if (life.at !== null && seen.now < life.at) return { life, changed: null };
  const broken = life.at !== null && seen.gapMs !== null && seen.from - life.at > seen.gapMs;
  const levels = plan.levels.map((_, index) => count(life.levels[index], seen, index, broken));
  const fired = life.fired?.filter((at) => at > seen.now - flapMs) ?? [];
  const before = unwrapped(life.alert);
  const moved = raised(before, next(plan, before, levels, seen, hash), seen);
  const hasFired = moved !== null && moved.state === "ACTIVE" && (before?.occurrences ?? 0) < moved.occurrences;
  if (hasFired) fired.push(seen.now);
  const flaps = moved !== null && hasFired && fired.length >= flapCount ? { ...moved, flapping: true as const } : moved;
  const kept = flaps === null || !hasFired || plan.keeps === undefined ? flaps : withInputs(flaps, plan.keeps, seen);
  const changed = shelvedAgain(life.alert, held(before, kept, seen, hasFired), seen);
  const alert = changed ?? life.alert;
  const open = alert?.state === "CLOSED" ? null : alert;
  return { life: { at: seen.now, levels, alert: open, ...(fired.length === 0 ? {} : { fired }) }, changed };
};

/**
 * Whether sightings like this one, however many and however late, move nothing but the time of the life. It says no where it
 * is not sure.
 */
export const isSteady = (plan: LifePlan, life: Life, seen: Omit<Sighting, "from" | "gapMs" | "wall">): boolean => {
  const { alert } = life;
  if (alert === null || alert.state !== "ACTIVE" || alert.shelved !== undefined || alert.incident?.held === true)
    return false;
  if (seen.standing !== "judged" || (seen.hold ?? null) !== null || (seen.raise ?? null) !== null) return false;
  const isTriggered = seen.levels.some(({ trigger }) => trigger === true);
  return (
    isTriggered &&
    plan.levels.every(({ severity }, index) => {
      const [level, now] = [life.levels[index], seen.levels[index]];
      if (level === undefined || now === undefined || now.trigger === null || level.missed !== 0) return false;
      if (!now.trigger) return level.since === null && (level.clearSince !== null) === (now.clear === true);
      const isHeldOn = level.since !== null && seen.now - level.since >= holdOn(plan, index);
      return isHeldOn && level.clearSince === null && rank(severity) <= rank(alert.severity);
    })
  );
};

/** Another alert makes it worse while its own condition is there or not known; it never falls with the other. */
const raised = (before: Alert | null, moved: Alert | null, seen: Sighting): Alert | null => {
  const alert = moved ?? before;
  const raise = seen.raise ?? null;
  if (alert === null || raise === null || rank(raise.to) <= rank(alert.severity)) return moved;
  if (alert.state !== "ACTIVE" && alert.state !== "UNKNOWN") return moved;
  const by = { rule: raise.rule, alert: raise.alert, from: alert.severity };
  // Whoever acknowledged it knew less.
  return record(alert, seen, { severity: raise.to, raised: by, acknowledged: null });
};

const withInputs = (alert: Alert, keeps: readonly string[], { inputs }: Sighting): Alert => ({
  ...alert,
  lossInputs: Object.fromEntries(keeps.map((name) => [name, inputs[name] ?? null])),
});

const isOpen = ({ state }: Alert): boolean => state === "ACTIVE" || state === "CLEARING" || state === "UNKNOWN";

/** What becomes active or worse under an incident is held inside it, and told when it outlives the hold. */
const held = (before: Alert | null, moved: Alert | null, seen: Sighting, hasFired: boolean): Alert | null => {
  const alert = moved ?? before;
  if (alert === null || !isOpen(alert)) return moved;
  const isNews = hasFired || (before !== null && moved !== null && rank(moved.severity) > rank(before.severity));
  const hold = seen.hold ?? null;
  if (hold !== null) return isNews ? { ...alert, incident: { id: hold, held: true } } : moved;
  if (alert.incident?.held !== true) return moved;
  return record(alert, seen, { incident: { id: alert.incident.id, held: false } });
};

/** Ends the holding of an open alert that nothing will be seen of soon. */
export const released = (alert: Alert, at: number, wall: number): Alert | null =>
  alert.incident?.held === true && isOpen(alert)
    ? { ...alert, incident: { id: alert.incident.id, held: false }, changed: { wall, site: at } }
    : null;

const unwrapped = (alert: Alert | null): Alert | null =>
  alert?.shelved === undefined ? alert : withoutShelf(alert, alert.shelved.was);

const withoutShelf = (alert: Alert, state: Alert["state"]): Alert => {
  const { shelved: _, ...bare } = alert;
  return { ...bare, state };
};

/** A shelved alert lives on unseen; its time over, it shows what it has become. */
const shelvedAgain = (before: Alert | null, moved: Alert | null, seen: Sighting): Alert | null => {
  const shelf = before?.shelved;
  if (before === null || shelf === undefined) return moved;
  if (moved?.state === "CLOSED" || moved?.state === "RETURNED") return moved;
  if (seen.now >= shelf.until) return record(moved ?? withoutShelf(before, shelf.was), seen, {});
  if (moved === null || moved.state === "SHELVED") return null;
  return { ...moved, state: "SHELVED", shelved: { ...shelf, was: moved.state } };
};

const count = (before: LevelLife | undefined, seen: Sighting, index: number, broken: boolean): LevelLife => {
  const none: LevelLife = { since: null, clearSince: null, missed: 0 };
  if (seen.standing !== "judged") return none;
  const was = broken || before === undefined ? none : before;
  const { trigger, clear } = seen.levels[index] ?? { trigger: null, clear: null };
  if (trigger === null) {
    // kpi.md §8: a gap of one sample is tolerated by a hold-on, never by a hold-off.
    const missed = was.missed + 1;
    return { since: missed > 1 ? null : was.since, clearSince: null, missed };
  }
  if (trigger) return { since: was.since ?? seen.from, clearSince: null, missed: 0 };
  return { since: null, clearSince: clear === true ? (was.clearSince ?? seen.from) : null, missed: 0 };
};

const next = (
  plan: LifePlan,
  alert: Alert | null,
  levels: readonly LevelLife[],
  seen: Sighting,
  hash: (text: string) => string,
): Alert | null => {
  const fired = highest(plan, (index) => {
    const since = levels[index]?.since ?? null;
    return seen.levels[index]?.trigger === true && since !== null && seen.now - since >= holdOn(plan, index);
  });
  if (alert === null || alert.state === "CLOSED") return begin(plan, levels, seen, fired, hash);
  if (alert.state === "PENDING") return pending(alert, levels, seen, fired);
  if (alert.state === "RETURNED") return returned(alert, seen, fired);
  return active(plan, alert, levels, seen, fired);
};

const begin = (
  plan: LifePlan,
  levels: readonly LevelLife[],
  seen: Sighting,
  fired: Severity | null,
  hash: (text: string) => string,
): Alert | null => {
  const holding = highest(plan, (index) => (levels[index]?.since ?? null) !== null);
  if (seen.standing !== "judged" || holding === null) return null;
  const start = Math.min(...levels.flatMap((level) => (level.since === null ? [] : [level.since])));
  const { rule, site, subject, subcode } = plan.identity;
  return {
    ...plan.identity,
    id: hash(JSON.stringify([rule, site, subject, subcode, start])),
    severity: fired ?? holding,
    state: fired === null ? "PENDING" : "ACTIVE",
    start,
    active: fired === null ? null : seen.now,
    returned: null,
    closed: null,
    changed: { wall: seen.wall, site: seen.now },
    acknowledged: null,
    assignee: null,
    comments: [],
    inputs: seen.inputs,
    thresholds: seen.thresholds,
    restated: false,
    occurrences: fired === null ? 0 : 1,
  };
};

const pending = (alert: Alert, levels: readonly LevelLife[], seen: Sighting, fired: Severity | null): Alert | null => {
  if (seen.standing === "absorbed") return record(alert, seen, { state: "CLOSED", closed: seen.now });
  if (fired !== null) {
    return record(alert, seen, { state: "ACTIVE", severity: fired, active: seen.now, occurrences: 1 });
  }
  const holding = levels.some((level) => level.since !== null);
  return holding ? null : record(alert, seen, { state: "CLOSED", closed: seen.now });
};

const returned = (alert: Alert, seen: Sighting, fired: Severity | null): Alert | null =>
  fired === null
    ? null
    : record(withoutFlapping(alert), seen, {
        state: "ACTIVE",
        severity: worse(alert.severity, fired),
        returned: null,
        occurrences: alert.occurrences + 1,
        again: seen.now,
      });

const withoutFlapping = ({ flapping: _, ...alert }: Alert): Alert => alert;

const active = (
  plan: LifePlan,
  alert: Alert,
  levels: readonly LevelLife[],
  seen: Sighting,
  fired: Severity | null,
): Alert | null => {
  if (seen.standing === "absorbed") return record(alert, seen, { state: "CLOSED", returned: null, closed: seen.now });
  if (seen.standing === "exempt") return end(alert, seen);
  if (fired !== null && rank(fired) > rank(alert.severity)) {
    // A worse alarm than the one that was acknowledged wants to be seen again; the history keeps the earlier word.
    return record(alert, seen, { state: "ACTIVE", severity: fired, acknowledged: null });
  }
  const triggers = seen.levels.map((level) => level.trigger);
  if (triggers.includes(true)) return become(alert, seen, "ACTIVE");
  if (triggers.includes(null)) return become(alert, seen, "UNKNOWN");
  const quiet = alert.flapping === true ? quietMs : 0;
  const concerned = levels.filter((_, index) => rank(severityAt(plan, index)) <= rank(alert.severity));
  if (concerned.some((level) => level.clearSince === null)) return become(alert, seen, "ACTIVE");
  const over = plan.levels.every((level, index) => {
    const clearSince = levels[index]?.clearSince ?? null;
    return (
      rank(level.severity) > rank(alert.severity) ||
      (clearSince !== null && seen.now - clearSince >= Math.max(level.holdOffMs, quiet))
    );
  });
  if (over) return end(alert, seen);
  return alert.flapping === true ? null : become(alert, seen, "CLEARING");
};

const end = (alert: Alert, seen: Sighting): Alert =>
  alert.acknowledged === null && isTold(alert)
    ? record(alert, seen, { state: "RETURNED", returned: seen.now })
    : record(alert, seen, { state: "CLOSED", returned: seen.now, closed: seen.now });

const become = (alert: Alert, seen: Sighting, state: Alert["state"]): Alert | null =>
  alert.state === state ? null : record(alert, seen, { state });

const record = (alert: Alert, seen: Sighting, change: Partial<Alert>): Alert => ({
  ...alert,
  ...change,
  changed: { wall: seen.wall, site: seen.now },
  inputs: seen.inputs,
  thresholds: seen.thresholds,
});

const rank = (severity: Severity): number => severities.indexOf(severity);
const worse = (left: Severity, right: Severity): Severity => (rank(left) >= rank(right) ? left : right);
const holdOn = (plan: LifePlan, index: number): number => plan.levels[index]?.holdOnMs ?? 0;
const severityAt = (plan: LifePlan, index: number): Severity => plan.levels[index]?.severity ?? "INFO";

const highest = (plan: LifePlan, holds: (index: number) => boolean): Severity | null =>
  plan.levels.reduce<Severity | null>((top, level, index) => {
    if (!holds(index)) return top;
    return top === null ? level.severity : worse(top, level.severity);
  }, null);
