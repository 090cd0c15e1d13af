import type { Alert, Severity } from "../alert.ts";

/** One alert of a run from the moment its condition was true, whether or not it became active. */
export interface Episode {
  readonly id: string;
  readonly rule: string;
  readonly subject: string;
  readonly subcode: string;
  /** The worst it was. */
  readonly severity: Severity;
  /** UTC ms on the site's clock. */
  readonly start: number;
  /** null: it was over before its hold. */
  readonly active: number | null;
  /** The trigger was no longer true for the first time; null: still true at the end. */
  readonly eased: number | null;
  /** The clear condition became true for the last time before it was over. */
  readonly clear: number | null;
  /** Over; null: still open at the end. */
  readonly end: number | null;
}

const isOver = ({ state }: Alert): boolean => state === "RETURNED" || state === "CLOSED";

/** Transitions of a run in their order, told as episodes by start. Severity never falls, so the last is the worst. */
export const episodesOf = (transitions: readonly Alert[]): readonly Episode[] =>
  [...Map.groupBy(transitions, ({ id }) => id).values()]
    .flatMap((own): Episode[] => {
      const last = own.at(-1);
      if (last === undefined) return [];
      const over = own.find(isOver);
      const isEased = (alert: Alert): boolean => alert.state === "CLEARING" || isOver(alert);
      const { id, rule, subject, subcode, severity, start, active } = last;
      return [
        {
          ...{ id, rule, subject, subcode, severity, start, active },
          eased: own.find(isEased)?.changed.site ?? null,
          clear: over === undefined ? null : (own.findLast(({ state }) => state === "CLEARING") ?? over).changed.site,
          end: over?.changed.site ?? null,
        },
      ];
    })
    .sort((a, b) => a.start - b.start || (a.id < b.id ? -1 : 1));

/** Alerts alone: episodes that became active in `[from, to)`. */
export const alertsIn = (episodes: readonly Episode[], from: number, to: number): readonly Episode[] =>
  episodes.filter(({ active }) => active !== null && active >= from && active < to);

/** Time in alarm within `[from, to)`, minutes; what overlaps counts for each alert. */
export const alarmMinutes = (episodes: readonly Episode[], from: number, to: number): number =>
  episodes.reduce((sum, { active, end }) => {
    if (active === null) return sum;
    return sum + Math.max(0, Math.min(end ?? to, to) - Math.max(active, from)) / 60_000;
  }, 0);
