import { chunkSubjects, numberOf } from "./column.ts";
import type { Tree } from "./tree.ts";

// What an expression can come to (reach.ts), over many subjects at once: a least and a greatest value per subject.

/** Least above greatest: always missing. Whether a value may be missing besides is not told. */
export interface Range {
  readonly low: Float64Array;
  readonly high: Float64Array;
}

/** For the first so many subjects; never too little. */
export type ReachRun = (count: number) => Range;

export const createRange = (low = Number.POSITIVE_INFINITY, high = Number.NEGATIVE_INFINITY): Range => ({
  low: new Float64Array(chunkSubjects).fill(low),
  high: new Float64Array(chunkSubjects).fill(high),
});
const least = Number.NEGATIVE_INFINITY;
const most = Number.POSITIVE_INFINITY;
/** Written by nobody. */
export const anyRange = createRange(least, most);
export const rangeOf = (value: number): Range => (Number.isNaN(value) ? createRange() : createRange(value, value));

// A run ends before another begins.
const registers: Range[] = [];
const registerOf = (index: number): Range => {
  const register = registers[index] ?? createRange();
  registers[index] = register;
  return register;
};

export interface ReachNames {
  readonly rangeOf: (name: string) => Range;
  /** What one name less another can come to where more is known of it than of the two apart. */
  readonly differenceOf: (left: string, right: string) => Range | null;
}

export const reachColumnOf = (tree: Tree, names: ReachNames, first = 0): ReachRun => {
  const of = (part: Tree, index: number): ReachRun => reachColumnOf(part, names, first + index);
  switch (tree.op) {
    case "constant":
      return fixed(rangeOf(numberOf(tree.value)));
    case "name":
      return fixed(names.rangeOf(tree.name));
    case "not":
      return applied([of(tree.of, 0)], first, notKernel);
    case "negative":
      return applied([of(tree.of, 0)], first, negativeKernel);
    case "if":
      return applied([of(tree.condition, 0), of(tree.yes, 1), of(tree.no, 2)], first, ifKernel);
    case "call":
      return applied(tree.args.map(of), first, callKernel(tree.by, tree.args.length));
    case "!=":
      return applied([reachColumnOf({ ...tree, op: "==" }, names, first)], first, notKernel);
    case ">":
    case ">=": {
      const op = tree.op === ">" ? "<" : "<=";
      return reachColumnOf({ ...tree, op, left: tree.right, right: tree.left }, names, first);
    }
    case "-": {
      const { left, right } = tree;
      const known = left.op === "name" && right.op === "name" ? names.differenceOf(left.name, right.name) : null;
      return known === null ? applied([of(left, 0), of(right, 1)], first, kernels["-"]) : fixed(known);
    }
    default:
      return applied([of(tree.left, 0), of(tree.right, 1)], first, kernels[tree.op]);
  }
};

const fixed =
  (range: Range): ReachRun =>
  () =>
    range;

type Kernel = (out: Range, x: Range, y: Range, z: Range, count: number) => void;

const applied = (runs: readonly ReachRun[], first: number, kernel: Kernel): ReachRun => {
  const [one = fixed(anyRange), two = null, three = null] = runs;
  return (count) => {
    const x = one(count);
    const y = two === null ? x : two(count);
    const z = three === null ? x : three(count);
    const out = registerOf(first);
    kernel(out, x, y, z, count);
    return out;
  };
};

const notKernel: Kernel = (out, x, _y, _z, count) => {
  for (let i = 0; i < count; i++) {
    const low = 1 - (x.high[i] ?? 0);
    out.high[i] = 1 - (x.low[i] ?? 0);
    out.low[i] = low;
  }
};
const negativeKernel: Kernel = (out, x, _y, _z, count) => {
  for (let i = 0; i < count; i++) {
    const low = -(x.high[i] ?? 0);
    out.high[i] = -(x.low[i] ?? 0);
    out.low[i] = low;
  }
};
const ifKernel: Kernel = (out, x, y, z, count) => {
  for (let i = 0; i < count; i++) {
    const from = x.low[i] ?? 0;
    const to = x.high[i] ?? 0;
    const isYes = from <= 1 && to >= 1;
    const isNo = from <= 0 && to >= 0;
    const low = isYes ? (y.low[i] ?? 0) : most;
    const high = isYes ? (y.high[i] ?? 0) : least;
    out.low[i] = isNo ? Math.min(low, z.low[i] ?? 0) : low;
    out.high[i] = isNo ? Math.max(high, z.high[i] ?? 0) : high;
  }
};
const isTrue = ({ low, high }: Range, i: number): boolean => low[i] === 1 && high[i] === 1;
export const mayBe = ({ low, high }: Range, i: number): boolean => (low[i] ?? 0) <= 1 && (high[i] ?? 0) >= 1;

// Of two ranges, `[a, b]` and `[c, d]`. Each loop is written out: one that calls its operator is several times as slow.
const kernels: Readonly<Record<"<" | "<=" | "==" | "+" | "-" | "*" | "/" | "and" | "or", Kernel>> = {
  "<": (out, x, y, _z, count) => {
    for (let i = 0; i < count; i++) {
      const a = x.low[i] ?? 0;
      const b = x.high[i] ?? 0;
      const c = y.low[i] ?? 0;
      const d = y.high[i] ?? 0;
      const isNothing = a > b || c > d;
      out.low[i] = isNothing ? most : b < c ? 1 : 0;
      out.high[i] = isNothing ? least : a < d ? 1 : 0;
    }
  },
  "<=": (out, x, y, _z, count) => {
    for (let i = 0; i < count; i++) {
      const a = x.low[i] ?? 0;
      const b = x.high[i] ?? 0;
      const c = y.low[i] ?? 0;
      const d = y.high[i] ?? 0;
      const isNothing = a > b || c > d;
      out.low[i] = isNothing ? most : b <= c ? 1 : 0;
      out.high[i] = isNothing ? least : a <= d ? 1 : 0;
    }
  },
  "==": (out, x, y, _z, count) => {
    for (let i = 0; i < count; i++) {
      const a = x.low[i] ?? 0;
      const b = x.high[i] ?? 0;
      const c = y.low[i] ?? 0;
      const d = y.high[i] ?? 0;
      const isNothing = a > b || c > d;
      out.low[i] = isNothing ? most : a === d && b === c ? 1 : 0;
      out.high[i] = isNothing ? least : a <= d && c <= b ? 1 : 0;
    }
  },
  "+": (out, x, y, _z, count) => {
    for (let i = 0; i < count; i++) put(out, i, (x.low[i] ?? 0) + (y.low[i] ?? 0), (x.high[i] ?? 0) + (y.high[i] ?? 0));
  },
  "-": (out, x, y, _z, count) => {
    for (let i = 0; i < count; i++) put(out, i, (x.low[i] ?? 0) - (y.high[i] ?? 0), (x.high[i] ?? 0) - (y.low[i] ?? 0));
  },
  "*": (out, x, y, _z, count) => {
    for (let i = 0; i < count; i++) {
      const a = x.low[i] ?? 0;
      const b = x.high[i] ?? 0;
      const c = y.low[i] ?? 0;
      const d = y.high[i] ?? 0;
      if (a > b || c > d) putNothing(out, i);
      else
        put(
          out,
          i,
          Math.min(Math.min(a * c, a * d), Math.min(b * c, b * d)),
          Math.max(Math.max(a * c, a * d), Math.max(b * c, b * d)),
        );
    }
  },
  "/": (out, x, y, _z, count) => {
    for (let i = 0; i < count; i++) {
      const a = x.low[i] ?? 0;
      const b = x.high[i] ?? 0;
      const c = y.low[i] ?? 0;
      const d = y.high[i] ?? 0;
      if (a > b || c > d) putNothing(out, i);
      else if (c <= 0 && d >= 0) put(out, i, least, most);
      else
        put(
          out,
          i,
          Math.min(Math.min(a / c, a / d), Math.min(b / c, b / d)),
          Math.max(Math.max(a / c, a / d), Math.max(b / c, b / d)),
        );
    }
  },
  and: (out, x, y, _z, count) => {
    for (let i = 0; i < count; i++)
      put(out, i, Number(isTrue(x, i) && isTrue(y, i)), Number(mayBe(x, i) && mayBe(y, i)));
  },
  or: (out, x, y, _z, count) => {
    for (let i = 0; i < count; i++)
      put(out, i, Number(isTrue(x, i) || isTrue(y, i)), Number(mayBe(x, i) || mayBe(y, i)));
  },
};

/** What is no number could be any. */
const put = ({ low, high }: Range, i: number, from: number, to: number): void => {
  low[i] = Number.isNaN(from) ? least : from;
  high[i] = Number.isNaN(to) ? most : to;
};
const putNothing = ({ low, high }: Range, i: number): void => {
  low[i] = most;
  high[i] = least;
};

const absKernel: Kernel = (out, x, _y, _z, count) => {
  for (let i = 0; i < count; i++) {
    const a = x.low[i] ?? 0;
    const b = x.high[i] ?? 0;
    if (a > b) putNothing(out, i);
    else put(out, i, a > 0 ? a : b < 0 ? -b : 0, Math.max(-a, b));
  }
};
const rootKernel: Kernel = (out, x, _y, _z, count) => {
  for (let i = 0; i < count; i++) {
    const a = x.low[i] ?? 0;
    const b = x.high[i] ?? 0;
    if (a > b || b < 0) putNothing(out, i);
    else put(out, i, Math.sqrt(Math.max(0, a)), Math.sqrt(b));
  }
};
const multipleKernel =
  (run: (x: number) => number): Kernel =>
  (out, x, _y, _z, count) => {
    for (let i = 0; i < count; i++) {
      const a = x.low[i] ?? 0;
      const b = x.high[i] ?? 0;
      if (a > b) putNothing(out, i);
      else put(out, i, Math.min(run(a), run(b)), Math.max(run(a), run(b)));
    }
  };
/** Of what is known exactly; anything else can come to anything. */
const exactKernel =
  (run: (...values: number[]) => number, arity: number): Kernel =>
  (out, x, y, z, count) => {
    for (let i = 0; i < count; i++) {
      const a = x.low[i] ?? 0;
      const b = y.low[i] ?? 0;
      const c = z.low[i] ?? 0;
      const isExact = a === x.high[i] && (arity < 2 || b === y.high[i]) && (arity < 3 || c === z.high[i]);
      const value = isExact ? (arity < 2 ? run(a) : arity < 3 ? run(a, b) : run(a, b, c)) : Number.NaN;
      put(out, i, value, value);
    }
  };
const extremeKernel =
  (run: (...values: number[]) => number, arity: number): Kernel =>
  (out, x, y, z, count) => {
    const last = arity < 3 ? y : z;
    for (let i = 0; i < count; i++) {
      const isNothing =
        (x.low[i] ?? 0) > (x.high[i] ?? 0) ||
        (y.low[i] ?? 0) > (y.high[i] ?? 0) ||
        (last.low[i] ?? 0) > (last.high[i] ?? 0);
      if (isNothing) putNothing(out, i);
      else
        put(
          out,
          i,
          run(run(x.low[i] ?? 0, y.low[i] ?? 0), last.low[i] ?? 0),
          run(run(x.high[i] ?? 0, y.high[i] ?? 0), last.high[i] ?? 0),
        );
    }
  };

const callKernel = (
  { run, isTotal }: { readonly run: (...values: number[]) => number; readonly isTotal: boolean },
  arity: number,
): Kernel => {
  if (run === Math.max || run === Math.min) return extremeKernel(run, arity);
  if (run === Math.abs) return absKernel;
  if (run === Math.sqrt) return rootKernel;
  // All the others of one number are multiples of it: units.
  return isTotal && arity === 1 ? multipleKernel(run) : exactKernel(run, arity);
};
