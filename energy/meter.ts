/** What a register of a meter can do (kpi.md §1.3). Wh and W for energy; any unit and unit/h for other counters. */
export interface MeterTerms {
  /** The register starts again from 0 here; null when unknown. */
  readonly modulus: number | null;
  readonly resolution: number;
  /** Most that can pass in an hour; Infinity when nothing is known. */
  readonly maxPerHour: number;
}

export const meterCodes = ["OK", "JITTER", "ROLLOVER", "RESET", "SPIKE", "COUNTER_FAULT", "COARSE"] as const;
export type MeterCode = (typeof meterCodes)[number];

/** One quantity of one device in event-time order. */
export interface Samples {
  readonly ts: readonly number[];
  readonly value: readonly number[];
}

const msPerHour = 3_600_000;
// 10 % over the rating: a meter may see more than the name plate for a while.
const headroom = 1.1;

/** The most that a register can have moved in that time, with its own rounding at both ends. */
export const registerCap = (elapsedMs: number, terms: MeterTerms): number =>
  (terms.maxPerHour * elapsedMs * headroom) / msPerHour + 2 * terms.resolution;

// A register in float32 shows every value of its meter as one of 2^24 per power of two; in kWh from 16,777,216 kWh on
// its steps are larger than a kilowatt-hour (kpi.md §1.3). Counters come as units or thousands of them.
const floatScales = [1, 1000] as const;

/** Whether a rise is no more than two steps of a float32 at that height: coarse, but counted. */
const isFloatStep = (before: number, after: number, resolution: number): boolean =>
  floatScales.some((scale) => {
    const [a, b] = [before / scale, after / scale];
    if (!(b > 0) || Math.fround(a) !== a || Math.fround(b) !== b) return false;
    const step = 2 ** (Math.floor(Math.log2(b)) - 23) * scale;
    return step > resolution && after - before <= 2 * step;
  });

/** What a register counted between two readings: kpi.md §1.3, TV-CTR-1..5. Null when that cannot be known. */
export const registerDelta = (
  before: number,
  after: number,
  elapsedMs: number,
  terms: MeterTerms,
): { readonly delta: number | null; readonly code: MeterCode } => {
  const cap = registerCap(elapsedMs, terms);
  const difference = after - before;
  if (difference >= 0) {
    if (difference <= cap) return { delta: difference, code: "OK" };
    return isFloatStep(before, after, terms.resolution)
      ? { delta: difference, code: "COARSE" }
      : { delta: null, code: "SPIKE" };
  }
  if (difference >= -2 * terms.resolution) return { delta: 0, code: "JITTER" };
  const wrapped = terms.modulus === null ? Number.NaN : difference + terms.modulus;
  // Without a cap every fall would look like a wrap.
  if (wrapped >= 0 && wrapped <= cap && Number.isFinite(cap)) return { delta: wrapped, code: "ROLLOVER" };
  return after <= cap ? { delta: after, code: "RESET" } : { delta: null, code: "COUNTER_FAULT" };
};

/** What a register counted since its first reading, as a line over event time. `holes[i]`: unknown from knot i−1 to i. */
export interface RegisterCurve {
  readonly ts: readonly number[];
  readonly total: readonly number[];
  readonly holes: readonly boolean[];
  readonly events: readonly { readonly ts: number; readonly code: MeterCode }[];
}

interface Reading {
  readonly ts: number;
  readonly value: number;
}

const plausible = (before: Reading, after: Reading, terms: MeterTerms): number | null => {
  const { delta, code } = registerDelta(before.value, after.value, after.ts - before.ts, terms);
  return code === "OK" || code === "ROLLOVER" || code === "COARSE" ? delta : null;
};

/** Walks a register through readings `[from, to)`. A refused reading keeps the base; three that agree become the base. */
export const registerCurve = (samples: Samples, from: number, to: number, terms: MeterTerms): RegisterCurve => {
  const ts: number[] = [];
  const total: number[] = [];
  const holes: boolean[] = [];
  const events: { ts: number; code: MeterCode }[] = [];
  let base: Reading | null = null;
  let sum = 0;
  let refused: Reading[] = [];
  const knot = (at: number, hole: boolean): void => {
    ts.push(at);
    total.push(sum);
    holes.push(hole);
  };
  for (let index = from; index < to; index++) {
    const reading: Reading = { ts: samples.ts[index] ?? 0, value: samples.value[index] ?? 0 };
    if (base === null) {
      base = reading;
      knot(reading.ts, false);
      continue;
    }
    const { delta, code } = registerDelta(base.value, reading.value, reading.ts - base.ts, terms);
    if (code !== "OK") events.push({ ts: reading.ts, code });
    if (delta !== null) {
      sum += delta;
      knot(reading.ts, false);
      base = code === "JITTER" ? { ts: reading.ts, value: base.value } : reading;
      refused = [];
      continue;
    }
    const last = refused.at(-1);
    if (last !== undefined && plausible(last, reading, terms) === null) refused = [];
    refused.push(reading);
    const [first, second] = refused;
    if (first === undefined || second === undefined || refused.length < 3) continue;
    knot(first.ts, true);
    sum += plausible(first, second, terms) ?? 0;
    knot(second.ts, false);
    sum += plausible(second, reading, terms) ?? 0;
    knot(reading.ts, false);
    base = reading;
    refused = [];
  }
  return { ts, total, holes, events };
};

/** Index of the first sample at or after `ts`. */
export const firstFrom = (times: readonly number[], ts: number): number => {
  let low = 0;
  let high = times.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((times[middle] ?? 0) < ts) low = middle + 1;
    else high = middle;
  }
  return low;
};

export interface Counted {
  /** Null when a border has no readings around it, or a hole or a gap over `bridgeMs` lies in the window. */
  readonly amount: number | null;
  /** Time between readings no further apart than `gapMs`. */
  readonly goodMs: number;
  readonly codes: readonly MeterCode[];
}

// Enough readings before the window for a spike or a swap to be settled when the window begins.
const context = 8;

/** Whether every reading of `[from, to)` is a plain rise over the one before: then the register is its own curve. */
const isPlain = ({ ts, value }: Samples, from: number, to: number, terms: MeterTerms): boolean => {
  const perMs = (terms.maxPerHour * headroom) / msPerHour;
  const rounding = 2 * terms.resolution;
  for (let index = from + 1; index < to; index++) {
    const difference = (value[index] ?? 0) - (value[index - 1] ?? 0);
    if (!(difference >= 0 && difference <= perMs * ((ts[index] ?? 0) - (ts[index - 1] ?? 0)) + rounding)) return false;
  }
  return true;
};

const noHoles: readonly boolean[] = [];
const noCodes: readonly MeterCode[] = [];

/**
 * What a register counted in `[start, end)`: its value at a border lies on the line between the readings around it, so
 * that adjacent windows add up to the whole.
 */
export const countBetween = (
  samples: Samples,
  window: { readonly start: number; readonly end: number },
  terms: MeterTerms,
  limits: { readonly bridgeMs: number; readonly gapMs: number },
): Counted => {
  const first = firstFrom(samples.ts, window.start);
  const from = Math.max(0, first - context);
  // Refused readings at the end are settled by the three after it.
  const to = Math.min(samples.ts.length, firstFrom(samples.ts, window.end) + 4);
  if (isPlain(samples, from, to, terms))
    return addKnots(samples.ts, samples.value, noHoles, Math.max(from, first - 1), to, window, limits, noCodes);
  const curve = registerCurve(samples, from, to, terms);
  const codes = curve.events.filter(({ ts }) => ts > window.start && ts <= window.end).map(({ code }) => code);
  return addKnots(curve.ts, curve.total, curve.holes, 0, curve.ts.length, window, limits, codes);
};

const addKnots = (
  times: readonly number[],
  totals: readonly number[],
  holes: readonly boolean[],
  from: number,
  to: number,
  window: { readonly start: number; readonly end: number },
  limits: { readonly bridgeMs: number; readonly gapMs: number },
  codes: readonly MeterCode[],
): Counted => {
  let amount: number | null = 0;
  let goodMs = 0;
  let reached = window.start;
  for (let index = from + 1; index < to; index++) {
    const left = times[index - 1] ?? 0;
    const right = times[index] ?? 0;
    if (left >= window.end) break;
    const start = Math.max(left, window.start);
    const end = Math.min(right, window.end);
    if (end <= start) continue;
    const length = right - left;
    const hole = holes[index] === true || length > limits.bridgeMs;
    if (!hole && length <= limits.gapMs) goodMs += end - start;
    const part = (((totals[index] ?? 0) - (totals[index - 1] ?? 0)) * (end - start)) / length;
    amount = hole || amount === null || start > reached ? null : amount + part;
    reached = end;
  }
  return { amount: reached < window.end ? null : amount, goodMs, codes };
};
