import type { Text } from "#energy";

/** From the least to the worst. */
export const severities = ["INFO", "WARNING", "MAJOR", "CRITICAL"] as const;
export type Severity = (typeof severities)[number];

/** The life of an alert: `life.ts` says which follows which. */
export const alertStates = ["PENDING", "ACTIVE", "CLEARING", "RETURNED", "UNKNOWN", "SHELVED", "CLOSED"] as const;
export type AlertState = (typeof alertStates)[number];

/**
 * One open alarm per rule, subject and subcode, from pending to closed. Ledger kind `alert`, key = id, `ts` = start.
 * Each transition is a revision; the row's history is the alert's history.
 */
export interface Alert {
  /** Hash of rule, subject, subcode and start. */
  readonly id: string;
  readonly rule: string;
  readonly ruleVersion: number;
  readonly site: string;
  /** Node or device. */
  readonly subject: string;
  readonly subcode: string;
  readonly severity: Severity;
  readonly state: AlertState;
  /** Condition first true, on the site's clock. */
  readonly start: number;
  /** Became active; null while pending. */
  readonly active: number | null;
  /** Condition cleared (RETURNED, CLOSED). */
  readonly returned: number | null;
  readonly closed: number | null;
  /** Wall clock and site clock of this transition. */
  readonly changed: { readonly wall: number; readonly site: number };
  readonly acknowledged: { readonly by: string; readonly reason: string; readonly at: number } | null;
  readonly assignee: string | null;
  readonly comments: readonly { readonly by: string; readonly text: string; readonly at: number }[];
  /** What the rule saw when it last changed: names carry units. */
  readonly inputs: Readonly<Record<string, number | string | null>>;
  readonly thresholds: Readonly<Record<string, number | string>>;
  readonly title: Text;
  readonly action: Text;
  /** What the rule's loss formula stands on beside the account of each minute, as it was when this became active. */
  readonly lossInputs?: Readonly<Record<string, number | string | null>>;
  /** An account it depended on was restated later. */
  readonly restated: boolean;
  /** Of a rule in shadow mode: evaluated and recorded, told to nobody. */
  readonly shadow?: true;
  /** Happened under a change of the supply mode: the alert of that change; `held` until it is told by itself. */
  readonly incident?: { readonly id: string; readonly held: boolean };
  /** It comes and goes: repeats are not told until it has been quiet for half an hour. */
  readonly flapping?: true;
  /** Put aside by a person until a time; `was` is the state it would have. */
  readonly shelved?: {
    readonly by: string;
    readonly reason: string;
    readonly until: number;
    readonly was: Exclude<AlertState, "SHELVED">;
  };
  /** Worse than its own levels say: an alert of another rule was open about what it concerns. */
  readonly raised?: { readonly rule: string; readonly alert: string; readonly from: Severity };
  /** Of a change of the supply mode: each mode and when it began. */
  readonly timeline?: readonly (readonly [at: number, mode: string])[];
  /** How often it became active: 0 while first pending, 2 or more when it came back before anyone acknowledged it. */
  readonly occurrences: number;
  /** When it came back the newest time, on the site's clock; absent on the first coming. */
  readonly again?: number;
}

/** Whether anyone is told of it: not in shadow mode, not held inside an incident, not shelved. */
export const isTold = ({ shadow, incident, state }: Alert): boolean =>
  shadow !== true && incident?.held !== true && state !== "SHELVED";
