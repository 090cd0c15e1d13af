import type { Reading } from "#store";

/** Growth of a counter per second, over the newest stretch without a restart; null when there is no such stretch. */
export const rateOf = (readings: readonly Reading[], quantity: string): number | null => {
  const samples = readings.flatMap(({ ts, quantities }) => {
    const value = Object.hasOwn(quantities, quantity) ? quantities[quantity] : undefined;
    return value === undefined ? [] : [{ ts, value }];
  });
  const last = samples.at(-1);
  if (last === undefined) return null;
  let first = last;
  for (const sample of samples.toReversed()) {
    if (sample.value > first.value) break;
    first = sample;
  }
  return first.ts === last.ts ? null : ((last.value - first.value) / (last.ts - first.ts)) * 1000;
};
