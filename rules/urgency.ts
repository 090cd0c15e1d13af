import { type Alert, severities } from "./alert.ts";

/** kpi.md §9, emergency ordering: what is lost first when the supply fails. `R21-FAILOVER` is one of R21. */
const emergencyRules = ["R25", "R13", "R15", "R21"] as const;

const emergencyOf = (rule: string): number => {
  const at = emergencyRules.findIndex((one) => rule === one || rule.startsWith(`${one}-`));
  return at < 0 ? emergencyRules.length : at;
};

/** The gravest first, of equals those of an emergency. */
export const byUrgency = (a: Urgent, b: Urgent): number =>
  severities.indexOf(b.severity) - severities.indexOf(a.severity) || emergencyOf(a.rule) - emergencyOf(b.rule);

/** And then the one that stands longest. */
export const mostUrgentFirst = (a: Urgent, b: Urgent): number => byUrgency(a, b) || a.start - b.start;

export type Urgent = Pick<Alert, "severity" | "rule" | "start">;
