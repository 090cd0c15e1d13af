import { createTask } from "node-cron";
import type { Alert } from "../alert.ts";
import { matches } from "./match.ts";
import type { NotifyPlan } from "./plan.ts";

type Window = NotifyPlan["maintenance"][number];

const minuteMs = 60_000;

/** One recurring window, for screens. */
export interface MaintenanceView {
  readonly name: string;
  readonly match: Window["match"];
  /** When it begins: five fields, in `timeZone`. */
  readonly cron: string;
  readonly timeZone: string;
  readonly minutes: number;
  /** UTC ms; null when it is not open. */
  readonly openUntil: number | null;
  /** Its next beginning, UTC ms. */
  readonly next: number | null;
}

export interface Maintenance {
  /** The recurring window that mutes an alert now; null when none does. */
  muting(alert: Alert, now: number): Window | null;
  /** Windows that are open now. */
  open(now: number): readonly Window[];
  windows(now: number): readonly MaintenanceView[];
}

/** Recurring windows: a cron expression says when one begins, `minutes` how long it lasts. */
export const createMaintenance = (windows: readonly Window[]): Maintenance => {
  const each = windows.map((window) => {
    const task = createTask(window.cron, () => undefined, { timezone: window.time_zone });
    let looked = -1;
    let until = 0;
    const isOpen = (now: number): boolean => {
      const minute = Math.floor(now / minuteMs);
      // The first look, and one after a leap, searches back as far as a window may reach.
      const from =
        looked < 0 || minute < looked || minute - looked > window.minutes ? minute - window.minutes + 1 : looked + 1;
      if (minute < looked) until = 0;
      for (let at = from; at <= minute; at++)
        if (task.match(new Date(at * minuteMs))) until = (at + window.minutes) * minuteMs;
      looked = minute;
      return now < until;
    };
    const view = (now: number): MaintenanceView => ({
      name: window.name,
      match: window.match,
      cron: window.cron,
      timeZone: window.time_zone,
      minutes: window.minutes,
      openUntil: isOpen(now) ? until : null,
      next: task.getNextRuns(1)[0]?.getTime() ?? null,
    });
    return { window, isOpen, view };
  });
  return {
    muting: (alert, now) =>
      each.find(({ window, isOpen }) => isOpen(now) && matches(window.match, alert))?.window ?? null,
    open: (now) => each.filter(({ isOpen }) => isOpen(now)).map(({ window }) => window),
    windows: (now) => each.map(({ view }) => view(now)),
  };
};
