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
