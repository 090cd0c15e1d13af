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
  /** Active for longer without a break; also what became active before `from` and stood still. */
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
  /** Over or returned, and nobody acknowledged, assigned, shelved or commented. */
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
  /** Share of the time in flood, of the sites that had alerts; null without one. */
  readonly floodShare: number | null;
  /** Most annunciations first. */
  readonly rules: readonly (QualityLine & { readonly rule: string })[];
  readonly sites: readonly (QualityLine & { readonly site: string })[];
  /** `HH:MM` at which the shift begins, in the time of each alert's site. */
  readonly shifts: readonly (QualityLine & { readonly shift: string })[];
}

const hourMs = 3_600_000;

/**
 * Quality of the alarms that were told: alerts in shadow mode, held inside an incident or never active are left out. What
 * became active before `from` counts where it is stale, and nowhere else.
 */
export const alarmQuality = (given: readonly Alert[], terms: QualityTerms): AlarmQuality => {
  const told = given.filter(
    ({ active, shadow, incident }) =>
      active !== null && active < terms.to && shadow !== true && incident?.held !== true,
  );
  const alerts = told.filter(({ active }) => (active ?? 0) >= terms.from);
  const stale = new Set(told.filter((alert) => isStale(alert, terms)).map(({ id }) => id));
  const counted = told.filter(({ id, active }) => (active ?? 0) >= terms.from || stale.has(id));
  const chattering = chatteringOf(alerts);
  const hours = ((terms.to - terms.from) / hourMs) * terms.operators;
  const lineOf = (own: readonly Alert[], operatorHours = hours): QualityLine =>
    qualityLine(own, { chattering, stale, operatorHours, from: terms.from });
  const bySite = Map.groupBy(alerts, ({ site }) => site);
  const floods = [...bySite].flatMap(([site, own]) => floodsOf(site, own, terms));
  const byShift = Map.groupBy(counted, (alert) => shiftAt(terms, alert.active ?? 0, terms.timeZone(alert.site)));
  const shiftHours = hoursByShift(terms, [...new Set(counted.map(({ site }) => site))]);
  return {
    from: terms.from,
    to: terms.to,
    operators: terms.operators,
    limits: qualityLimits,
    all: lineOf(counted),
    floods,
    floodShare:
      bySite.size === 0
        ? null
        : floods.reduce((sum, { from, to }) => sum + to - from, 0) / ((terms.to - terms.from) * bySite.size),
    rules: [...Map.groupBy(counted, ({ rule }) => rule)]
      .map(([rule, own]) => ({ rule, ...lineOf(own) }))
      .sort((a, b) => b.annunciations - a.annunciations || (a.rule < b.rule ? -1 : 1)),
    sites: [...Map.groupBy(counted, ({ site }) => site)]
      .map(([site, own]) => ({ site, ...lineOf(own) }))
      .sort((a, b) => (a.site < b.site ? -1 : 1)),
    shifts: terms.shifts.map((start) => ({
      shift: clockText(start),
      ...lineOf(byShift.get(start) ?? [], (shiftHours.get(start) ?? 0) * terms.operators),
    })),
  };
};

const qualityLine = (
  counted: readonly Alert[],
  {
    chattering,
    stale,
    operatorHours,
    from,
  }: {
    readonly chattering: ReadonlySet<string>;
    readonly stale: ReadonlySet<string>;
    readonly operatorHours: number;
    readonly from: number;
  },
): QualityLine => {
  const alerts = counted.filter(({ active }) => (active ?? 0) >= from);
  const annunciations = alerts.reduce((sum, { occurrences }) => sum + Math.max(1, occurrences), 0);
  return {
    alerts: alerts.length,
    annunciations,
    perOperatorHour: operatorHours > 0 ? annunciations / operatorHours : 0,
    chattering: alerts.filter(({ id }) => chattering.has(id)).length,
    stale: counted.filter(({ id }) => stale.has(id)).length,
    neverActedUpon: alerts.filter(isUnattended).length,
    acknowledgeS: spreadOf(
      alerts.flatMap(({ active, acknowledged }) =>
        active === null || acknowledged === null ? [] : [(acknowledged.at - active) / 1000],
      ),
    ),
    resolveS: spreadOf(
      alerts.flatMap((alert) => {
        const end = alert.returned ?? alert.closed;
        return end === null ? [] : [(end - lastComing(alert)) / 1000];
      }),
    ),
  };
};

const isUnattended = ({ returned, closed, acknowledged, assignee, shelved, comments }: Alert): boolean =>
  (returned !== null || closed !== null) &&
  acknowledged === null &&
  assignee === null &&
  shelved === undefined &&
  comments.length === 0;

/** What came back before anyone acknowledged it was normal in between. */
const lastComing = ({ active, again }: Alert): number => again ?? active ?? 0;

/** Over 24 hours without a break, some of them in `[from, to)`. */
const isStale = (alert: Alert, { from, to }: QualityTerms): boolean => {
  const end = alert.returned ?? alert.closed ?? to;
  return end > from && end - lastComing(alert) > qualityLimits.staleMs;
};

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

const shiftAt = ({ shifts }: QualityTerms, at: number, zone: string): number => {
  const minute = minuteOfDay(at, zone);
  return shifts.findLast((start) => start <= minute) ?? shifts.at(-1) ?? 0;
};

/** Hours of `[from, to)` that fell into each shift, by the clocks of the sites; their mean where they differ. */
const hoursByShift = (terms: QualityTerms, sites: readonly string[]): ReadonlyMap<number, number> => {
  const { from, to, shifts } = terms;
  // Clocks differ from UTC by quarters of an hour, and so do days on which they change.
  const stepMs = shifts.every((start) => start % 15 === 0) ? 900_000 : 60_000;
  const hours = new Map<number, number>();
  for (const [zone, own] of Map.groupBy(sites, terms.timeZone))
    for (let at = from; at < to; ) {
      const end = Math.min(to, (Math.floor(at / stepMs) + 1) * stepMs);
      const shift = shiftAt(terms, at, zone);
      hours.set(shift, (hours.get(shift) ?? 0) + (((end - at) / hourMs) * own.length) / sites.length);
      at = end;
    }
  return hours;
};

const clockText = (minute: number): string =>
  `${String(Math.floor(minute / 60)).padStart(2, "0")}:${String(minute % 60).padStart(2, "0")}`;
