import { Temporal } from "temporal-polyfill";
import type { Ledger } from "#store";
import { windowsBetween } from "../calendar.ts";
import type { SiteModel } from "../model.ts";
import { coverWindow, queryKpis, readAccounts } from "../query.ts";
import { cnReport } from "./cn.ts";
import { euReport } from "./eu.ts";
import type { Report, ReportId, ReportInput } from "./report.ts";

export interface ReportQuery {
  readonly site: string;
  readonly report: ReportId;
  /** A civil year of the site, or a period. */
  readonly period: { readonly year: number } | { readonly from: number; readonly to: number };
  readonly knownAt?: number;
}

const yearOf = (year: number, timeZone: string): { readonly start: number; readonly end: number } => {
  const first = (of: number): number => new Temporal.PlainDate(of, 1, 1).toZonedDateTime(timeZone).epochMilliseconds;
  return { start: first(year), end: first(year + 1) };
};

const isYear = ({ start, end }: { readonly start: number; readonly end: number }, timeZone: string): boolean => {
  const { year } = Temporal.Instant.fromEpochMilliseconds(start).toZonedDateTimeISO(timeZone);
  const whole = yearOf(year, timeZone);
  return whole.start === start && whole.end === end;
};

/** One report from the committed accounts. */
export const buildReport = async (ledger: Ledger, model: SiteModel, query: ReportQuery): Promise<Report> => {
  const { period, knownAt } = query;
  const window = "year" in period ? yearOf(period.year, model.timeZone) : { start: period.from, end: period.to };
  const asKnown = knownAt === undefined ? {} : { knownAt };
  const results = await queryKpis(ledger, model, { from: window.start, to: window.end, ...asKnown });
  const accounts = await coverWindow(ledger, model.id, window, knownAt);
  const genset = accounts.map(({ totals }) => totals.gensetWh).filter((wh) => wh !== null);
  const days = await readAccounts(ledger, model.id, "1d", window.start, window.end, knownAt);
  const byStart = new Map(days.map((day) => [day.start as number, day.outdoorC ?? null]));
  const input: ReportInput = {
    model,
    window,
    results,
    gensetKwh: genset.length === 0 ? null : genset.reduce((sum, wh) => sum + wh, 0) / 1000,
    days: windowsBetween("1d", window.start, window.end, model.timeZone).map(({ start }) => byStart.get(start) ?? null),
  };
  const notes = [
    ...(isYear(window, model.timeZone) ? [] : ["PERIOD_NOT_A_CALENDAR_YEAR"]),
    ...(results.some(({ flags }) => flags.includes("SYNTHETIC_INPUT")) ? ["SYNTHETIC_INPUT"] : []),
    ...(knownAt === undefined ? [] : [`KNOWN_AT:${new Date(knownAt).toISOString()}`]),
  ];
  return query.report === "eu-2024-1364" ? euReport(input, notes) : cnReport(input, notes);
};
