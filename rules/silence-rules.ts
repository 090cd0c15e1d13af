import type { SiteModel } from "#energy";
import type { Alert } from "./alert.ts";
import { createCalm } from "./calm.ts";
import { evaluate, type Finding } from "./evaluate.ts";
import { createGroups, type Group, type SavedMember } from "./group.ts";
import type { Armed, Judge, JudgeDeps } from "./judge.ts";
import { isSteady } from "./life.ts";
import type { Rule } from "./rule.ts";
import type { Silence } from "./silence.ts";

type SavedMembers = Readonly<Record<string, readonly SavedMember[]>>;

/** The rules on devices that are silent, alone and as groups behind a gateway or of a whole site. */
export interface SilenceRules {
  judge(devices: readonly string[], now: number, wall: number): Alert[];
  /** `place` as the silence numbers it: whether the device itself gives `judge` nothing to say: then only groups that are open may move. */
  isCalm(device: string, place: number, now: number): boolean;
  /** What open groups do from now on while all that is heard is calm. */
  groupsAt(now: number): GroupsNow;
  /** Whose alerts are those of a group. */
  groups(): readonly { readonly rule: string; readonly subject: string; readonly subcode: string }[];
  save(): SavedMembers;
}

/** `none` is open; `steady`: judging moves nothing but their time; `moving`: it may move more. */
export type GroupsNow = "none" | "steady" | "moving";

interface SilenceRulesDeps extends Pick<JudgeDeps, "lives" | "permits" | "suppression" | "noted"> {
  readonly model: SiteModel;
  readonly rules: readonly Armed[];
  readonly silence: Silence;
  readonly see: Judge["see"];
  readonly holdAt: (now: number) => string | null;
  readonly saved: SavedMembers | undefined;
}

export const createSilenceRules = (deps: SilenceRulesDeps): SilenceRules => {
  const { model, rules, silence, lives, permits, suppression, noted, see, holdAt, saved } = deps;
  const calms = new Map(rules.map(({ rule }) => [rule.id, createCalm(rule)]));
  const groups = new Map(rules.map(({ rule }) => [rule.id, createGroups(rule, model, saved)]));

  const isGroupOpen = (rule: Rule, { subject, subcode }: Group): boolean => {
    if (!lives.has(rule.id, subject)) return false;
    const state = lives.get([rule.id, subject, subcode])?.alert?.state;
    return state !== undefined && state !== "RETURNED";
  };

  /** It cannot fire, nothing about it is open, and no group counts it: its own finding moves nothing. */
  const isCalm = (rule: Rule, device: string, place: number, now: number): boolean => {
    const limitOf = calms.get(rule.id);
    if (limitOf === undefined || !silence.isWithin(place, now, limitOf) || lives.has(rule.id, device)) return false;
    return !(groups.get(rule.id) ?? []).some(({ members }) => members.has(device));
  };

  const judge = (devices: readonly string[], now: number, wall: number): Alert[] =>
    rules.flatMap(({ rule, alarms }) => {
      const mine = groups.get(rule.id) ?? [];
      const isOpen = (group: Group): boolean => isGroupOpen(rule, group);
      // Most readings only say that all is well.
      const loud = devices.filter((device) => !isCalm(rule, device, silence.placeOf(device), now));
      if (loud.length === 0 && !mine.some(isOpen)) return [];
      const at = { now, from: now, gapMs: null, wall };
      const findingOf = (device: string): Finding => {
        const finding = evaluate(rule, silence.facts(device, now), suppression.holds(rule, device, now));
        return permits.isolated(device, now) ? { ...finding, standing: "exempt" } : finding;
      };
      const findings = new Map(loud.map((device) => [device, findingOf(device)]));
      const changed: Alert[] = [];
      let siteOpen = false;
      for (const group of mine) {
        const before = isOpen(group);
        let moved = before;
        for (const [device, finding] of findings)
          if (group.concerns(device)) moved = group.members.see(device, finding) || moved;
        if (moved) {
          const overdue = (): number =>
            silence.overdue(now, (device) => group.concerns(device) && !group.members.has(device));
          const seen = group.sighting(overdue);
          const standing = siteOpen ? "absorbed" : "judged";
          changed.push(...noted(lives.move(group.plan, { ...seen, ...at, standing, hold: holdAt(now) })));
        }
        if (isOpen(group) !== before) {
          // The others that fire change hands with the group.
          for (const device of group.members.names())
            if (!findings.has(device)) findings.set(device, findingOf(device));
        }
        siteOpen ||= isOpen(group);
      }
      for (const [device, finding] of findings) {
        const absorbed = mine.some((group) => group.concerns(device) && isOpen(group));
        changed.push(...see(alarms, device, finding, { ...at, standing: absorbed ? "absorbed" : finding.standing }));
      }
      return changed;
    });

  const groupsAt = (now: number): GroupsNow => {
    let found: GroupsNow = "none";
    for (const { rule } of rules)
      for (const group of groups.get(rule.id) ?? []) {
        if (!isGroupOpen(rule, group)) continue;
        const life = lives.get([rule.id, group.subject, group.subcode]);
        let isSettled = true;
        const overdue = (): number => {
          isSettled = false;
          return 0;
        };
        const { levels, inputs, thresholds } = group.sighting(overdue);
        const hold = holdAt(now);
        const seen = { now, standing: "judged", levels, inputs, thresholds, hold } as const;
        // The group of a gateway hands over to that of the site.
        if (found === "steady" || !isSettled || life === null || !isSteady(group.plan, life, seen)) return "moving";
        found = "steady";
      }
    return found;
  };

  return {
    judge,
    isCalm: (device, place, now) => rules.every(({ rule }) => isCalm(rule, device, place, now)),
    groupsAt,
    groups: () =>
      [...groups].flatMap(([rule, mine]) => mine.map(({ subject, subcode }) => ({ rule, subject, subcode }))),
    save: () =>
      Object.fromEntries(
        [...groups].flatMap(([rule, mine]) => mine.map((group) => [group.key(rule), group.members.save()] as const)),
      ),
  };
};
