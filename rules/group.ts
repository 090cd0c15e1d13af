import type { SiteModel } from "#energy";
import { type Severity, severities } from "./alert.ts";
import type { Finding } from "./evaluate.ts";
import type { LifePlan, Sighting } from "./life.ts";
import { devicesOf, oncePerPlan } from "./node-plan.ts";
import { groupPlan } from "./plan.ts";
import type { Rule, RuleGroup } from "./rule.ts";
import { gatewaySubcode, groupSubcode } from "./rule-shape.ts";

/** The devices of a site that fire under one rule: from the trigger of a level until its clear condition. */
interface Members {
  /** True when the device's standing changed. */
  see(device: string, finding: Finding): boolean;
  has(device: string): boolean;
  names(): readonly string[];
  /** What the group's own alarm sees. */
  sighting(plan: LifePlan, group: RuleGroup, site: SiteCounts): Pick<Sighting, "levels" | "inputs" | "thresholds">;
  save(): readonly SavedMember[];
}

interface SiteCounts {
  readonly devices: number;
  /** Not firing yet, but past their time: whoever fell silent together is one alert from the first on. */
  readonly overdue: () => number;
}

export type SavedMember = readonly [device: string, severity: Severity];

// A group of 400 needs no 400 names in one message.
const namedAtMost = 10;

/** One alarm that stands for many devices: of the site, or of one of its gateways. */
export interface Group {
  readonly subject: string;
  readonly subcode: string;
  readonly plan: LifePlan;
  readonly members: Members;
  concerns(device: string): boolean;
  sighting(overdue: () => number): Pick<Sighting, "levels" | "inputs" | "thresholds">;
  /** Under which its members are saved. */
  key(rule: string): string;
}

const gatewaysOf = oncePerPlan((nodes): ReadonlyMap<string, ReadonlySet<string>> => {
  const gateways = new Map<string, Set<string>>();
  for (const { device, gateway } of nodes.flatMap(({ points }) => points))
    if (gateway !== undefined) gateways.set(gateway, (gateways.get(gateway) ?? new Set()).add(device));
  return gateways;
});

/** The site's group first, then each gateway's. */
export const createGroups = (
  rule: Rule,
  model: SiteModel,
  saved: Readonly<Record<string, readonly SavedMember[]>> = {},
): readonly Group[] => {
  const { group } = rule;
  if (group === null) return [];
  const devices = devicesOf(model.nodes);
  const of = (subject: string, subcode: string, title: Rule["title"], mine: ReadonlySet<string>): Group => {
    const plan = groupPlan(rule, model.id, subject, subcode, title);
    const key = (id: string): string => (subcode === groupSubcode ? id : `${id}/${subject}`);
    const members = createMembers(rule, saved[key(rule.id)]);
    return {
      subject,
      subcode,
      plan,
      members,
      concerns: (device) => mine.has(device),
      sighting: (overdue) => members.sighting(plan, group, { devices: mine.size, overdue }),
      key,
    };
  };
  const gateways = group.gateway === null ? [] : [...gatewaysOf(model.nodes)];
  const title = group.gateway ?? group.title;
  return [
    of(model.id, groupSubcode, group.title, devices),
    ...gateways
      .filter(([, mine]) => mine.size >= group.atLeast && mine.size < devices.size)
      .map(([gateway, mine]) => of(gateway, gatewaySubcode, title, mine)),
  ];
};

const createMembers = (rule: Rule, saved: readonly SavedMember[] = []): Members => {
  const members = new Map<string, Severity>(saved);
  const counts = new Map<Severity, number>();
  const add = (severity: Severity | undefined, by: 1 | -1): void => {
    if (severity !== undefined) counts.set(severity, (counts.get(severity) ?? 0) + by);
  };
  for (const severity of members.values()) add(severity, 1);
  const atLeast = (severity: Severity): number =>
    severities.slice(severities.indexOf(severity)).reduce((sum, one) => sum + (counts.get(one) ?? 0), 0);
  const names = (): string => {
    const first: string[] = [];
    for (const name of members.keys()) {
      if (first.length === namedAtMost) break;
      first.push(name);
    }
    return `${first.join(", ")}${members.size > first.length ? ` +${members.size - first.length}` : ""}`;
  };
  // Readings come by the thousand while nobody joins or leaves.
  let settled: ReturnType<Members["sighting"]> | null = null;
  return {
    see(device, finding) {
      const before = members.get(device);
      const after = severityAfter(rule, before, finding);
      if (after === before) return false;
      settled = null;
      add(before, -1);
      add(after, 1);
      if (after === undefined) members.delete(device);
      else members.set(device, after);
      return true;
    },
    has: (device) => members.has(device),
    names: () => [...members.keys()],
    sighting(plan, group, { devices, overdue }) {
      const isMost = (count: number): boolean => count >= group.atLeast && count / devices > group.over;
      const isAllIn = isMost(members.size);
      const isSettled = isAllIn || members.size === 0;
      if (isSettled && settled !== null) return settled;
      const waiting = isSettled ? 0 : overdue();
      const seen = {
        levels: plan.levels.map(({ severity }, index) => ({
          trigger: isMost(atLeast(severity) + (index === 0 ? waiting : 0)),
          clear: members.size / devices < group.under,
        })),
        inputs: { devices, firing: members.size, overdue: waiting, names: names() },
        thresholds: { over: group.over, under: group.under, at_least: group.atLeast },
      };
      if (isSettled) settled = seen;
      return seen;
    },
    save: () => [...members],
  };
};

const severityAfter = (rule: Rule, before: Severity | undefined, finding: Finding): Severity | undefined => {
  if (finding.standing === "exempt") return undefined;
  const isClear = finding.levels.every(({ trigger, clear }) => trigger === false && clear === true);
  return rule.levels.reduce<Severity | undefined>(
    (worst, { severity }, index) =>
      finding.levels[index]?.trigger === true &&
      (worst === undefined || severities.indexOf(severity) > severities.indexOf(worst))
        ? severity
        : worst,
    isClear ? undefined : before,
  );
};
