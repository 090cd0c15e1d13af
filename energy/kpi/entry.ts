import type { Account } from "../account.ts";
import type { Window } from "../calendar.ts";
import type { SiteModel, Text } from "../model.ts";

/** What a KPI adds up in one window: every term linear in time, so that windows add and ratios are formed last. */
export type Terms = Readonly<Record<string, number | null>>;
/** The same, summed over windows in which all of them were known. */
export type Sums = Readonly<Record<string, number>>;

export interface Ratio {
  readonly numerator: number;
  /** Null for a plain total: the value is the numerator. */
  readonly denominator: number | null;
  readonly flags?: readonly string[];
  /** An input was not measured but derived. */
  readonly estimated?: true;
}

/** A ratio that cannot be formed, with the reason. */
export const noRatio = (...flags: readonly string[]): Ratio => ({ numerator: Number.NaN, denominator: null, flags });

/** What a ratio may look at besides its sums. */
export interface Scope {
  readonly accounts: readonly Account[];
  /** The same accounts, oldest first, each with its own terms. */
  readonly parts: readonly { readonly account: Account; readonly terms: Sums }[];
  readonly model: SiteModel;
  readonly variant: Variant;
  readonly window: Window;
}

/** Which way is good, where readers differ about it. */
export type Direction = "higher" | "lower";

/** One KPI as data, with the arithmetic beside it. */
export interface KpiEntry {
  readonly id: string;
  readonly name: Text;
  readonly formula: string;
  readonly unit: string;
  readonly numUnit: string;
  readonly denUnit: string;
  readonly boundary: string;
  /** Outside it a value is INVALID; null is no limit. */
  readonly range: { readonly min: number | null; readonly max: number | null };
  /** Outside it a value stands and is flagged UNUSUAL: design defaults of kpi.md §2.0. */
  readonly usual?: { readonly min?: number; readonly max?: number };
  /** When a value outside `usual` is nothing unusual after all. */
  readonly quiet?: (sums: Sums, windowMs: number, model: SiteModel) => boolean;
  readonly standard: string;
  /** Over what it is reported, and what is shown in between. */
  readonly window?: string;
  readonly better?: Direction;
  /** Of the site file alone: no account has a part in it, the result says DECLARED. */
  readonly declared?: true;
  /** Where composed accounts hold the terms, when another entry holds the same; by variant. */
  readonly joint?: (variant: Variant) => string;
  /** Folds hours in order: asked over hourly accounts however long the window is, some days before it too. */
  readonly folds?: true;
  /** `one`: a single result per site; `many`: one per variant. */
  readonly results: "one" | "many";
  readonly variants: (model: SiteModel) => readonly Variant[];
  readonly terms: (account: Account, model: SiteModel, variant: Variant) => Terms;
  /** Null when a term that the ratio divides by on the way is zero. */
  readonly ratio: (sums: Sums, windowMs: number, scope: Scope) => Ratio | null;
  /** Where the hour is the unit of account: from the sums of one hour to terms that add up over hours. */
  readonly hourly?: (sums: Sums) => Sums;
  /** Declarations and points that the site would have to have, as flags; without them the value is null. */
  readonly missing?: (model: SiteModel, variant: Variant) => readonly string[];
  /** What a site without any variant lacks, as a flag. */
  readonly absent?: string;
  /** Points that an account whose terms are not known lacked, as flags. */
  readonly lacks?: (account: Account, variant: Variant) => readonly string[];
  /** Whether a value just under the physical minimum, within its uncertainty, is kept and flagged. */
  readonly physicalMin?: number;
  /**
   * The denominator is one device's: its register decides what is too little, not the 1 kWh of a whole site; or a
   * count or a time, of which only nothing is too little.
   */
  readonly denominatorOf?: "site" | "device" | "count";
  /** Known terms are known for the whole account, whatever its meters are. */
  readonly unmetered?: true;
  /** Which outside factor the numerator used. */
  readonly factor?: "carbon" | "tariff";
  /** Of the carbon factors, the residual mix instead of the grid's. */
  readonly factorUse?: "residual";
}

export interface Variant {
  /** Overrides the entry's. */
  readonly range?: KpiEntry["range"];
  /** Empty when there is nothing to tell apart. */
  readonly id: string;
  /** Overrides the entry's units, for declared work. */
  readonly unit?: string;
  readonly numUnit?: string;
  readonly denUnit?: string;
  readonly better?: Direction;
  readonly declared?: true;
  /** Nodes whose meters make the numerator and the denominator: coverage and quality follow them. */
  readonly numerator: readonly string[];
  readonly denominator: readonly string[];
  /** Energies that the value is a product or quotient of, each as the nodes it is the sum of: they carry its uncertainty. */
  readonly factors?: readonly (readonly string[])[];
}

export const inKilo = (value: number | null | undefined): number | null =>
  value === null || value === undefined ? null : value / 1000;
