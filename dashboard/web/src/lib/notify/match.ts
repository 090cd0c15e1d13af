// Which alerts a silence is for: what a form holds, what the server takes, and how it reads.
import type { Severity, SilenceWire } from "#lib/wire.ts";

export type Match = SilenceWire["match"];

export interface MatchForm {
  readonly site: string;
  readonly rule: string;
  readonly subject: string;
  readonly severities: readonly Severity[];
}

const words = (text: string): string[] =>
  text
    .split(/[\s,，、]+/)
    .map((word) => word.trim())
    .filter((word) => word !== "");

/** What is left empty matches everything, so it is left out. */
export const matchOf = ({ site, rule, subject, severities }: MatchForm): Match => ({
  ...(words(site).length === 0 ? {} : { site: words(site) }),
  ...(words(rule).length === 0 ? {} : { rule: words(rule) }),
  ...(words(subject).length === 0 ? {} : { subject: words(subject) }),
  ...(severities.length === 0 ? {} : { severity: [...severities] }),
});

export const isEmpty = (match: Match): boolean => Object.keys(match).length === 0;

/** Its end is near: within a quarter of it, a quarter of an hour at most. As the server warns. */
export const endsSoon = ({ state, from, until }: SilenceWire, now: number): boolean =>
  state === "active" && now >= until - Math.min(900_000, (until - from) / 4);

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
