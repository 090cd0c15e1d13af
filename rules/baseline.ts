import type { Account } from "#energy";
import type { Facts } from "./evaluate.ts";
import { quantile } from "./memory.ts";

// What was usual: quarter-hour ramps of renewables by hour of the day, PUE by IT load and outdoor temperature.

const quarterMs = 900_000;
const hourMs = 3_600_000;
const msPerHour = 3_600_000;

/** Per hour of the day (UTC): when a quarter hour ended and how much more it gave than the one before, W; the running quarter. */
export interface RampHistory {
  readonly changes?: Readonly<Record<string, readonly (readonly [at: number, changeW: number])[]>>;
  readonly lastW?: number | null;
  readonly minutes?: readonly number[];
}

// kpi.md §9 R14: the same hour over 30 days.
const rampDays = 30;
const leastRamps = 20;

export const rampAfter = (
  before: RampHistory,
  account: Account,
  energyWh: number | null = account.totals.renewableWh,
): RampHistory => {
  const minutes = energyWh === null ? (before.minutes ?? []) : [...(before.minutes ?? []), energyWh];
  if (account.end % quarterMs !== 0) return { ...before, minutes };
  const whole = minutes.length * (account.end - account.start) === quarterMs;
  const meanW = whole ? (minutes.reduce((sum, wh) => sum + wh, 0) * msPerHour) / quarterMs : null;
  const lastW = before.lastW ?? null;
  if (meanW === null || lastW === null) return { ...before, minutes: [], lastW: meanW };
  const hour = String(Math.floor((account.end - 1) / hourMs) % 24);
  const mine = (before.changes?.[hour] ?? []).filter(([at]) => at > account.end - rampDays * 24 * hourMs);
  return {
    minutes: [],
    lastW: meanW,
    changes: { ...before.changes, [hour]: [...mine, [account.end, meanW - lastW] as const] },
  };
};

export const rampFacts = ({ changes }: RampHistory, start: number): Facts => {
  const seen = changes?.[String(Math.floor(start / hourMs) % 24)];
  if (seen === undefined || seen.length < leastRamps) return unknownRamps;
  const known = rampsKnown.get(seen);
  if (known !== undefined) return known;
  const worst = (sign: 1 | -1): number =>
    Math.max(
      0,
      quantile(
        seen.map(([, changeW]) => sign * changeW),
        0.99,
      ) ?? 0,
    );
  const facts = { drop_w: worst(-1), rise_w: worst(1) };
  rampsKnown.set(seen, facts);
  return facts;
};

const unknownRamps: Facts = { drop_w: null, rise_w: null };
// An hour of the day has the same changes until its next quarter is over.
const rampsKnown = new WeakMap<readonly (readonly [at: number, changeW: number])[], Facts>();

/** By bin of IT load and outdoor temperature: quarter hours seen, their mean PUE, and its squared deviations. */
export interface Baseline {
  readonly samples: number;
  readonly bins: Readonly<Record<string, readonly [count: number, mean: number, squares?: number]>>;
}
export const noBaseline: Baseline = { samples: 0, bins: {} };

// kpi.md §9 R27: 28 days of good data, bins of 5 % of IT load and 2 °C, 20 samples each.
const baselineSamples = 28 * 96;
const leastInBin = 20;

/** Learns until 28 days of quarter hours are in, then only answers; outside what was seen nothing is known. */
export const pueBaseline = (
  before: Baseline,
  end: number,
  { pue, it_mean_w: itW, it_rating_w: ratingW, outdoor_c: outdoorC }: Facts,
): { readonly baseline: Baseline; readonly pue: number | null; readonly sigma: number | null } => {
  const isKnown = typeof pue === "number" && typeof itW === "number" && typeof outdoorC === "number";
  if (!isKnown || typeof ratingW !== "number" || ratingW <= 0) return { baseline: before, pue: null, sigma: null };
  const key = `${Math.floor(itW / ratingW / 0.05)}/${Math.floor(outdoorC / 2)}`;
  const [count, mean, squares] = before.bins[key] ?? [0, 0, 0];
  const isLearned = before.samples >= baselineSamples;
  if (isLearned) {
    const isSeen = count >= leastInBin;
    const sigma = isSeen && squares !== undefined ? Math.sqrt(squares / (count - 1)) : null;
    return { baseline: before, pue: isSeen ? mean : null, sigma };
  }
  if (end % quarterMs !== 0) return { baseline: before, pue: null, sigma: null };
  const next = mean + (pue - mean) / (count + 1);
  const bin = [count + 1, next, (squares ?? 0) + (pue - mean) * (pue - next)] as const;
  return { baseline: { samples: before.samples + 1, bins: { ...before.bins, [key]: bin } }, pue: null, sigma: null };
};
