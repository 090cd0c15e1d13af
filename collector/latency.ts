// One histogram per second: a percentile over the last minute costs no memory per message.
const seconds = 60;
const perOctave = 8; // a bucket is 9 % wide
const buckets = 24 * perOctave; // 0.01 ms to 168 s
const smallestMs = 0.01;

/** Times of the last minute, as percentiles within 9 %. */
export interface Latency {
  add(ms: number, now: number): void;
  /** Milliseconds; 0 when nothing happened in the last minute. */
  percentile(share: number, now: number): number;
}

/** `now` is any clock in milliseconds that does not run backwards. */
export const createLatency = (): Latency => {
  const counts = new Uint32Array(seconds * buckets);
  const slotSecond = new Float64Array(seconds).fill(-1);

  const slotOf = (second: number): number => {
    const slot = second % seconds;
    if (slotSecond[slot] !== second) {
      slotSecond[slot] = second;
      counts.fill(0, slot * buckets, (slot + 1) * buckets);
    }
    return slot;
  };

  return {
    add(ms, now) {
      const octaves = Math.log2(Math.max(ms, smallestMs) / smallestMs);
      const bucket = Math.min(buckets - 1, Math.floor(octaves * perOctave));
      const at = slotOf(Math.floor(now / 1000)) * buckets + bucket;
      counts[at] = (counts[at] ?? 0) + 1;
    },
    percentile(share, now) {
      const second = Math.floor(now / 1000);
      const sums = new Float64Array(buckets);
      let total = 0;
      for (let slot = 0; slot < seconds; slot += 1) {
        if ((slotSecond[slot] ?? -1) <= second - seconds || (slotSecond[slot] ?? -1) < 0) continue;
        for (let bucket = 0; bucket < buckets; bucket += 1) {
          const count = counts[slot * buckets + bucket] ?? 0;
          sums[bucket] = (sums[bucket] ?? 0) + count;
          total += count;
        }
      }
      if (total === 0) return 0;
      let seen = 0;
      for (let bucket = 0; bucket < buckets; bucket += 1) {
        seen += sums[bucket] ?? 0;
        if (seen >= share * total) return smallestMs * 2 ** ((bucket + 1) / perOctave);
      }
      return smallestMs * 2 ** (buckets / perOctave);
    },
  };
};
