// What the HTTP server needs of energy, rules and the composition.
import type { Energy } from "#energy";
import type { Evidence, Notify, Rules } from "#rules";

export type EnergyPart = Pick<
  Energy,
  | "sites"
  | "now"
  | "commissioning"
  | "kpis"
  | "trend"
  | "change"
  | "report"
  | "accounts"
  | "revisions"
  | "cycles"
  | "cycle"
  | "closeCycle"
>;
export type RulesPart = Pick<
  Rules,
  | "open"
  | "list"
  | "history"
  | "acknowledge"
  | "comment"
  | "assign"
  | "shelve"
  | "unshelve"
  | "catalogue"
  | "backtest"
  | "rejudge"
  | "waste"
  | "supply"
  | "permits"
  | "openPermit"
  | "closePermit"
>;

/** Null where no evidence is written. */
export type EvidencePart = Pick<Evidence, "head"> | null;

/** Null where nobody is told from here. */
export type NotifyPart = Pick<Notify, "silences" | "channels" | "test" | "deliveries" | "schedule"> | null;

/** What only the composition knows. */
export interface Status {
  readonly version: string;
  readonly parts: readonly string[];
  /** Null until the broker accepts connections, and where no broker runs. */
  readonly mqtt: { readonly host: string; readonly port: number; readonly wsPort: number | null } | null;
  readonly demo: { readonly phase: "history" | "live"; readonly progress: number } | null;
}
