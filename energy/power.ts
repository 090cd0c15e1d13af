import { firstFrom, type Samples } from "./meter.ts";

/** A power over a window, by the trapezoid over event time. */
export interface PowerWindow {
  /** Energy of the positive and of the negative part over the good time, Wh. */
  readonly forwardWh: number;
  readonly reverseWh: number;
  readonly goodMs: number;
  /** Signed mean over the good time; null when there is none. */
  readonly meanW: number | null;
  readonly minW: number | null;
  readonly maxW: number | null;
  /** Signed power at the borders of the good time, for the clock-skew term of R01. */
  readonly firstW: number | null;
  readonly lastW: number | null;
}

const msPerHour = 3_600_000;

const none: PowerWindow = {
  forwardWh: 0,
  reverseWh: 0,
  goodMs: 0,
  meanW: null,
  minW: null,
  maxW: null,
  firstW: null,
  lastW: null,
};

/** Area above zero under a straight line, in W × ms. */
export const areaAbove = (a: number, b: number, ms: number): number => {
  if (a >= 0 && b >= 0) return ((a + b) / 2) * ms;
  if (a <= 0 && b <= 0) return 0;
  const top = Math.max(a, b);
  return (top * top * ms) / (2 * Math.abs(a - b));
};

/** Integrates a signed power over `[start, end)`; samples further apart than `gapMs` have a gap between them. */
export const integratePower = (
  samples: Samples,
  window: { readonly start: number; readonly end: number },
  sign: 1 | -1,
  gapMs: number,
): PowerWindow => {
  const { ts, value } = samples;
  let index = Math.max(1, firstFrom(ts, window.start));
  let forward = 0;
  let reverse = 0;
  let goodMs = 0;
  let minW = Infinity;
  let maxW = -Infinity;
  let firstW: number | null = null;
  let lastW: number | null = null;
  for (; index < ts.length; index++) {
    const left = ts[index - 1] ?? 0;
    const right = ts[index] ?? 0;
    if (left >= window.end) break;
    const start = Math.max(left, window.start);
    const end = Math.min(right, window.end);
    if (end <= start || right - left > gapMs) continue;
    const before = sign * (value[index - 1] ?? 0);
    const slope = (sign * (value[index] ?? 0) - before) / (right - left);
    const a = before + slope * (start - left);
    const b = before + slope * (end - left);
    forward += areaAbove(a, b, end - start);
    reverse += areaAbove(-a, -b, end - start);
    goodMs += end - start;
    minW = Math.min(minW, a, b);
    maxW = Math.max(maxW, a, b);
    firstW ??= a;
    lastW = b;
  }
  if (goodMs === 0) return none;
  return {
    forwardWh: forward / msPerHour,
    reverseWh: reverse / msPerHour,
    goodMs,
    meanW: (forward - reverse) / goodMs,
    minW,
    maxW,
    firstW,
    lastW,
  };
};

/** Time-weighted mean of a gauge over the good time of a window; null when there is none. */
export const meanBetween = (
  samples: Samples,
  window: { readonly start: number; readonly end: number },
  gapMs: number,
): number | null => integratePower(samples, window, 1, gapMs).meanW;

/** The newest value at or before `ts`, no older than `maxAgeMs`. */
export const valueAt = (samples: Samples | undefined, ts: number, maxAgeMs: number): number | null => {
  if (samples === undefined) return null;
  const index = firstFrom(samples.ts, ts + 1) - 1;
  const at = samples.ts[index];
  return at === undefined || ts - at > maxAgeMs ? null : (samples.value[index] ?? null);
};
