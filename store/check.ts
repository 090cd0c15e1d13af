import { identifierPattern, quantityPattern, type Reading } from "./reading.ts";

// InfluxDB keeps nanoseconds in 64 bits: it ends in the year 2262.
const lastTs = 9_223_372_036_854;

/** Why the store will never take this reading, or null. The code of every such refusal is `STORE_LINE_REFUSED`. */
export const refusal = (reading: Reading): string | null => {
  if (!identifierPattern.test(reading.site)) return `site ${quote(reading.site)} is not a name`;
  if (!identifierPattern.test(reading.device)) return `device ${quote(reading.device)} is not a name`;
  if (!isTime(reading.ts)) return `ts ${quote(reading.ts)} is not a time in milliseconds`;
  if (!isTime(reading.received)) return `received ${quote(reading.received)} is not a time in milliseconds`;
  const entries = Object.entries(reading.quantities);
  if (entries.length === 0) return "reading has no quantity";
  for (const [name, value] of entries) {
    if (!quantityPattern.test(name)) return `quantity ${quote(name)} is not a name`;
    if (!Number.isFinite(value)) return `${name} ${quote(value)} is not a finite number`;
  }
  return null;
};

const isTime = (ms: number): boolean => Number.isInteger(ms) && ms >= 0 && ms <= lastTs;
const quote = (value: unknown): string => `"${String(value).slice(0, 80)}"`;
