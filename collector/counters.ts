import { type CollectorCode, collectorCodes } from "./codes.ts";
import { createLatency } from "./latency.ts";

/** What went through since the start; the latencies are of the last minute. */
export interface CollectorCounters {
  readonly messages: number;
  /** Messages that say nothing to us on purpose: a Shelly's Wi-Fi status, a cleared retained topic. */
  readonly withoutReadings: number;
  /** Readings the store has committed. */
  readonly readings: number;
  /** Values newly stored. */
  readonly values: number;
  /** Values that were there already, equal. */
  readonly duplicates: number;
  /** Values that replaced a different one. */
  readonly corrections: number;
  /** Rejected messages, readings or values, by code; every code is present. */
  readonly rejected: Readonly<Record<CollectorCode, number>>;
  readonly rejectedTotal: number;
  readonly deadLettersKept: number;
  /** Counted in `rejected`, but beyond the dead letters per minute. */
  readonly deadLettersLimited: number;
  /** Messages accepted but not yet acknowledged. */
  readonly waiting: number;
  readonly ackP50Ms: number;
  readonly ackP99Ms: number;
  readonly store: "ok" | "unavailable";
  /** One sentence, empty when the store is ok. */
  readonly storeReason: string;
}

/** The pipeline's own tally. `clock` is monotone milliseconds. */
export const createTally = (clock: () => number) => {
  const rejected = Object.fromEntries(collectorCodes.map((code) => [code, 0])) as Record<CollectorCode, number>;
  const latency = createLatency();
  const sums = {
    messages: 0,
    withoutReadings: 0,
    readings: 0,
    values: 0,
    duplicates: 0,
    corrections: 0,
    deadLettersKept: 0,
    deadLettersLimited: 0,
    waiting: 0,
  };
  let rejectedTotal = 0;
  return {
    sums,
    reject(code: CollectorCode, times: number) {
      rejected[code] += times;
      rejectedTotal += times;
    },
    /** A message is finished; both times are of the same clock. */
    acknowledged(startedAt: number, at: number) {
      latency.add(at - startedAt, at);
    },
    read(store: CollectorCounters["store"], storeReason: string): CollectorCounters {
      const at = clock();
      return {
        ...sums,
        rejected: { ...rejected },
        rejectedTotal,
        ackP50Ms: latency.percentile(0.5, at),
        ackP99Ms: latency.percentile(0.99, at),
        store,
        storeReason,
      };
    },
  };
};
