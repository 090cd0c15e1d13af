// Moments as a time field of a form takes them.

/** `2026-11-21T14:05` in a zone, as a time field takes it. */
export const toLocalField = (ts: number, zone: string): string => {
  const parts = new Intl.DateTimeFormat("en-CA", {
    timeZone: zone,
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
    hour: "2-digit",
    minute: "2-digit",
    hourCycle: "h23",
  }).formatToParts(ts);
  const part = (type: string): string => parts.find((one) => one.type === type)?.value ?? "00";
  return `${part("year")}-${part("month")}-${part("day")}T${part("hour")}:${part("minute")}`;
};

/** Back from a time field; null when it holds no time. */
export const fromLocalField = (text: string, zone: string): number | null => {
  const asUtc = Date.parse(`${text}Z`);
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d$/.test(text) || Number.isNaN(asUtc)) return null;
  // The offset there and then, looked up twice: the first guess may stand on the other side of a change of clocks.
  let ts = asUtc;
  for (let round = 0; round < 2; round++) ts += asUtc - Date.parse(`${toLocalField(ts, zone)}Z`);
  return ts;
};
