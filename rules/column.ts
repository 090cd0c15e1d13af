import type { Tree } from "./tree.ts";

// One expression over many subjects at once. A number or a truth (1, 0) per subject, NaN where it is missing; a text is
// its number in a book. What is one for all subjects is worked out once.

/** Values of one name: `isOne` has `one` for everybody, else subject i of a run has `data[base + i]`. */
export interface Operand {
  data: Float64Array;
  base: number;
  isOne: boolean;
  one: number;
}

/** So many subjects go through an expression together: their values stay in the first cache. */
export const chunkSubjects = 1024;

export type ColumnRun = (count: number) => Operand;

export const operandOf = (one: number): Operand => ({ data: none, base: 0, isOne: true, one });
const none = new Float64Array(0);

// All sites share them: a run ends before another begins.
const registers: Float64Array[] = [];
export const registerOf = (index: number): Float64Array => {
  let register = registers[index];
  if (register === undefined) {
    register = new Float64Array(chunkSubjects);
    registers[index] = register;
  }
  return register;
};

const texts = new Map<string, number>();
export const numberOfText = (text: string): number => {
  let number = texts.get(text);
  if (number === undefined) {
    number = texts.size;
    texts.set(text, number);
  }
  return number;
};

/** The value of a fact as it stands in a column. */
export const numberOf = (value: number | boolean | string | null | undefined): number => {
  if (typeof value === "number") return value;
  if (value === null || value === undefined) return Number.NaN;
  return typeof value === "boolean" ? Number(value) : numberOfText(value);
};

/**
 * Whether NaN can only be a missing value in it. What is not a number by arithmetic (0/0) would compare as false where
 * it is judged one by one, and as not known here.
 */
export const isPlain = (tree: Tree): boolean =>
  partsOf(tree).length <= mostParts && partsOf(tree).every(isPlain) && decidersOf(tree).every(isTotal);

const mostParts = 3;

const isTotal = (tree: Tree): boolean => {
  if (tree.op === "/" && !(tree.right.op === "constant" && tree.right.value !== 0)) return false;
  return !(tree.op === "call" && !tree.by.isTotal) && partsOf(tree).every(isTotal);
};

/** The parts whose value decides something. */
const decidersOf = (tree: Tree): readonly Tree[] => {
  if (tree.kind === "truth" && tree.op !== "if") return partsOf(tree);
  return tree.op === "if" ? [tree.condition] : [];
};

const partsOf = (tree: Tree): readonly Tree[] => {
  switch (tree.op) {
    case "constant":
    case "name":
      return [];
    case "not":
    case "negative":
      return [tree.of];
    case "if":
      return [tree.condition, tree.yes, tree.no];
    case "call":
      return tree.args;
    default:
      return [tree.left, tree.right];
  }
};

/** Compiles a tree; `first` is the first register that it may use. */
export const columnOf = (tree: Tree, nameOf: (name: string) => Operand, first: number): ColumnRun => {
  switch (tree.op) {
    case "constant": {
      const constant = operandOf(numberOf(tree.value));
      return () => constant;
    }
    case "name": {
      const operand = nameOf(tree.name);
      return () => operand;
    }
    case "not":
      return applied([tree.of], nameOf, first, notKernel);
    case "negative":
      return applied([tree.of], nameOf, first, negativeKernel);
    case "if":
      return applied([tree.condition, tree.yes, tree.no], nameOf, first, ifKernel);
    case "call":
      return applied(tree.args, nameOf, first, callKernel(tree.by.run, tree.args.length));
    default:
      return applied([tree.left, tree.right], nameOf, first, kernels[tree.op]);
  }
};

/** Up to three operands, each with the place of the first subject. */
type Kernel = (
  out: Float64Array,
  x: Float64Array,
  xAt: number,
  y: Float64Array,
  yAt: number,
  z: Float64Array,
  zAt: number,
  count: number,
) => void;

const single = new Float64Array(1);
const missing = operandOf(Number.NaN);

const applied = (
  trees: readonly Tree[],
  nameOf: (name: string) => Operand,
  first: number,
  kernel: Kernel,
): ColumnRun => {
  const runs = trees.map((tree, index) => columnOf(tree, nameOf, first + index));
  const result = operandOf(Number.NaN);
  const wide = trees.map(() => operandOf(Number.NaN));
  const args: Operand[] = trees.map(() => missing);
  return (count) => {
    let isOne = true;
    for (let index = 0; index < runs.length; index++) {
      const operand = runs[index]?.(count) ?? missing;
      args[index] = operand;
      isOne &&= operand.isOne;
    }
    for (let index = 0; index < runs.length; index++) {
      const operand = args[index] ?? missing;
      const filled = wide[index] ?? missing;
      if (!operand.isOne) continue;
      // What gave the same for all has left its register unused.
      filled.data = registerOf(first + index).fill(operand.one, 0, isOne ? 1 : count);
      args[index] = filled;
    }
    const [x = missing, y = missing, z = missing] = args;
    if (!isOne) result.data = registerOf(first);
    const out = isOne ? single : result.data;
    kernel(out, x.data, x.base, y.data, y.base, z.data, z.base, isOne ? 1 : count);
    result.isOne = isOne;
    if (isOne) result.one = single[0] ?? Number.NaN;
    return result;
  };
};

const notKernel: Kernel = (out, x, xAt, _y, _yAt, _z, _zAt, count) => {
  for (let i = 0; i < count; i++) out[i] = 1 - (x[xAt + i] ?? 0);
};
const negativeKernel: Kernel = (out, x, xAt, _y, _yAt, _z, _zAt, count) => {
  for (let i = 0; i < count; i++) out[i] = -(x[xAt + i] ?? 0);
};
const ifKernel: Kernel = (out, x, xAt, y, yAt, z, zAt, count) => {
  for (let i = 0; i < count; i++) {
    const is = x[xAt + i] ?? 0;
    out[i] = is === 1 ? (y[yAt + i] ?? 0) : is === 0 ? (z[zAt + i] ?? 0) : Number.NaN;
  }
};

// Each loop is written out: one that calls its operator is several times as slow.
const kernels: Readonly<Record<Exclude<Tree["op"], "constant" | "name" | "not" | "negative" | "if" | "call">, Kernel>> =
  {
    "<": (out, x, xAt, y, yAt, _z, _zAt, count) => {
      for (let i = 0; i < count; i++) {
        const a = x[xAt + i] ?? 0;
        const b = y[yAt + i] ?? 0;
        out[i] = a < b ? 1 : a >= b ? 0 : Number.NaN;
      }
    },
    "<=": (out, x, xAt, y, yAt, _z, _zAt, count) => {
      for (let i = 0; i < count; i++) {
        const a = x[xAt + i] ?? 0;
        const b = y[yAt + i] ?? 0;
        out[i] = a <= b ? 1 : a > b ? 0 : Number.NaN;
      }
    },
    ">": (out, x, xAt, y, yAt, _z, _zAt, count) => {
      for (let i = 0; i < count; i++) {
        const a = x[xAt + i] ?? 0;
        const b = y[yAt + i] ?? 0;
        out[i] = a > b ? 1 : a <= b ? 0 : Number.NaN;
      }
    },
    ">=": (out, x, xAt, y, yAt, _z, _zAt, count) => {
      for (let i = 0; i < count; i++) {
        const a = x[xAt + i] ?? 0;
        const b = y[yAt + i] ?? 0;
        out[i] = a >= b ? 1 : a < b ? 0 : Number.NaN;
      }
    },
    "==": (out, x, xAt, y, yAt, _z, _zAt, count) => {
      for (let i = 0; i < count; i++) {
        const a = x[xAt + i] ?? 0;
        const b = y[yAt + i] ?? 0;
        out[i] = a === b ? 1 : a < b || a > b ? 0 : Number.NaN;
      }
    },
    "!=": (out, x, xAt, y, yAt, _z, _zAt, count) => {
      for (let i = 0; i < count; i++) {
        const a = x[xAt + i] ?? 0;
        const b = y[yAt + i] ?? 0;
        out[i] = a === b ? 0 : a < b || a > b ? 1 : Number.NaN;
      }
    },
    "+": (out, x, xAt, y, yAt, _z, _zAt, count) => {
      for (let i = 0; i < count; i++) {
        const a = x[xAt + i] ?? 0;
        const b = y[yAt + i] ?? 0;
        out[i] = a + b;
      }
    },
    "-": (out, x, xAt, y, yAt, _z, _zAt, count) => {
      for (let i = 0; i < count; i++) {
        const a = x[xAt + i] ?? 0;
        const b = y[yAt + i] ?? 0;
        out[i] = a - b;
      }
    },
    "*": (out, x, xAt, y, yAt, _z, _zAt, count) => {
      for (let i = 0; i < count; i++) {
        const a = x[xAt + i] ?? 0;
        const b = y[yAt + i] ?? 0;
        out[i] = a * b;
      }
    },
    "/": (out, x, xAt, y, yAt, _z, _zAt, count) => {
      for (let i = 0; i < count; i++) {
        const a = x[xAt + i] ?? 0;
        const b = y[yAt + i] ?? 0;
        out[i] = a / b;
      }
    },
    and: (out, x, xAt, y, yAt, _z, _zAt, count) => {
      for (let i = 0; i < count; i++) {
        const a = x[xAt + i] ?? 0;
        const b = y[yAt + i] ?? 0;
        out[i] = a === 0 || b === 0 ? 0 : a === 1 && b === 1 ? 1 : Number.NaN;
      }
    },
    or: (out, x, xAt, y, yAt, _z, _zAt, count) => {
      for (let i = 0; i < count; i++) {
        const a = x[xAt + i] ?? 0;
        const b = y[yAt + i] ?? 0;
        out[i] = a === 1 || b === 1 ? 1 : a === 0 && b === 0 ? 0 : Number.NaN;
      }
    },
  };

const callKernel = (run: (...values: number[]) => number, arity: number): Kernel => {
  if (arity === 1 && run === Math.abs)
    return (out, x, xAt, _y, _yAt, _z, _zAt, count) => {
      for (let i = 0; i < count; i++) out[i] = Math.abs(x[xAt + i] ?? 0);
    };
  if (arity === 1)
    return (out, x, xAt, _y, _yAt, _z, _zAt, count) => {
      for (let i = 0; i < count; i++) out[i] = run(x[xAt + i] ?? 0);
    };
  if (arity === 2)
    return (out, x, xAt, y, yAt, _z, _zAt, count) => {
      for (let i = 0; i < count; i++) out[i] = run(x[xAt + i] ?? 0, y[yAt + i] ?? 0);
    };
  return (out, x, xAt, y, yAt, z, zAt, count) => {
    for (let i = 0; i < count; i++) out[i] = run(x[xAt + i] ?? 0, y[yAt + i] ?? 0, z[zAt + i] ?? 0);
  };
};
