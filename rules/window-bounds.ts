import type { Field, Ring } from "./bank.ts";
import { chunkSubjects } from "./column.ts";
import type { Range } from "./reach-columns.ts";
import type { RuleWindow } from "./rule.ts";

// What a window can come to while some minutes pass, by the slices that it holds and by what the minutes can bring:
//
//   ring  x x x x x x x x x ┊ ? ? ? ?        edge: in the window at first, then not; or the other way round
//         └ edge ┘└─ core ──┘ └ new ┘        core: in it at each of the minutes

/** The minutes that pass: their first and last slot, and how many they are. */
export interface Passing {
  readonly first: number;
  readonly last: number;
  readonly minutes: number;
}

type Shape = Pick<RuleWindow, "how" | "least">;
type Span = readonly [from: number, to: number];

// Sums are added up in another order here.
const rounding = 1e-9;
const minuteMs = 60_000;
const numbers = (): Float64Array => new Float64Array(chunkSubjects);
const [low, high, coreLow, coreHigh] = [numbers(), numbers(), numbers(), numbers()];
const [differences, edgeLow, edgeHigh] = [numbers(), numbers(), numbers()];
const [coreSum, coreCount, edgeCount] = [numbers(), numbers(), numbers()];

/** Into `out`, for subjects `[from, from + count)`; `fresh` is what one minute can bring each. */
export const boundWindow = (
  ring: Ring,
  { how, least }: Shape,
  passing: Passing,
  fresh: Range,
  { from, count }: { readonly from: number; readonly count: number },
  out: Range,
): void => {
  const { width, slices, isFine } = ring;
  const { held, core } = spansOf(ring, passing, how === "previous");
  const needed = neededSlices(slices, least);
  const [lower, upper] = fieldsOf(how);
  for (let i = 0; i < count; i++) {
    low[i] = fresh.low[i] ?? 0;
    high[i] = fresh.high[i] ?? 0;
  }
  const isMean = !isFine && (how === "mean" || how === "quantile" || how === "previous");
  spread(ring, isMean ? "mean" : lower, isMean ? "mean" : upper, held, from, count, low, high);
  if (how === "min" || how === "max" || how === "range") {
    coreLow.fill(Number.POSITIVE_INFINITY, 0, count);
    coreHigh.fill(Number.NEGATIVE_INFINITY, 0, count);
    spread(ring, lower, upper, core, from, count, coreLow, coreHigh);
  }
  if (how === "sum" || how === "count") {
    addUp(ring, { held, core }, from, count);
    const [minutes, each] = [isFine ? Math.min(passing.minutes, slices) : passing.minutes, isFine ? slices : null];
    for (let i = 0; i < count; i++) {
      const a = fresh.low[i] ?? 0;
      const b = fresh.high[i] ?? 0;
      const least = low[i] ?? 0;
      const most = high[i] ?? 0;
      let start = (edgeLow[i] ?? 0) + Math.min(0, minutes * a);
      let end = (edgeHigh[i] ?? 0) + Math.max(0, minutes * b);
      if (each !== null) {
        start = Math.max(start, (least < 0 ? each : needed) * least);
        end = Math.min(end, (most > 0 ? each : needed) * most);
      }
      const slack = rounding * (slices + minutes) * Math.max(Math.abs(least), Math.abs(most));
      putRange(out, i, least > most ? 1 : start - slack, least > most ? 0 : end + slack);
    }
    return;
  }
  if (how === "mean" && core[0] <= core[1]) {
    boundMean(ring, { held, core }, isFine ? Math.min(passing.minutes, slices) : passing.minutes, from, count);
  }
  const perSlice = width / minuteMs;
  for (let i = 0; i < count; i++) {
    const a = low[i] ?? 0;
    const b = high[i] ?? 0;
    const slack = rounding * Math.max(Math.abs(a), Math.abs(b));
    if (a > b) putRange(out, i, 1, 0);
    else if (how === "min") putRange(out, i, a, Math.min(b, coreLow[i] ?? 0));
    else if (how === "max") putRange(out, i, Math.max(a, coreHigh[i] ?? 0), b);
    else if (how === "range") putRange(out, i, Math.max(0, (coreHigh[i] ?? 0) - (coreLow[i] ?? 0)), b - a);
    else if (how === "rate") {
      const most = (b - a + slack) / (Math.max(1, needed - 1) * perSlice);
      putRange(out, i, -most - slack, most + slack);
    } else putRange(out, i, a - slack, b + slack);
  }
};

/** Narrows `low` and `high`: what stays in the window outweighs what comes and goes. */
const boundMean = (
  ring: Ring,
  { held, core }: { readonly held: Span; readonly core: Span },
  minutes: number,
  from: number,
  count: number,
): void => {
  const sums = ring.column("sum");
  const counts = ring.isFine ? undefined : ring.column("count");
  if (sums === undefined) return;
  for (const one of [coreSum, coreCount, edgeCount]) one.fill(0, 0, count);
  for (let slot = held[0]; slot <= held[1]; slot++) {
    const row = ring.rowOf(slot) + from;
    const isCore = slot >= core[0] && slot <= core[1];
    if (isCore) addRow(sums, row, count, coreSum, edgeLow);
    countRow(counts ?? null, sums, row, count, isCore ? coreCount : edgeCount);
  }
  for (let i = 0; i < count; i++) {
    const known = coreCount[i] ?? 0;
    if (known === 0) continue;
    const others = (edgeCount[i] ?? 0) + minutes;
    const sum = coreSum[i] ?? 0;
    low[i] = (sum + others * Math.min(low[i] ?? 0, sum / known)) / (known + others);
    high[i] = (sum + others * Math.max(high[i] ?? 0, sum / known)) / (known + others);
  }
};
const countRow = (
  counts: Float64Array | null,
  sums: Float64Array,
  row: number,
  count: number,
  into: Float64Array,
): void => {
  for (let i = 0; i < count; i++) {
    const value = sums[row + i] ?? 0;
    if (value - value === 0) into[i] = (into[i] ?? 0) + (counts === null ? 1 : (counts[row + i] ?? 0));
  }
};

/** One window's sum less another's of the same slices; `fresh` is what one minute can bring of the difference. */
export const boundDifference = (
  [left, right]: readonly [Ring, Ring],
  passing: Passing,
  { difference, sizes }: { readonly difference: Range; readonly sizes: readonly [Range, Range] },
  { from, count }: { readonly from: number; readonly count: number },
  out: Range,
): void => {
  const { slices, isFine } = left;
  const spans = spansOf(left, passing, false);
  if (!(left.newest() === right.newest() || (Number.isNaN(left.newest()) && Number.isNaN(right.newest())))) {
    out.low.fill(Number.NEGATIVE_INFINITY, 0, count);
    out.high.fill(Number.POSITIVE_INFINITY, 0, count);
    return;
  }
  // The greatest sizes, for the rounding; and of the differences, a slot without a value being none.
  coreLow.fill(0, 0, count);
  coreHigh.fill(0, 0, count);
  for (const ring of [left, right]) spread(ring, "sum", "sum", spans.held, from, count, coreLow, coreHigh);
  addDifferences([left, right], spans, from, count);
  const minutes = isFine ? Math.min(passing.minutes, slices) : passing.minutes;
  for (let i = 0; i < count; i++) {
    const a = Math.min(0, difference.low[i] ?? 0);
    const b = Math.max(0, difference.high[i] ?? 0);
    let start = (edgeLow[i] ?? 0) + minutes * a;
    let end = (edgeHigh[i] ?? 0) + minutes * b;
    if (isFine) {
      start = Math.max(start, slices * Math.min(a, low[i] ?? 0));
      end = Math.min(end, slices * Math.max(b, high[i] ?? 0));
    }
    let size = Math.max(-(coreLow[i] ?? 0), coreHigh[i] ?? 0);
    for (const one of sizes) size = Math.max(size, -(one.low[i] ?? 0), one.high[i] ?? 0);
    const slack = 2 * rounding * (slices + minutes) * size;
    putRange(out, i, start - slack, end + slack);
  }
};

const putRange = (out: Range, i: number, from: number, to: number): void => {
  const isNothing = from > to;
  out.low[i] = isNothing ? Number.POSITIVE_INFINITY : Number.isNaN(from) ? Number.NEGATIVE_INFINITY : from;
  out.high[i] = isNothing ? Number.NEGATIVE_INFINITY : Number.isNaN(to) ? Number.POSITIVE_INFINITY : to;
};

/** The fewest slices of which a window has a value. */
const neededSlices = (slices: number, least: number): number => {
  let needed = Math.max(1, Math.floor(least * slices) - 1);
  while (needed < slices && needed / slices < least) needed++;
  return needed;
};

const fieldsOf = (how: Shape["how"]): readonly [Field, Field] => {
  if (how === "range") return ["min", "max"];
  if (how === "rate") return ["first", "last"];
  return how === "min" || how === "max" ? [how, how] : ["sum", "sum"];
};

/** The slots that were ever in the window of these minutes, and those that are in it at each of them. */
const spansOf = (ring: Ring, { first, last }: Passing, isWhole: boolean): { held: Span; core: Span } => {
  const { slices, agoSlices, rows } = ring;
  const newest = ring.newest();
  const oldest = newest - rows + 1;
  const begun = isWhole ? oldest : Math.max(oldest, first - agoSlices - slices + 1);
  if (Number.isNaN(newest)) return { held: [0, -1], core: [0, -1] };
  return {
    held: [begun, newest],
    core: [Math.max(begun, last - agoSlices - slices + 1), Math.min(newest, first - agoSlices)],
  };
};

const spread = (
  ring: Ring,
  lower: Field | "mean",
  upper: Field | "mean",
  [start, end]: Span,
  from: number,
  count: number,
  lowest: Float64Array,
  highest: Float64Array,
): void => {
  const below = ring.column(lower === "mean" ? "sum" : lower);
  const above = ring.column(upper === "mean" ? "sum" : upper);
  const counts = lower === "mean" ? ring.column("count") : undefined;
  if (below === undefined || above === undefined) return;
  for (let slot = start; slot <= end; slot++) {
    const row = ring.rowOf(slot) + from;
    if (counts !== undefined) {
      spreadMeans(below, counts, row, count, lowest, highest);
      continue;
    }
    spreadRow(below, row, count, lowest, highest);
    if (above !== below) spreadRow(above, row, count, lowest, highest);
  }
};

const spreadRow = (
  data: Float64Array,
  row: number,
  count: number,
  lowest: Float64Array,
  highest: Float64Array,
): void => {
  for (let i = 0; i < count; i++) {
    const value = data[row + i] ?? 0;
    if (value < (lowest[i] ?? 0)) lowest[i] = value;
    if (value > (highest[i] ?? 0)) highest[i] = value;
  }
};
const spreadMeans = (
  sums: Float64Array,
  counts: Float64Array,
  row: number,
  count: number,
  lowest: Float64Array,
  highest: Float64Array,
): void => {
  for (let i = 0; i < count; i++) {
    const value = (sums[row + i] ?? 0) / (counts[row + i] ?? 0);
    if (value < (lowest[i] ?? 0)) lowest[i] = value;
    if (value > (highest[i] ?? 0)) highest[i] = value;
  }
};

/** What the held slices bring to a sum at least and at most: those of the core always, those at the edge or not. */
const addUp = (ring: Ring, { held, core }: { held: Span; core: Span }, from: number, count: number): void => {
  edgeLow.fill(0, 0, count);
  edgeHigh.fill(0, 0, count);
  const data = ring.column("sum");
  if (data === undefined) return;
  for (let slot = held[0]; slot <= held[1]; slot++) {
    const row = ring.rowOf(slot) + from;
    if (slot >= core[0] && slot <= core[1]) addRow(data, row, count, edgeLow, edgeHigh);
    else addEdge(data, row, count, edgeLow, edgeHigh);
  }
};
const addRow = (data: Float64Array, row: number, count: number, least: Float64Array, most: Float64Array): void => {
  for (let i = 0; i < count; i++) {
    const value = data[row + i] ?? 0;
    if (value - value !== 0) continue;
    least[i] = (least[i] ?? 0) + value;
    most[i] = (most[i] ?? 0) + value;
  }
};
const addEdge = (data: Float64Array, row: number, count: number, least: Float64Array, most: Float64Array): void => {
  for (let i = 0; i < count; i++) {
    const value = data[row + i] ?? 0;
    if (value < 0) least[i] = (least[i] ?? 0) + value;
    else if (value > 0) most[i] = (most[i] ?? 0) + value;
  }
};

/** The same of one ring less another, and the least and the greatest difference of a slot. */
const addDifferences = (
  [left, right]: readonly [Ring, Ring],
  { held, core }: { held: Span; core: Span },
  from: number,
  count: number,
): void => {
  for (const one of [edgeLow, edgeHigh, low, high]) one.fill(0, 0, count);
  const lefts = left.column("sum");
  const rights = right.column("sum");
  for (let slot = held[0]; slot <= held[1]; slot++) {
    const row = left.rowOf(slot) + from;
    differRow(lefts ?? missing(row + count), rights ?? missing(row + count), row, count);
    spreadRow(differences, 0, count, low, high);
    if (slot >= core[0] && slot <= core[1]) addRow(differences, 0, count, edgeLow, edgeHigh);
    else addEdge(differences, 0, count, edgeLow, edgeHigh);
  }
};
const differRow = (lefts: Float64Array, rights: Float64Array, row: number, count: number): void => {
  for (let i = 0; i < count; i++) {
    const left = lefts[row + i] ?? 0;
    const right = rights[row + i] ?? 0;
    differences[i] = (left - left === 0 ? left : 0) - (right - right === 0 ? right : 0);
  }
};
const missing = (length: number): Float64Array => new Float64Array(length);
