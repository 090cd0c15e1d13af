// Times are UTC milliseconds until here; shown in the site's zone, with its offset.
const languageOf = (locale: string): string => (locale.startsWith("zh") ? "zh-CN" : "en-GB");

const formats = new Map<string, Intl.DateTimeFormat>();
const dateFormat = (locale: string, zone: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat => {
  const key = `${locale}/${zone}/${JSON.stringify(options)}`;
  let format = formats.get(key);
  if (format === undefined) {
    format = new Intl.DateTimeFormat(languageOf(locale), { ...options, timeZone: zone, hourCycle: "h23" });
    formats.set(key, format);
  }
  return format;
};

export const formatClock = (locale: string, zone: string, ts: number): string =>
  dateFormat(locale, zone, { hour: "2-digit", minute: "2-digit", second: "2-digit" }).format(ts);

export const formatMinute = (locale: string, zone: string, ts: number): string =>
  dateFormat(locale, zone, { hour: "2-digit", minute: "2-digit" }).format(ts);

/** 21 Nov, 14:05:09 */
export const formatMoment = (locale: string, zone: string, ts: number): string =>
  dateFormat(locale, zone, {
    month: "short",
    day: "numeric",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
  }).format(ts);

/** 21 Nov 2026, 14:05 */
export const formatDate = (locale: string, zone: string, ts: number): string =>
  dateFormat(locale, zone, {
    year: "numeric",
    month: "short",
    day: "numeric",
    hour: "2-digit",
    minute: "2-digit",
  }).format(ts);

/** “UTC+8” of that zone at that time. */
export const offsetLabel = (zone: string, ts: number): string => {
  const part = new Intl.DateTimeFormat("en", { timeZone: zone, timeZoneName: "shortOffset" })
    .formatToParts(ts)
    .find(({ type }) => type === "timeZoneName");
  return (part?.value ?? "UTC").replace("GMT", "UTC");
};

const unitFormats = new Map<string, Intl.NumberFormat>();
const unit = (locale: string, name: string, value: number): string => {
  const key = `${locale}/${name}`;
  let format = unitFormats.get(key);
  if (format === undefined) {
    format = new Intl.NumberFormat(languageOf(locale), { style: "unit", unit: name, unitDisplay: "short" });
    unitFormats.set(key, format);
  }
  return format.format(value);
};

/** A length of time in one or two units: 3 sec, 12 min, 2 hr 5 min, 4 days. */
export const formatSpan = (locale: string, ms: number): string => {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 60) return unit(locale, "second", seconds);
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return unit(locale, "minute", minutes);
  const hours = Math.floor(minutes / 60);
  if (hours < 24) {
    const rest = minutes % 60;
    return rest === 0 ? unit(locale, "hour", hours) : `${unit(locale, "hour", hours)} ${unit(locale, "minute", rest)}`;
  }
  return unit(locale, "day", Math.floor(hours / 24));
};

/** Age of a value on the site's clock: what the server said, plus what has passed here since. */
export const ageMs = (ts: number, siteNow: number, receivedAt: number, localNow: number): number =>
  Math.max(0, siteNow - ts + Math.max(0, localNow - receivedAt));
