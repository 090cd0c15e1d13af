import { Temporal } from "temporal-polyfill";
import type { Account, KpiResult } from "./account.ts";
import type { Window } from "./calendar.ts";
import type { Change } from "./difference.ts";

/** A billing cycle that is closed: its figures never change again. */
export interface BillingCycle {
  readonly site: string;
  /** First civil day of the cycle in the site's zone, `2026-11-01`: its name. */
  readonly cycle: string;
  readonly start: number;
  readonly end: number;
  /** Names exactly these revisions of these accounts; equal names are equal figures. */
  readonly revision: string;
  readonly closedAt: number;
  readonly by: string;
  readonly reason: string;
  /** Revisions of the site model and the newest revision of the data that the accounts name. */
  readonly models: readonly string[];
  readonly data: string | null;
  readonly accounts: readonly { readonly step: Account["step"]; readonly start: number; readonly revision: number }[];
  /** The accounts of the cycle put together. */
  readonly account: Account;
  readonly kpis: readonly KpiResult[];
}

/** An account of a closed cycle that says something else today; `frozen` is null for one that was not there. */
export interface Correction {
  readonly step: Account["step"];
  readonly start: number;
  readonly frozen: number | null;
  readonly revision: number;
  /** When the newest revision was committed, UTC ms. */
  readonly at: number;
  readonly changes: readonly Change[];
}

export interface CycleReport {
  readonly cycle: BillingCycle;
  readonly corrections: readonly Correction[];
  /** What the whole cycle would be today, against what was closed. */
  readonly changes: readonly Change[];
}

export interface CloseCommand {
  readonly site: string;
  /** Any time of the cycle, UTC ms. */
  readonly at: number;
  readonly by: string;
  readonly reason: string;
}

/** Why a billing cycle is not closed. Never renamed. */
export const cycleCodes = [
  "ENERGY_SITE_UNKNOWN",
  "ENERGY_CYCLE_NOT_OVER",
  "ENERGY_CYCLE_CLOSED",
  "ENERGY_CYCLE_EMPTY",
] as const;
export type CycleCode = (typeof cycleCodes)[number];

export type CloseResult =
  | { readonly ok: true; readonly cycle: BillingCycle }
  | { readonly ok: false; readonly code: CycleCode; readonly reason: string };

/** The cycle that holds `ts`: from the start day of a month to that of the next, at local midnight. */
export const cycleOf = (ts: number, startDay: number, timeZone: string): Window & { readonly cycle: string } => {
  const date = Temporal.Instant.fromEpochMilliseconds(ts).toZonedDateTimeISO(timeZone).toPlainDate();
  const month = date.day >= startDay ? date : date.subtract({ months: 1 });
  const first = month.with({ day: startDay });
  const midnight = (day: Temporal.PlainDate): number => day.toZonedDateTime(timeZone).epochMilliseconds;
  return { start: midnight(first), end: midnight(first.add({ months: 1 })), cycle: first.toString() };
};
