import { formatLocal } from "#energy";
import type { Facts } from "./evaluate.ts";
import type { Rule } from "./rule.ts";

const none: Facts = {};
const quarterMs = 900_000;

/** The local date of a time, for one purpose: asked minute after minute. Zones change their days at full quarters. */
export const createLocalDay = (): ((ts: number, timeZone: string) => string) => {
  const known = new Map<string, { readonly quarter: number; readonly day: string }>();
  return (ts, timeZone) => {
    const quarter = Math.floor(ts / quarterMs);
    const last = known.get(timeZone);
    if (last?.quarter === quarter) return last.day;
    const day = formatLocal(ts, timeZone).slice(0, 10);
    known.set(timeZone, { quarter, day });
    return day;
  };
};

/** The site's civil time for rules that read it: `weekday` (1 is Monday) and `time_of_day_s`. */
export const createSiteTime = (timeZone: string) => {
  let minute = Number.NaN;
  let weekday = 1;
  let startS = 0;
  const at = (now: number): Facts => {
    const current = Math.floor(now / 60_000);
    if (current !== minute) {
      minute = current;
      const local = formatLocal(current * 60_000, timeZone);
      const day = new Date(`${local.slice(0, 10)}T00:00:00Z`).getUTCDay();
      weekday = day === 0 ? 7 : day;
      startS = Number(local.slice(11, 13)) * 3600 + Number(local.slice(14, 16)) * 60;
    }
    return { weekday, time_of_day_s: startS + (now - current * 60_000) / 1000 };
  };
  return (rule: Rule, now: number): Facts =>
    rule.inputs.includes("weekday") || rule.inputs.includes("time_of_day_s") ? at(now) : none;
};
