import type { KpiResult, Quality } from "../account.ts";
import { certified, givenAway } from "../certificate.ts";
import type { Fact } from "../declared.ts";
import type { SiteModel, Text } from "../model.ts";

/** How one field came about: measured like a KPI, of the site file, or not there. */
export type FieldQuality = Quality | "DECLARED" | "MISSING";

/** What a dated figure says about the field; `met` is null where the value or the figure is not known. */
export interface Judged {
  readonly factor: string;
  readonly revision: string;
  readonly instrument: string;
  readonly limit: number;
  readonly unit: string;
  readonly met: boolean | null;
}

export interface ReportField {
  /** Clause or number in the instrument. */
  readonly ref: string;
  /** Unique in the report; where the instrument uses one code twice, ours tells them apart. */
  readonly code: string;
  readonly name: Text;
  /** Unrounded. */
  readonly value: number | string | null;
  readonly unit: string;
  readonly quality: FieldQuality;
  /** 0..1; null for what is not measured over time. */
  readonly coverage: number | null;
  /** Measurement points used: `<code> (<device>)`. */
  readonly points: readonly string[];
  /** Estimates, assumptions and what is missing. */
  readonly notes: readonly string[];
  /** Where a declared value comes from. */
  readonly source: string | null;
  readonly judged?: readonly Judged[];
}

/** Reports that can be asked for, named by their instrument. */
export const reportIds = ["eu-2024-1364", "cn-green-data-centre"] as const;
export type ReportId = (typeof reportIds)[number];

/** One report as data: every field with its value, unit and where it comes from. */
export interface Report {
  readonly report: ReportId;
  readonly title: Text;
  readonly instrument: string;
  readonly site: string;
  readonly siteModel: string;
  readonly period: { readonly start: string; readonly end: string; readonly tz: string };
  readonly notes: readonly string[];
  readonly fields: readonly ReportField[];
}

/** What reports are made from: all KPI results of the period and a few sums beside them. */
export interface ReportInput {
  readonly model: SiteModel;
  readonly window: { readonly start: number; readonly end: number };
  readonly results: readonly KpiResult[];
  /** Output of back-up generators, kWh; null when unknown. */
  readonly gensetKwh: number | null;
  /** Mean outdoor temperature of each civil day; null where it is not known. */
  readonly days: readonly (number | null)[];
}

export const find = (input: ReportInput, kpi: string, variant?: string): KpiResult | undefined =>
  input.results.find((result) => result.kpi === kpi && (variant === undefined || result.variant === variant));

export const pointsOf = (model: SiteModel, nodes: readonly string[]): readonly string[] =>
  model.nodes
    .filter(({ id }) => nodes.includes(id))
    .flatMap(({ points }) => points.map(({ code, device }) => `${code} (${device})`));

export const mediaPoints = (model: SiteModel, use: string): readonly string[] =>
  (model.declared?.media ?? []).filter((medium) => medium.use === use).map(({ code, device }) => `${code} (${device})`);

// kpi.md §1.5: a year is published at 99 %, with a documented estimate of the rest.
const leastYear = 0.99;

type Head = Pick<ReportField, "ref" | "code" | "name" | "unit">;

/** A field whose figure is a KPI, or its numerator or denominator. */
export const measured = (
  head: Head,
  result: KpiResult | undefined,
  value: number | null,
  points: readonly string[],
): ReportField => {
  if (result === undefined || value === null)
    return missing(head, result === undefined ? ["KPI_UNKNOWN"] : result.flags);
  const low =
    result.coverage < leastYear ? [`COVERAGE_${(100 * result.coverage).toFixed(1)}_PCT:estimate the rest`] : [];
  return {
    ...head,
    value,
    quality: result.quality,
    coverage: result.coverage,
    points,
    notes: [...low, ...result.flags],
    source: null,
  };
};

export const missing = (head: Head, notes: readonly string[]): ReportField => ({
  ...head,
  value: null,
  quality: "MISSING",
  coverage: null,
  points: [],
  notes,
  source: null,
});

const factOf = (model: SiteModel, code: string): Fact | undefined =>
  model.declared?.facts.find(({ field }) => field === code);

/** A field of the site file's facts, by its code. */
export const declared = (model: SiteModel, head: Head): ReportField => {
  const fact = factOf(model, head.code);
  if (fact === undefined) return missing(head, [`DECLARATION_MISSING:facts.${head.code}`]);
  const strange = fact.unit !== null && fact.unit !== head.unit ? [`UNIT_DECLARED:${fact.unit}`] : [];
  return {
    ...head,
    value: strange.length > 0 ? null : fact.value,
    quality: strange.length > 0 ? "MISSING" : "DECLARED",
    coverage: null,
    points: [],
    notes: [...strange, ...(fact.note === null ? [] : [fact.note])],
    source: fact.source,
  };
};

export const known = (
  head: Head,
  value: number | string,
  source: string,
  notes: readonly string[] = [],
): ReportField => ({ ...head, value, quality: "DECLARED", coverage: null, points: [], notes, source });

/** Renewable energy of a period in its three parts, kWh. */
export const renewables = (input: ReportInput) => {
  const { model, window } = input;
  const generated = find(input, "self_consumption")?.denominator ?? null;
  return {
    onSite: generated === null ? null : generated - givenAway(model, window),
    contracted: certified(model, ["ppa", "green_trade"], window),
    bought: certified(model, ["goo", "gec"], window),
  };
};
