// Latencies from a microsecond to hours in 64 steps per doubling: 1.6 % wide, a few kilobytes, no sorting.
const steps = 64;
const doublings = 42;

export interface Histogram {
  /** Milliseconds; below zero counts as zero. */
  add(ms: number): void;
  /** Upper edge of the bucket that holds the share, ms; null when empty. */
  percentile(share: number): number | null;
  readonly count: number;
  readonly maxMs: number;
}

export function createHistogram(): Histogram {
  const buckets = new Float64Array(steps * doublings);
  let count = 0;
  let maxMs = 0;

  return {
    add(ms) {
      const us = Math.max(1, ms * 1000);
      const doubling = 31 - Math.clz32(us);
      const step = Math.floor((us / 2 ** doubling - 1) * steps);
      const at = doubling * steps + step;
      buckets[at] = (buckets[at] ?? 0) + 1;
      count += 1;
      if (ms > maxMs) maxMs = ms;
    },
    percentile(share) {
      if (count === 0) return null;
      let seen = 0;
      for (const [at, here] of buckets.entries()) {
        seen += here;
        if (here > 0 && seen >= share * count) {
          const edge = (2 ** Math.floor(at / steps) * (1 + ((at % steps) + 1) / steps)) / 1000;
          return Math.min(edge, maxMs);
        }
      }
      return maxMs;
    },
    get count() {
      return count;
    },
    get maxMs() {
      return maxMs;
    },
  };
}
