// What the HTTP server needs of energy, rules and the composition; their doors satisfy these shapes.
import type { Account, AccountStep, KpiResult, SiteModel, SiteNow } from "#energy";
import type { Alert, AlertState, Severity } from "#rules";
import type { Page } from "#store";
import type { RuleWire, TrendWire } from "./wire.ts";

type Answer<Value> = Value | Promise<Value>;

export interface EnergyPart {
  sites(): readonly SiteModel[];
  now(site: string): Answer<SiteNow | null>;
  kpis(query: KpiQuery): Promise<readonly KpiResult[]>;
  trend(query: TrendQuery): Promise<TrendWire>;
  accounts(query: AccountQuery): Promise<Page<Account>>;
}

export interface KpiQuery {
  readonly site: string;
  readonly from: number;
  readonly to: number;
  readonly kpi?: string;
  readonly step?: AccountStep;
}

export interface TrendQuery {
  readonly site: string;
  readonly kpi: string;
  readonly from: number;
  readonly to: number;
  readonly step: AccountStep | "auto";
}

export interface AccountQuery {
  readonly site: string;
  readonly step: AccountStep;
  readonly from: number;
  readonly to: number;
  readonly limit: number;
  readonly cursor?: string;
}

export interface RulesPart {
  open(site?: string): Answer<readonly Alert[]>;
  list(query: AlertQuery): Promise<Page<Alert>>;
  history(id: string): Promise<readonly { readonly revision: number; readonly at: number; readonly alert: Alert }[]>;
  acknowledge(id: string, command: { readonly by: string; readonly reason: string }): Promise<Alert | null>;
  assign(id: string, command: { readonly by: string; readonly assignee: string | null }): Promise<Alert | null>;
  comment(id: string, command: { readonly by: string; readonly text: string }): Promise<Alert | null>;
  catalogue(): readonly RuleWire[];
}

export interface AlertQuery {
  readonly site?: string;
  readonly from?: number;
  readonly to?: number;
  readonly states?: readonly AlertState[];
  readonly severities?: readonly Severity[];
  readonly rules?: readonly string[];
  readonly limit: number;
  readonly cursor?: string;
}

/** What only the composition knows. */
export interface Status {
  readonly version: string;
  readonly parts: readonly string[];
  /** Null until the broker accepts connections, and where no broker runs. */
  readonly mqtt: { readonly host: string; readonly port: number; readonly wsPort: number | null } | null;
  readonly demo: { readonly phase: "history" | "live"; readonly progress: number } | null;
}
