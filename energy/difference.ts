import type { Account } from "./account.ts";

/** One figure that two revisions of an account tell differently; absent on a side is null there. */
export interface Change {
  /** Names from the account down, joined by a dot: `nodes.grid.forwardWh`. */
  readonly path: string;
  readonly before: string | number | boolean | null;
  readonly after: string | number | boolean | null;
}

// Windows accounted from memory and again from the store differ in the last bits; a millionth is no restatement.
const rounded = (value: number): number => Number((Math.round(value * 1e6) / 1e6).toPrecision(10));

// What names an account's making is no figure of it.
const names = new Set(["revision", "data"]);

type Leaf = Change["before"];

const walk = (before: unknown, after: unknown, path: string, changes: Change[]): void => {
  if (isMap(before) || isMap(after)) {
    const a = isMap(before) ? before : {};
    const b = isMap(after) ? after : {};
    for (const key of new Set([...Object.keys(a), ...Object.keys(b)])) {
      if (path === "" && names.has(key)) continue;
      const inner = path === "" ? key : `${path}.${key}`;
      walk(Object.hasOwn(a, key) ? a[key] : null, Object.hasOwn(b, key) ? b[key] : null, inner, changes);
    }
    return;
  }
  const [a, b] = [leafOf(before), leafOf(after)];
  const equal = typeof a === "number" && typeof b === "number" ? rounded(a) === rounded(b) : a === b;
  if (!equal) changes.push({ path, before: a, after: b });
};

const isMap = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Lists are sets of words here (flags, factors): their order says nothing. */
const leafOf = (value: unknown): Leaf => {
  if (Array.isArray(value))
    return value
      .map((item) => (isMap(item) ? JSON.stringify(item) : String(item)))
      .sort()
      .join(" ");
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean" ? value : null;
};

/** Every figure in which two accounts of one window differ by more than a millionth; none when they say the same. */
export const accountChanges = (before: Account, after: Account): readonly Change[] => {
  const changes: Change[] = [];
  walk(before, after, "", changes);
  return changes;
};
