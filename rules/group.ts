import { type Severity, severities } from "./alert.ts";
import type { Finding } from "./evaluate.ts";
import type { LifePlan, Sighting } from "./life.ts";
import type { Rule, RuleGroup } from "./rule.ts";

/** The devices of a site that fire under one rule: from the trigger of a level until its clear condition. */
export interface Members {
  /** True when the device's standing changed. */
  see(device: string, finding: Finding): boolean;
  names(): readonly string[];
  has(device: string): boolean;
  /** What the group's own alarm sees. */
  sighting(plan: LifePlan, group: RuleGroup, site: SiteCounts): Pick<Sighting, "levels" | "inputs" | "thresholds">;
  save(): Readonly<Record<string, Severity>>;
}

export interface SiteCounts {
  readonly devices: number;
  /** Not firing yet, but past their time: whoever fell silent together is one alert from the first on. */
  readonly overdue: number;
}

// A group of 400 needs no 400 names in one message.
const namedAtMost = 10;

export const createMembers = (rule: Rule, saved: Readonly<Record<string, Severity>> = {}): Members => {
  const members = new Map<string, Severity>(Object.entries(saved));
  const atLeast = (severity: Severity): number => {
    let count = 0;
    for (const member of members.values()) if (severities.indexOf(member) >= severities.indexOf(severity)) count++;
    return count;
  };
  return {
    see(device, finding) {
      const before = members.get(device);
      let after: Severity | undefined = before;
      if (finding.standing === "exempt" || isClear(finding, before !== undefined)) after = undefined;
      rule.levels.forEach((level, index) => {
        if (finding.levels[index]?.trigger !== true) return;
        if (after === undefined || severities.indexOf(level.severity) > severities.indexOf(after))
          after = level.severity;
      });
      if (after === before) return false;
      if (after === undefined) members.delete(device);
      else members.set(device, after);
      return true;
    },
    has: (device) => members.has(device),
    names: () => [...members.keys()].sort(),
    sighting(plan, group, { devices, overdue }) {
      const names = [...members.keys()].sort();
      const more = names.length > namedAtMost ? ` +${names.length - namedAtMost}` : "";
      return {
        levels: plan.levels.map(({ severity }, index) => {
          const firing = atLeast(severity);
          const expected = index === 0 && firing > 0 ? firing + overdue : firing;
          return {
            trigger: expected >= group.atLeast && expected / devices > group.over,
            clear: members.size / devices < group.under,
          };
        }),
        inputs: { devices, firing: members.size, overdue, names: `${names.slice(0, namedAtMost).join(", ")}${more}` },
        thresholds: { over: group.over, under: group.under, at_least: group.atLeast },
      };
    },
    save: () => Object.fromEntries([...members].sort(([a], [b]) => (a < b ? -1 : 1))),
  };
};

const isClear = (finding: Finding, member: boolean): boolean =>
  member && finding.levels.every(({ trigger, clear }) => trigger === false && clear === true);
