import { severities } from "./alert.ts";
import type { Finding } from "./evaluate.ts";
import type { LifePlan, Sighting } from "./life.ts";
import type { Rule } from "./rule.ts";
import { blindSubcode } from "./rule-shape.ts";
import { lossKeeps } from "./waste/keeps.ts";

/** One alarm that a rule can raise for a subject: its subcode, its levels, and how a finding speaks about it. */
export interface Alarm {
  readonly rule: Rule;
  readonly subcode: string;
  plan(site: string, subject: string): LifePlan;
  levels(finding: Finding): Sighting["levels"];
}

/** The alarms of a rule about one subject: one per subcode, and the one about being blind. */
export const alarmsOf = (rule: Rule): readonly Alarm[] => {
  const alarms = known.get(rule) ?? findAlarms(rule);
  known.set(rule, alarms);
  return alarms;
};

// Hundreds of sites have the same rules.
const known = new WeakMap<Rule, readonly Alarm[]>();

const findAlarms = (rule: Rule): readonly Alarm[] => {
  const subcodes = [...new Set(rule.levels.map((level) => level.subcode))];
  const keeps = lossKeeps(rule);
  const alarms = subcodes.map((subcode): Alarm => {
    const indexes = rule.levels.flatMap((level, index) => (level.subcode === subcode ? [index] : []));
    const levels = rule.levels
      .filter((level) => level.subcode === subcode)
      .map(({ severity, holdOnS, holdOffS }) => ({
        severity,
        holdOnMs: holdOnS * 1000,
        holdOffMs: holdOffS * 1000,
      }));
    return {
      rule,
      subcode,
      plan: (site, subject) => ({
        identity: identityOf(rule, site, subject, subcode, rule.title),
        ...(keeps.length === 0 ? {} : { keeps }),
        levels,
      }),
      levels: (finding) => indexes.map((index) => finding.levels[index] ?? { trigger: null, clear: null }),
    };
  });
  const { blind } = rule;
  if (blind === null) return alarms;
  return [
    ...alarms,
    {
      rule,
      subcode: blindSubcode,
      plan: (site, subject) => ({
        identity: identityOf(rule, site, subject, blindSubcode, blind.title),
        levels: [{ severity: blind.severity, holdOnMs: blind.holdOnS * 1000, holdOffMs: blind.holdOffS * 1000 }],
      }),
      levels: (finding) => [{ trigger: finding.blind, clear: finding.blind === null ? null : !finding.blind }],
    },
  ];
};

/** The plan of the alarm that stands for most devices of a site or gateway. */
export const groupPlan = (
  rule: Rule,
  site: string,
  subject: string,
  subcode: string,
  title: Rule["title"],
): LifePlan => ({
  identity: identityOf(rule, site, subject, subcode, title),
  levels: severities
    .filter((severity) => rule.levels.some((level) => level.severity === severity))
    .map((severity) => ({ severity, holdOnMs: 0, holdOffMs: 0 })),
});

const identityOf = (
  rule: Rule,
  site: string,
  subject: string,
  subcode: string,
  title: Rule["title"],
): LifePlan["identity"] => ({
  rule: rule.id,
  ruleVersion: rule.version,
  site,
  subject,
  subcode,
  title,
  action: rule.action,
  ...(rule.mode === "shadow" ? { shadow: true as const } : {}),
});
