import type { Ledger, Page, Readings } from "#store";
import type { Account, AccountStep, KpiResult } from "./account.ts";
import type { ChangeQuery, KpiChange } from "./change.ts";
import type { Commissioning } from "./commission.ts";
import type { BillingCycle, CloseCommand, CloseResult, CycleReport } from "./cycle.ts";
import type { Change } from "./difference.ts";
import type { SiteModel } from "./model.ts";
import type { SiteNow } from "./now.ts";
import type { ReportQuery } from "./report/build.ts";
import type { Report } from "./report/report.ts";

/** The books of all modelled sites of this process. */
export interface Energy extends AsyncDisposable {
  readonly sites: () => readonly SiteModel[];
  /** Newest readings through the model, with the KPIs of the last fifteen accounted minutes; null for an unknown site. */
  readonly now: (site: string) => Promise<SiteNow | null>;
  /** One result per KPI and variant over `[from, to)`; with `step`, one per window, oldest first. */
  readonly kpis: (query: KpiQuery) => Promise<readonly KpiResult[]>;
  /** What a site can compute and the evidence for each of its meters over `[from, to)`; null for an unknown site. */
  readonly commissioning: (query: CommissioningQuery) => Promise<Commissioning | null>;
  /** One KPI over time as columns; windows without an account are null. */
  readonly trend: (query: TrendQuery) => Promise<Trend | null>;
  /** Why a KPI is not what it was, by driver; null for a KPI whose change has no such account. */
  readonly change: (query: ChangeQuery) => Promise<KpiChange | null>;
  /** A report field by field; null for an unknown site. */
  readonly report: (query: ReportQuery) => Promise<Report | null>;
  readonly accounts: (query: AccountQuery) => Promise<Page<Account>>;
  /** Every revision of one account, oldest first; none for a window without one. */
  readonly revisions: (query: RevisionQuery) => Promise<readonly AccountRevision[]>;
  /** Closed billing cycles of a site, newest first. */
  readonly cycles: (site: string) => Promise<readonly BillingCycle[]>;
  /** One closed cycle by its first day, with the corrections that came later; null when it is not closed. */
  readonly cycle: (site: string, cycle: string) => Promise<CycleReport | null>;
  /** Closes a cycle for good; refusals are values. */
  readonly closeCycle: (command: CloseCommand) => Promise<CloseResult>;
  /** Resolves when everything committed before the call is accounted as far as the clocks allow. */
  readonly settled: () => Promise<void>;
}

export interface CommissioningQuery {
  readonly site: string;
  readonly from: number;
  readonly to: number;
}

export interface KpiQuery {
  readonly site: string;
  readonly from: number;
  readonly to: number;
  readonly kpi?: string;
  readonly step?: AccountStep;
  /** Figures as they stood then, UTC ms. */
  readonly knownAt?: number;
}

export interface TrendQuery {
  readonly site: string;
  readonly kpi: string;
  /** Absent: the first one the catalogue gives. */
  readonly variant?: string;
  readonly from: number;
  readonly to: number;
  readonly step: AccountStep | "auto";
  readonly knownAt?: number;
}

export interface Trend {
  readonly site: string;
  readonly kpi: string;
  readonly variant: string | null;
  readonly unit: string;
  readonly step: AccountStep;
  readonly start: readonly number[];
  readonly value: readonly (number | null)[];
  readonly numerator: readonly (number | null)[];
  readonly denominator: readonly (number | null)[];
  readonly coverage: readonly number[];
  readonly quality: readonly string[];
}

export interface AccountQuery {
  readonly site: string;
  readonly step: AccountStep;
  readonly from: number;
  readonly to: number;
  readonly limit: number;
  readonly cursor?: string;
  /** Accounts as they stood then, UTC ms; later ones are left out. */
  readonly knownAt?: number;
}

export interface RevisionQuery {
  readonly site: string;
  readonly step: AccountStep;
  readonly start: number;
}

export interface AccountRevision {
  readonly revision: number;
  /** When it was committed, UTC ms. */
  readonly at: number;
  readonly account: Account;
  /** Every figure that the revision before tells differently; none of the first. */
  readonly changes: readonly Change[];
}

export interface EnergyDeps {
  readonly readings: Readings;
  readonly ledger: Ledger;
  readonly sites: readonly SiteModel[];
  /** Hands a message to the broker. */
  readonly publish: (message: { readonly topic: string; readonly payload: string; readonly retain: boolean }) => void;
  readonly onError: (error: unknown, at: { readonly stage: "energy"; readonly code: string }) => void;
  readonly now?: () => number;
}
