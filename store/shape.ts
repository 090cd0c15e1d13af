import type { Json } from "./ledger.ts";

/** A row of a table apart from its numbers. */
export interface Shape {
  /** The row with 0 for each number and each null. */
  readonly skeleton: Json;
  readonly part: Part;
  /** Where its numbers and nulls stand, in their order; each path as JSON. */
  readonly slots: readonly string[];
}

/** `keys` of an object, null of an array; `fixed` of a string or a truth. All null: a number or null. */
interface Part {
  readonly fixed: string | boolean | null;
  readonly keys: readonly string[] | null;
  readonly parts: readonly Part[] | null;
  /** None of the keys means something of its own to an object. */
  readonly isOrdinary: boolean;
}

const slot: Part = { fixed: null, keys: null, parts: null, isOrdinary: true };

export const isPlain = (value: unknown): value is Record<string, unknown> => {
  if (typeof value !== "object" || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
};

/** Sets a key of any name. */
export const setKey = (target: Record<string, unknown>, key: string, value: unknown): void => {
  if (key === "__proto__")
    Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true });
  else target[key] = value;
};

/** What JSON would keep of a value, with 0 for each number and each null; undefined for what it would keep in a way of its own. */
const skeletonOf = (value: unknown): Json | undefined => {
  if (typeof value === "number" || value === null) return 0;
  if (typeof value === "string" || typeof value === "boolean") return value;
  if (Array.isArray(value)) {
    const items = Array.from(value, (item: unknown) => (item === undefined ? 0 : skeletonOf(item)));
    return items.some((item) => item === undefined) ? undefined : (items as readonly Json[]);
  }
  if (!isPlain(value)) return undefined;
  const skeleton: Record<string, Json> = {};
  for (const key of Object.keys(value)) {
    if (value[key] === undefined) continue;
    const one = skeletonOf(value[key]);
    if (one === undefined) return undefined;
    setKey(skeleton, key, one);
  }
  return skeleton;
};

export const shapeOf = (skeleton: Json): Shape => {
  const slots: string[] = [];
  const partOf = (value: Json, path: readonly string[]): Part => {
    if (typeof value === "string" || typeof value === "boolean") return { ...slot, fixed: value };
    if (typeof value !== "object" || value === null) {
      slots.push(JSON.stringify(path));
      return slot;
    }
    const entries: readonly (readonly [string, Json])[] = Object.entries(value);
    const parts = entries.map(([key, one]) => partOf(one, [...path, key]));
    const keys = Array.isArray(value) ? null : entries.map(([key]) => key);
    return { fixed: null, keys, parts, isOrdinary: !entries.some(([key]) => key === "__proto__") };
  };
  return { skeleton, part: partOf(skeleton, []), slots };
};

/** Tells rows apart by their shapes, each known by one object; null for a row that JSON would keep in a way of its own. */
export const createShapes = (most = 1000): ((row: unknown) => Shape | null) => {
  const known = new Map<string, Shape>();
  return (row) => {
    const skeleton = isPlain(row) ? skeletonOf(row) : undefined;
    if (skeleton === undefined) return null;
    const text = JSON.stringify(skeleton);
    const shape = known.get(text) ?? shapeOf(skeleton);
    if (known.size >= most) known.clear();
    known.set(text, shape);
    return shape;
  };
};

let at = 0;

/** Whether a row is of a shape; if so its numbers are in `into`, NaN for null. */
export const readRow = (shape: Shape, row: unknown, into: Float64Array): boolean => {
  at = 0;
  return readPart(shape.part, row, into);
};

const readPart = (part: Part, value: unknown, into: Float64Array): boolean => {
  const { keys, parts } = part;
  if (typeof value === "number") {
    if (part !== slot) return false;
    // JSON knows neither -0 nor what is not finite.
    into[at++] = value - value === 0 ? value + 0 : Number.NaN;
    return true;
  }
  if (value === null) {
    into[at++] = Number.NaN;
    return part === slot;
  }
  if (parts === null) return part !== slot && part.fixed === value;
  if (keys === null) {
    if (!Array.isArray(value) || value.length !== parts.length) return false;
    for (let i = 0; i < parts.length; i++) if (!readPart(parts[i] ?? slot, value[i] ?? null, into)) return false;
    return true;
  }
  if (!isPlain(value)) return false;
  let next = 0;
  for (const key in value) {
    const own = value[key];
    if (own === undefined) continue;
    if (keys[next] !== key || !readPart(parts[next] ?? slot, own, into)) return false;
    next++;
  }
  return next === keys.length;
};

/** A row of a shape with numbers that are given in their order, NaN for null. */
export const writeRow = (shape: Shape, next: () => number): Json => writePart(shape.part, shape.skeleton, next);

const writePart = (part: Part, skeleton: Json, next: () => number): Json => {
  const { keys, parts } = part;
  if (part === slot) {
    const value = next();
    return Number.isNaN(value) ? null : value;
  }
  if (parts === null) return skeleton;
  if (keys === null) return parts.map((one, index) => writePart(one, (skeleton as readonly Json[])[index] ?? 0, next));
  // A copy has the keys in their order at once.
  const known = skeleton as Record<string, Json>;
  const row: Record<string, Json> = { ...known };
  for (let i = 0; i < parts.length; i++) {
    const [one = slot, key = ""] = [parts[i], keys[i]];
    if (one.fixed !== null) continue;
    const value = writePart(one, known[key] ?? 0, next);
    if (part.isOrdinary) row[key] = value;
    else setKey(row, key, value);
  }
  return row;
};
