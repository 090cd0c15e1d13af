import type { Episode } from "./episode.ts";

export interface TradeOffPoint {
  readonly holdS: number;
  /** Alerts that would have come up. */
  readonly alerts: number;
}

export interface TradeOff {
  /** Hold before an alert comes up. */
  readonly on: readonly TradeOffPoint[];
  /** Hold before one is over: what comes back sooner is the same alert. */
  readonly off: readonly TradeOffPoint[];
  /** Where more hold buys fewer alerts less and less; null with too little history or nothing to gain. */
  readonly suggested: { readonly onS: number | null; readonly offS: number | null };
}

/** Seconds. */
export const holds: readonly number[] = [0, 5, 10, 30, 60, 120, 300, 600, 900, 1800, 3600];
const leastEpisodes = 10;

/** Number of alerts against hold time, from every time the condition was true. What is still true counts as longer. */
export const tradeOffOf = (episodes: readonly Episode[]): TradeOff => {
  const on = holds.map((holdS) => ({
    holdS,
    alerts: episodes.filter(({ start, eased }) => eased === null || eased - start >= holdS * 1000).length,
  }));
  const active = episodes.filter(({ active }) => active !== null);
  const gaps = [
    ...Map.groupBy(active, ({ rule, subject, subcode }) => JSON.stringify([rule, subject, subcode])).values(),
  ]
    .flatMap((own) => own.slice(1).map((next, index) => ({ next, clear: own[index]?.clear ?? null })))
    .flatMap(({ next, clear }) => (clear === null ? [] : [next.start - clear]));
  const off = holds.map((holdS) => ({
    holdS,
    alerts: active.length - gaps.filter((gap) => gap < holdS * 1000).length,
  }));
  return { on, off, suggested: { onS: kneeOf(on), offS: kneeOf(off) } };
};

/** The point farthest below the chord from the first to the last, over the row of holds. */
const kneeOf = (curve: readonly TradeOffPoint[]): number | null => {
  const first = curve[0]?.alerts ?? 0;
  const last = curve.at(-1)?.alerts ?? 0;
  if (first < leastEpisodes || last === first) return null;
  let best: { readonly holdS: number; readonly below: number } = { holdS: 0, below: 0 };
  for (const [index, { holdS, alerts }] of curve.entries()) {
    const chord = first + ((last - first) * index) / (curve.length - 1);
    if (chord - alerts > best.below) best = { holdS, below: chord - alerts };
  }
  return best.below > 0 ? best.holdS : null;
};
