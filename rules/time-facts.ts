import { formatLocal } from "#energy";
import type { Facts } from "./evaluate.ts";
import type { Rule } from "./rule.ts";

const none: Facts = {};

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
