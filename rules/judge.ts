import type { Alert } from "./alert.ts";
import { evaluate, type Facts, type Finding, mayBegin } from "./evaluate.ts";
import type { Sighting } from "./life.ts";
import type { LifeKey, Lives } from "./lives.ts";
import type { Memory } from "./memory.ts";
import type { Permits } from "./permit.ts";
import type { Alarm } from "./plan.ts";
import type { Rule } from "./rule.ts";
import type { Suppression } from "./suppress.ts";

// facts ─▶ memory: windows, ages, whether it is due ─▶ finding ─▶ each alarm's life moves one step

/** A rule with the alarms that it can raise. */
export interface Armed {
  readonly rule: Rule;
  readonly alarms: readonly Alarm[];
}

/** When something is judged. */
export type Moment = Omit<Sighting, "levels" | "inputs" | "thresholds" | "hold" | "raise" | "standing">;

/** How one subject of one rule is judged and its alerts moved: what all kinds of rules of a site share. */
export interface Judge {
  /** One subject of one rule at one moment: what it remembers, whether it is due, what it finds. */
  assess(armed: Armed, subject: string, known: Facts, at: Moment): Alert[];
  /** The same of what was remembered elsewhere. */
  find(armed: Armed, subject: string, seen: Facts, at: Moment): Alert[];
  /** Alerts that move because of a finding. */
  see(
    alarms: readonly Alarm[],
    subject: string,
    finding: Finding,
    at: Omit<Sighting, "levels" | "inputs" | "thresholds" | "hold" | "raise">,
  ): Alert[];
}

export interface JudgeDeps {
  readonly site: string;
  readonly lives: Lives;
  readonly memory: Memory;
  readonly permits: Permits;
  readonly suppression: Suppression;
  /** The incident of the supply that holds alerts of a rule back at that time; null: none. */
  readonly holdOf: (rule: string, now: number) => string | null;
  /** What every transition touches besides its own life. */
  readonly noted: (changed: readonly Alert[]) => Alert[];
}

export const createJudge = ({ site, lives, memory, permits, suppression, holdOf, noted }: JudgeDeps): Judge => {
  const see: Judge["see"] = (alarms, subject, finding, at) =>
    alarms.flatMap((alarm) => {
      const levels = alarm.levels(finding);
      const key: LifeKey = [alarm.rule.id, subject, alarm.subcode];
      // Most subjects are well most of the time: nothing open, nothing triggered, nothing to move.
      if (lives.get(key) === null && levels.every((level) => level.trigger !== true)) return [];
      const { inputs, thresholds } = finding;
      const standing = permits.isolated(subject, at.now) ? "absorbed" : at.standing;
      const hold = holdOf(alarm.rule.id, at.now);
      const raise = suppression.raises(alarm.rule, subject, alarm.subcode, at.now);
      return noted(lives.move(alarm.plan(site, subject), { ...at, standing, levels, inputs, thresholds, hold, raise }));
    });

  const find: Judge["find"] = ({ rule, alarms }, subject, seen, at) => {
    const finding = evaluate(rule, seen, suppression.holds(rule, subject, at.now));
    const gapMs = at.gapMs === null || rule.everyS === null ? at.gapMs : Math.max(at.gapMs, 2 * rule.everyS * 1000);
    return see(alarms, subject, finding, { ...at, gapMs, standing: finding.standing });
  };

  const assess: Judge["assess"] = ({ rule, alarms }, subject, known, at) => {
    const seen = memory.see(rule, subject, known, at.now);
    if (!seen.isDue || (!lives.has(rule.id, subject) && !mayBegin(rule, seen.facts))) return [];
    return find({ rule, alarms }, subject, seen.facts, at);
  };

  return { assess, find, see };
};
