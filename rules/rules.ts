import type { SiteModel, Text } from "#energy";
import type { Ledger, Page, Readings } from "#store";
import type { Alert, AlertState, Severity } from "./alert.ts";
import type { BacktestCommand, BacktestResult, RejudgeCommand, RejudgeResult } from "./backtest/desk.ts";
import type { RulesCode } from "./codes.ts";
import type { Permit } from "./permit.ts";
import type { Supply } from "./supply.ts";
import type { WasteQuery, WasteRanking } from "./waste/desk.ts";

/** The running stage: watches every site it was given, and is the only place that changes an alert. */
export interface Rules extends AsyncDisposable, PermitDesk {
  /** Every alert that is not CLOSED, newest first; those of rules in shadow mode are left out. */
  open(site?: string): Promise<readonly Alert[]>;
  /** Alerts by start, newest first, keyset-paged; those that were only ever PENDING are left out once closed. */
  list(query: AlertQuery): Promise<Page<Alert>>;
  /** Every transition of one alert, oldest first; empty when there is no such alert. */
  history(id: string): Promise<readonly Alert[]>;
  /** An acknowledged alert closes as soon as it has returned to normal; a RETURNED one closes now. */
  acknowledge(command: AcknowledgeCommand): Promise<CommandResult>;
  comment(command: CommentCommand): Promise<CommandResult>;
  /** `to: null` takes the assignment back. */
  assign(command: AssignCommand): Promise<CommandResult>;
  /** Put aside until a time of the site's clock, at most seven days: it lives on, and nobody is told of it. */
  shelve(command: ShelveCommand): Promise<CommandResult>;
  unshelve(command: UnshelveCommand): Promise<CommandResult>;
  /** Alerts by what was lost while they lasted, most money first unless asked otherwise; not paged. */
  waste(query: WasteQuery): Promise<WasteRanking>;
  /** Judges history again with a rule, or two versions of it; one at a time. */
  backtest(command: BacktestCommand): Promise<BacktestResult>;
  /** Judges history again with all rules in force and compares every transition with the recorded one. */
  rejudge(command: RejudgeCommand): Promise<RejudgeResult>;
  /** What carries a site, and since when; null when no such site is watched. */
  supply(site: string): Supply | null;
  /** The rules in force, by id. */
  catalogue(): readonly RuleSummary[];
  /** Whether the clock of every site has been looked at within the last half minute. */
  isCurrent(): boolean;
  /** Resolves when everything committed to the store before the call has been judged, recorded and published. */
  settled(): Promise<void>;
}

/** One value, some of several, or all but some. */
export type Wanted<Value extends string> =
  | Value
  | { readonly match: "in" | "not-in"; readonly values: readonly Value[] };

export interface AlertQuery {
  readonly site?: string;
  readonly state?: Wanted<AlertState>;
  readonly rule?: Wanted<string>;
  readonly severity?: Wanted<Severity>;
  /** Node or device. */
  readonly subject?: Wanted<string>;
  /** Words that all must be in its names, its title in either language, or what people wrote. */
  readonly text?: string;
  /** true: only alerts of rules in shadow mode; otherwise they are left out. */
  readonly shadow?: boolean;
  /** `[from, to)` of the alerts' start, UTC milliseconds. */
  readonly from?: number;
  readonly to?: number;
  /** `[activeFrom, activeTo)` of when they first became active, UTC milliseconds. */
  readonly activeFrom?: number;
  readonly activeTo?: number;
  /** At most 1,000. */
  readonly limit: number;
  readonly cursor?: string;
}

/** Work permits: nodes isolated on purpose. A part of the running stage. */
export interface PermitDesk {
  /** Newest first; those closed more than two hours ago are left out. */
  permits(site?: string): Promise<readonly Permit[]>;
  /** From the site's present time; until then it raises one expected alert in place of its node's own. */
  openPermit(command: OpenPermitCommand): Promise<PermitResult>;
  closePermit(command: ClosePermitCommand): Promise<PermitResult>;
}

export interface OpenPermitCommand {
  readonly site: string;
  readonly node: string;
  readonly by: string;
  readonly reason: string;
  /** UTC milliseconds. */
  readonly until: number;
}

export interface ClosePermitCommand {
  readonly id: string;
  readonly by: string;
}

export type PermitResult =
  | { readonly ok: true; readonly permit: Permit }
  | { readonly ok: false; readonly code: RulesCode; readonly reason: string };

export interface AcknowledgeCommand {
  readonly id: string;
  readonly by: string;
  readonly reason: string;
}

export interface CommentCommand {
  readonly id: string;
  readonly by: string;
  readonly text: string;
}

export interface AssignCommand {
  readonly id: string;
  readonly to: string | null;
  readonly by: string;
}

export interface ShelveCommand {
  readonly id: string;
  readonly by: string;
  readonly reason: string;
  /** UTC milliseconds. */
  readonly until: number;
}

export interface UnshelveCommand {
  readonly id: string;
  readonly by: string;
  readonly reason: string;
}

export type CommandResult =
  | { readonly ok: true; readonly alert: Alert }
  | { readonly ok: false; readonly code: RulesCode; readonly reason: string };

/** One rule in force, for screens. */
export interface RuleSummary {
  readonly id: string;
  readonly version: number;
  readonly title: Text;
  readonly action: Text;
  /** `shadow`: evaluated and recorded, told to nobody; `off`: not evaluated. */
  readonly mode: "on" | "shadow" | "off";
  /** `account`: judged on each closed window; `reading`: on each reading and on silence. */
  readonly on: "account" | "reading";
  readonly subject: "site" | "node" | "device";
  /** Judged this often, seconds; null: every time. */
  readonly everyS: number | null;
  readonly inputs: readonly string[];
  readonly levels: readonly LevelSummary[];
  /** Numbers that a site file may change, in the base unit of their suffix. */
  readonly parameters: Readonly<Record<string, number>>;
  /** What the files of the watched sites change of it. */
  readonly sites: Readonly<
    Record<string, { readonly mode: "on" | "shadow" | "off"; readonly parameters: Readonly<Record<string, number>> }>
  >;
  /** How many subjects it looks at in each watched site, those it then exempts included. */
  readonly subjects: Readonly<Record<string, number>>;
  /** It has a formula for what an alert cost. */
  readonly hasLoss: boolean;
  readonly origin: "shipped" | "own";
  /** File name, without its folder. */
  readonly file: string;
  /** The file as it was read. */
  readonly source: string;
}

export interface LevelSummary {
  readonly severity: Severity;
  readonly subcode: string;
  readonly trigger: string;
  readonly holdOnS: number;
  readonly clear: string;
  readonly holdOffS: number;
}

export interface RulesDeps {
  readonly readings: Readings;
  readonly ledger: Ledger;
  readonly sites: readonly SiteModel[];
  readonly publish: (message: RulesMessage) => void;
  readonly onError: (error: unknown, where: { readonly stage: "rules"; readonly code: RulesCode }) => void;
  /** Wall clock, UTC milliseconds. */
  readonly now?: () => number;
  readonly timers?: Timers;
}

/** `dc/<site>/alert/<rule>/<subject>`, the alert as JSON; an empty payload takes the retained one away. */
export interface RulesMessage {
  readonly topic: string;
  readonly payload: string;
  readonly retain: boolean;
}

export interface Timers {
  /** Calls `run` every `ms` until the returned function is called. */
  every(ms: number, run: () => void): () => void;
}
