import type { Alert } from "#lib/wire.ts";

const ranks = { CRITICAL: 0, MAJOR: 1, WARNING: 2, INFO: 3 };

/** What is lost first when the supply fails, as notifications have it too. */
const emergencyRules = ["R25", "R13", "R15", "R21"];

const emergencyOf = (rule: string): number => {
  const at = emergencyRules.findIndex((one) => rule === one || rule.startsWith(`${one}-`));
  return at < 0 ? emergencyRules.length : at;
};

/** The gravest first, of equals those of an emergency. */
export const byUrgency = (a: Urgent, b: Urgent): number =>
  ranks[a.severity] - ranks[b.severity] || emergencyOf(a.rule) - emergencyOf(b.rule);

type Urgent = Pick<Alert, "severity" | "rule">;
