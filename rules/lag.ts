import type { Facts } from "./evaluate.ts";
import { quantile } from "./memory.ts";
import type { Rule } from "./rule.ts";

// Most clocks are right: a device is remembered only while its readings are late, early or out of order.

/** Facts of a rule that is about clocks and nothing else. */
export const lagInputs: readonly string[] = ["lag_s", "lag_median_s", "lag_trend_s", "disorder_share"];

/** Clocks that are in doubt; plain data. */
export type SavedLags = Readonly<Record<string, SavedLag>>;
interface SavedLag {
  readonly since: number;
  /** Lags of five minutes, oldest first: of each second in which readings came, that of the last. */
  readonly lags: readonly (readonly [at: number, lagS: number])[];
  /** By ten minutes: slot, readings, those out of order. */
  readonly order: readonly (readonly [slot: number, readings: number, disordered: number])[];
}

interface Doubt extends SavedLag {
  readonly lags: SavedLag["lags"][number][];
}

export interface Lags {
  /** One reading; `newestTs` is the device's newest event time before it. True while its clock is in doubt. */
  note(device: string, reading: { readonly ts: number; readonly received: number }, newestTs: number | null): boolean;
  /** Whether `note` would say false and keep nothing. */
  isCalm(device: string, reading: { readonly ts: number; readonly received: number }, newestTs: number | null): boolean;
  facts(device: string, reading: { readonly ts: number; readonly received: number }): Facts;
  save(): SavedLags;
}

const windowMs = 300_000;
// A gateway that catches up sends days of readings in a minute.
const stepMs = 1000;
// As much of five minutes must have been seen since the doubt began, for the median and for the trend.
const medianMs = 210_000;
const trendMs = 90_000;
const slotMs = 600_000;
const slots = 12;
// Fewer say nothing about one per cent.
const leastReadings = 100;

/** The same list while none of it is too old. */
const recentLags = (lags: Doubt["lags"], at: number): Doubt["lags"] =>
  (lags[0]?.[0] ?? at) > at - windowMs ? lags : lags.filter(([when]) => when > at - windowMs);

/** `floorS`: no lag up to it, in order, can raise anything. */
export const createLags = (floorS: number, saved: SavedLags = {}): Lags => {
  const doubts = new Map<string, Doubt>(
    Object.entries(saved).map(([device, doubt]) => [device, { ...doubt, lags: [...doubt.lags] }]),
  );
  const lagOf = ({ ts, received }: { readonly ts: number; readonly received: number }): number =>
    (received - ts) / 1000;
  const isCalm: Lags["isCalm"] = (device, reading, newestTs) =>
    Math.abs(lagOf(reading)) <= floorS &&
    !(newestTs !== null && reading.ts < newestTs) &&
    (doubts.size === 0 || !doubts.has(device));
  return {
    isCalm,
    note(device, reading, newestTs) {
      if (isCalm(device, reading, newestTs)) return false;
      const lagS = lagOf(reading);
      const isDisordered = newestTs !== null && reading.ts < newestTs;
      const before = doubts.get(device);
      const at = reading.received;
      const slot = Math.floor(at / slotMs);
      const lags = recentLags(before?.lags ?? [], at);
      const isSameStep = Math.floor((lags.at(-1)?.[0] ?? -stepMs) / stepMs) === Math.floor(at / stepMs);
      lags[isSameStep ? lags.length - 1 : lags.length] = [at, lagS];
      const order = (before?.order ?? []).filter(([when]) => when > slot - slots);
      const last = order.at(-1);
      const [readings, disordered] = last?.[0] === slot ? [last[1], last[2]] : [0, 0];
      const now = [slot, readings + 1, disordered + (isDisordered ? 1 : 0)] as const;
      const counted = [...(last?.[0] === slot ? order.slice(0, -1) : order), now];
      const isOver = lags.every(([, lag]) => Math.abs(lag) <= floorS) && counted.every(([, , late]) => late === 0);
      if (isOver) doubts.delete(device);
      else doubts.set(device, { since: before?.since ?? at, lags, order: counted });
      return !isOver;
    },
    facts(device, reading) {
      const lag_s = lagOf(reading);
      const doubt = doubts.get(device);
      if (doubt === undefined) return { lag_s, lag_median_s: Math.abs(lag_s), lag_trend_s: 0, disorder_share: 0 };
      const first = doubt.lags[0];
      const spanMs = first === undefined ? 0 : reading.received - first[0];
      const readings = doubt.order.reduce((sum, [, count]) => sum + count, 0);
      const disordered = doubt.order.reduce((sum, [, , count]) => sum + count, 0);
      return {
        lag_s,
        lag_median_s:
          reading.received - doubt.since < medianMs
            ? null
            : quantile(
                doubt.lags.map(([, lag]) => Math.abs(lag)),
                0.5,
              ),
        lag_trend_s: first === undefined || spanMs < trendMs ? null : ((lag_s - first[1]) * 60_000) / spanMs,
        disorder_share: readings < leastReadings ? null : disordered / readings,
      };
    },
    save: () => Object.fromEntries([...doubts].map(([device, doubt]) => [device, { ...doubt, lags: [...doubt.lags] }])),
  };
};

const floors = [2, 1, 0.5, 0.2, 0];

/** The largest lag, of these, at which none of the rules fires for a clock that always shows it. */
export const calmLag = (rules: readonly Rule[], fires: (rule: Rule, facts: Facts) => boolean): number =>
  floors.find((floor) =>
    [floor, -floor].every((lag_s) =>
      rules.every((rule) => !fires(rule, { lag_s, lag_median_s: floor, lag_trend_s: 0, disorder_share: 0 })),
    ),
  ) ?? -1;
