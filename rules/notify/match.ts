import type { Alert } from "../alert.ts";
import type { Matcher, Roster } from "./plan.ts";

const fits = (patterns: readonly string[] | undefined, value: string): boolean =>
  patterns === undefined || patterns.some((pattern) => isLike(pattern, value));

/** `*` stands for any characters; everything else for itself. Linear in the length of both. */
export const isLike = (pattern: string, value: string): boolean => {
  const parts = pattern.split("*");
  const [first = ""] = parts;
  const last = parts.at(-1) ?? "";
  if (parts.length === 1) return pattern === value;
  if (!value.startsWith(first) || !value.endsWith(last) || value.length < first.length + last.length) return false;
  let at = first.length;
  for (const part of parts.slice(1, -1)) {
    const found = value.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return at <= value.length - last.length;
};

export const matches = ({ site, rule, subject, severity, state }: Matcher, alert: Alert): boolean =>
  fits(site, alert.site) &&
  fits(rule, alert.rule) &&
  fits(subject, alert.subject) &&
  (severity === undefined || severity.includes(alert.severity)) &&
  (state === undefined || state.includes(alert.state));

const dayNames: readonly string[] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
const minutesOf = (clock: string): number => Number(clock.slice(0, 2)) * 60 + Number(clock.slice(3, 5));

/** Who has the duty at a moment, in the roster's zone; a shift past midnight belongs to the day it begins. */
export const onDuty = (roster: Roster, at: number): readonly string[] => {
  const parts = new Intl.DateTimeFormat("en-US", {
    timeZone: roster.time_zone,
    weekday: "short",
    hour: "2-digit",
    minute: "2-digit",
    hourCycle: "h23",
  }).formatToParts(at);
  const part = (type: string): string => parts.find((one) => one.type === type)?.value ?? "";
  const today = dayNames.indexOf(part("weekday").toLowerCase());
  const minute = Number(part("hour")) * 60 + Number(part("minute"));
  const dayAt = (offset: number) => dayNames[(today + offset + 7) % 7];
  const found = roster.shifts.filter(({ days, from, to }) => {
    const [begin, end] = [minutesOf(from), minutesOf(to)];
    const has = (offset: number): boolean => days.some((day) => day === dayAt(offset));
    if (begin < end) return has(0) && minute >= begin && minute < end;
    return (has(0) && minute >= begin) || (has(-1) && minute < end);
  });
  return [...new Set(found.map(({ person }) => person))];
};
