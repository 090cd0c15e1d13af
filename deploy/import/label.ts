import { Temporal } from "temporal-polyfill";
import type { ImportOptions } from "./options.ts";

export type ReadLabel =
  | { readonly ok: true; readonly ts: number }
  | { readonly ok: false; readonly code: "IMPORT_TIME_INVALID" | "IMPORT_TIME_NONEXISTENT"; readonly reason: string };

const parts = { YYYY: "(?<year>\\d{4})", MM: "(?<month>\\d{1,2})", DD: "(?<day>\\d{1,2})", HH: "(?<hour>\\d{1,2})" };

/** A declared format as an expression; the seconds and what stands before them may be missing. */
export const formatPattern = (format: string): RegExp => {
  const escaped = format.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&");
  const seconds = escaped.replace(/([^A-Za-z]*)ss/, "(?:$1(?<second>\\d{1,2})(?:\\.\\d+)?)?");
  const minutes = seconds.replace("mm", "(?<minute>\\d{1,2})");
  const rest = Object.entries(parts).reduce((text, [name, group]) => text.replace(name, group), minutes);
  return new RegExp(`^${rest}$`);
};

const invalid = (text: string, format: string): ReadLabel => ({
  ok: false,
  code: "IMPORT_TIME_INVALID",
  reason: `"${text.slice(0, 64)}" is not a time in the format ${format}`,
});

/**
 * The time that a label names, UTC ms. A local time that came twice (the long day) is the first one that is later than
 * `after`; one that never was (the short day) is refused.
 */
export const readLabel = (
  text: string,
  options: Pick<ImportOptions, "time_format" | "zone">,
  after: number | null,
): ReadLabel => {
  const { time_format: format, zone } = options;
  if (format === "epoch_s" || format === "epoch_ms") {
    const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) * (format === "epoch_s" ? 1000 : 1) : Number.NaN;
    return Number.isSafeInteger(value) ? { ok: true, ts: value } : invalid(text, format);
  }
  if (format === "iso") {
    const ts = /[zZ]$|[+-]\d\d:?\d\d$/.test(text) ? Date.parse(text) : Number.NaN;
    return Number.isNaN(ts) ? invalid(text, "iso with its offset") : { ok: true, ts };
  }
  const groups = formatPattern(format).exec(text)?.groups;
  if (groups === undefined) return invalid(text, format);
  const number = (name: string): number => Number(groups[name] ?? 0);
  // 24:00 is the midnight that ends the day.
  const isEnd = number("hour") === 24 && number("minute") === 0 && number("second") === 0;
  let local: Temporal.PlainDateTime;
  try {
    const time = { hour: isEnd ? 0 : number("hour"), minute: number("minute"), second: number("second") };
    const date = { year: number("year"), month: number("month"), day: number("day") };
    local = Temporal.PlainDateTime.from({ ...date, ...time }, { overflow: "reject" });
  } catch {
    return invalid(text, format);
  }
  if (isEnd) local = local.add({ days: 1 });
  const [early, late] = (["earlier", "later"] as const).map((disambiguation) =>
    local.toZonedDateTime(zone, { disambiguation }),
  );
  if (early === undefined || late === undefined) return invalid(text, format);
  if (!early.toPlainDateTime().equals(local))
    return {
      ok: false,
      code: "IMPORT_TIME_NONEXISTENT",
      reason: `${text} never was in ${zone}: the clock jumped over it`,
    };
  const first = early.epochMilliseconds;
  return { ok: true, ts: after !== null && first <= after ? late.epochMilliseconds : first };
};
