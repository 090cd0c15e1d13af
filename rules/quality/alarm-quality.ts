import { minuteOfDay } from "#energy";
import type { Alert } from "../alert.ts";

/** What alarms are held against. Figures of ISA-18.2 / IEC 62682 practice; every answer repeats those it used. */
export interface QualityTerms {
  /** `[from, to)`, UTC ms: alerts that became active in it. */
  readonly from: number;
  readonly to: number;
  /** Operators on duty at one time: rates and floods are of each. */
  readonly operators: number;
  /** Minutes of the site's day at which shifts begin, ascending. */
  readonly shifts: readonly number[];
  readonly timeZone: (site: string) => string;
}

export const qualityLimits = {
  /** Annunciations per operator and hour that can be lived with (kpi.md §8). */
  ratePerHour: 6,
  /** A flood begins with more than this many in ten minutes for one operator, and ends below `floodEnds`. */
  floodBegins: 10,
  floodEnds: 5,
  floodMs: 600_000,
  /** Active for longer without a break. */
  staleMs: 86_400_000,
  /** So many annunciations of one alarm within `chatterMs`; what the engine marked as flapping counts too. */
  chatterCount: 3,
  chatterMs: 60_000,
} as const;

export interface QualityLine {
  /** Alerts that became active. */
  readonly alerts: number;
  /** Annunciations: an alert that came back before anyone acknowledged it counts each time. */
  readonly annunciations: number;
  readonly perOperatorHour: number;
  readonly chattering: number;
  readonly stale: number;
  /** Over or returned, and nobody acknowledged, assigned or commented. */
  readonly neverActedUpon: number;
  /** Seconds; null without one. */
  readonly acknowledgeS: Spread;
  readonly resolveS: Spread;
}

export interface Spread {
  readonly count: number;
  readonly median: number | null;
  readonly p90: number | null;
}

export interface Flood {
  readonly site: string;
  readonly from: number;
  readonly to: number;
  readonly alerts: number;
}

export interface AlarmQuality {
  readonly from: number;
  readonly to: number;
  readonly operators: number;
  readonly limits: typeof qualityLimits;
  readonly all: QualityLine;
  readonly floods: readonly Flood[];
  /** Share of the time in flood, of all sites asked; null without a site that had alerts. */
  readonly floodShare: number | null;
  /** Most annunciations first. */
  readonly rules: readonly (QualityLine & { readonly rule: string })[];
  readonly sites: readonly (QualityLine & { readonly site: string })[];
  /** `HH:MM` at which the shift begins, in the time of each alert's site. */
  readonly shifts: readonly (QualityLine & { readonly shift: string })[];
}

const hourMs = 3_600_000;
const dayMinutes = 1440;

/** Quality of the alarms that were told: alerts in shadow mode, held inside an incident or never active are left out. */
export const alarmQuality = (given: readonly Alert[], terms: QualityTerms): AlarmQuality => {
  const alerts = given.filter(
    ({ active, shadow, incident }) =>
      active !== null && active >= terms.from && active < terms.to && shadow !== true && incident?.held !== true,
  );
  const chattering = chatteringOf(alerts);
  const hours = ((terms.to - terms.from) / hourMs) * terms.operators;
  const lineOf = (own: readonly Alert[], share = 1): QualityLine => qualityLine(own, chattering, hours * share, terms);
  const bySite = Map.groupBy(alerts, ({ site }) => site);
  const floods = [...bySite].flatMap(([site, own]) => floodsOf(site, own, terms));
  const byShift = Map.groupBy(alerts, (alert) => shiftAt(terms, alert));
  return {
    from: terms.from,
    to: terms.to,
    operators: terms.operators,
    limits: qualityLimits,
    all: lineOf(alerts),
    floods,
    floodShare:
      bySite.size === 0
        ? null
        : floods.reduce((sum, { from, to }) => sum + to - from, 0) / ((terms.to - terms.from) * bySite.size),
    rules: [...Map.groupBy(alerts, ({ rule }) => rule)]
      .map(([rule, own]) => ({ rule, ...lineOf(own) }))
      .sort((a, b) => b.annunciations - a.annunciations || (a.rule < b.rule ? -1 : 1)),
    sites: [...bySite].map(([site, own]) => ({ site, ...lineOf(own) })).sort((a, b) => (a.site < b.site ? -1 : 1)),
    shifts: terms.shifts.map((start, index) => ({
      shift: clockText(start),
      ...lineOf(byShift.get(start) ?? [], lengthOf(terms.shifts, index) / dayMinutes),
    })),
  };
};

const qualityLine = (
  alerts: readonly Alert[],
  chattering: ReadonlySet<string>,
  operatorHours: number,
  { to }: QualityTerms,
): QualityLine => {
  const annunciations = alerts.reduce((sum, { occurrences }) => sum + Math.max(1, occurrences), 0);
  return {
    alerts: alerts.length,
    annunciations,
    perOperatorHour: operatorHours > 0 ? annunciations / operatorHours : 0,
    chattering: alerts.filter(({ id }) => chattering.has(id)).length,
    stale: alerts.filter((alert) => activeMs(alert, to) > qualityLimits.staleMs).length,
    neverActedUpon: alerts.filter(
      ({ returned, closed, acknowledged, assignee, comments }) =>
        (returned !== null || closed !== null) && acknowledged === null && assignee === null && comments.length === 0,
    ).length,
    acknowledgeS: spreadOf(
      alerts.flatMap(({ active, acknowledged }) =>
        active === null || acknowledged === null ? [] : [(acknowledged.at - active) / 1000],
      ),
    ),
    resolveS: spreadOf(
      alerts.flatMap(({ active, returned, closed }) => {
        const end = returned ?? closed;
        return active === null || end === null ? [] : [(end - active) / 1000];
      }),
    ),
  };
};

/** Active time so far, ms. */
const activeMs = ({ active, returned, closed }: Alert, until: number): number =>
  active === null ? 0 : (returned ?? closed ?? until) - active;

/** Median and 90th percentile, by the nearest rank. */
export const spreadOf = (values: readonly number[]): Spread => {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number): number | null => sorted[Math.ceil(share * sorted.length) - 1] ?? null;
  return { count: sorted.length, median: at(0.5), p90: at(0.9) };
};

const chatteringOf = (alerts: readonly Alert[]): ReadonlySet<string> => {
  const found = new Set(alerts.filter(({ flapping }) => flapping === true).map(({ id }) => id));
  const { chatterCount, chatterMs } = qualityLimits;
  for (const own of Map.groupBy(alerts, ({ site, rule, subject, subcode }) =>
    JSON.stringify([site, rule, subject, subcode]),
  ).values()) {
    const inTime = own.toSorted((a, b) => (a.active ?? 0) - (b.active ?? 0));
    for (const [index, last] of inTime.entries()) {
      const first = inTime[index - chatterCount + 1];
      if (first === undefined || (last.active ?? 0) - (first.active ?? 0) >= chatterMs) continue;
      for (const one of inTime.slice(index - chatterCount + 1, index + 1)) found.add(one.id);
    }
  }
  return found;
};

const floodsOf = (site: string, alerts: readonly Alert[], { operators, to }: QualityTerms): readonly Flood[] => {
  const { floodBegins, floodEnds, floodMs } = qualityLimits;
  const times = alerts.flatMap(({ active }) => active ?? []).sort((a, b) => a - b);
  const floods: Flood[] = [];
  let begun: number | null = null;
  let oldest = 0;
  const close = (from: number, end: number): void => {
    floods.push({ site, from, to: end, alerts: times.filter((at) => at >= from && at < end).length });
  };
  for (const [index, at] of times.entries()) {
    // What fell out of the ten minutes since the last one may have ended the flood before this one came.
    for (; (times[oldest] ?? at) <= at - floodMs; oldest++) {
      const left = index - oldest - 1;
      if (begun === null || left >= floodEnds * operators) continue;
      close(begun, (times[oldest] ?? at) + floodMs);
      begun = null;
    }
    if (begun === null && index - oldest + 1 > floodBegins * operators) begun = times[oldest] ?? at;
  }
  if (begun === null) return floods;
  // It ends when fewer than so many of the newest are younger than ten minutes.
  const ends = (times.at(-Math.ceil(floodEnds * operators)) ?? begun) + floodMs;
  close(begun, Math.min(to, ends));
  return floods;
};

const shiftAt = ({ shifts, timeZone }: QualityTerms, { active, site }: Alert): number => {
  const minute = minuteOfDay(active ?? 0, timeZone(site));
  return shifts.findLast((start) => start <= minute) ?? shifts.at(-1) ?? 0;
};

/** Minutes; the last shift goes on until the first of the next day. */
const lengthOf = (shifts: readonly number[], index: number): number => {
  const start = shifts[index] ?? 0;
  const next = shifts[index + 1] ?? (shifts[0] ?? 0) + dayMinutes;
  return next - start;
};

const clockText = (minute: number): string =>
  `${String(Math.floor(minute / 60)).padStart(2, "0")}:${String(minute % 60).padStart(2, "0")}`;
