import { isAlias, isMap, isScalar, isSeq, LineCounter, type Pair, parseDocument } from "yaml";
import type { Plain } from "./plain-yaml.ts";

/** Something wrong in a file that a person wrote: where, and what was expected. */
export interface Fault {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

/** One value of a YAML file with its place and its path (`nodes[2].points[0].sign`). */
export interface Field {
  readonly node: unknown;
  readonly path: string;
}

export interface Fields {
  /** The value of a key; null when the key is absent. */
  readonly get: (key: string) => Field | null;
  /** The mapping itself, to point at when a key is missing. */
  readonly self: Field;
}

export interface Reader {
  readonly faults: Fault[];
  readonly root: Field;
  readonly fault: (at: Field, message: string) => void;
  readonly isMap: (at: Field) => boolean;
  readonly isList: (at: Field) => boolean;
  readonly map: (at: Field, keys: readonly string[]) => Fields | null;
  /** The keys of a mapping as written; none for anything else. */
  readonly keys: (at: Field) => readonly string[];
  readonly list: (at: Field) => readonly Field[] | null;
  readonly text: (at: Field) => string | null;
  readonly number: (at: Field, range: NumberRange) => number | null;
  readonly choice: <Value extends string | number>(at: Field, values: readonly Value[]) => Value | null;
  /** `key: null` and `key:` say "there is none". */
  readonly isNone: (at: Field) => boolean;
  readonly required: <Value>(fields: Fields, key: string, read: (at: Field) => Value | null) => Value | null;
  readonly optional: <Value>(fields: Fields, key: string, otherwise: Value, read: (at: Field) => Value | null) => Value;
}

export interface NumberRange {
  readonly min?: number;
  readonly max?: number;
  readonly above?: number;
  readonly whole?: true;
}

const quoteLimit = 60;
/** The offending value, quoted and bounded. */
export const quote = (value: unknown): string => {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > quoteLimit ? `${text.slice(0, quoteLimit)}…` : text;
};

const expectation = ({ min, max, above, whole }: NumberRange): string => {
  const kind = whole ? "a whole number" : "a number";
  if (above !== undefined) return `${kind} above ${above}${max === undefined ? "" : ` and at most ${max}`}`;
  if (min !== undefined && max !== undefined) return `${kind} from ${min} to ${max}`;
  return min === undefined ? kind : `${kind} of at least ${min}`;
};

const oneOf = (values: readonly (string | number)[]): string => values.map((value) => JSON.stringify(value)).join(", ");

/** What the parsed text is made of; a reader needs no more of it. */
interface Tree {
  readonly root: unknown;
  readonly faults: Fault[];
  /** 1-based place of a node. */
  readonly place: (node: unknown) => { readonly line: number; readonly column: number };
  readonly isScalar: (node: unknown) => boolean;
  /** The value of a scalar, a word for a collection. */
  readonly plain: (node: unknown) => unknown;
  /** Null when the node is no mapping. */
  readonly pairs: (
    node: unknown,
  ) => readonly { readonly name: string; readonly key: unknown; readonly value: unknown }[] | null;
  /** Null when the node is no list. */
  readonly items: (node: unknown) => readonly unknown[] | null;
}

const writtenTree = (text: string, file: string): Tree => {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const placeOf = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return { line, column: col };
  };
  const resolve = (node: unknown): unknown => (isAlias(node) ? node.resolve(document) : node);
  const plain = (node: unknown): unknown => {
    if (isScalar(node)) return node.value;
    if (isMap(node)) return "a mapping";
    return isSeq(node) ? "a list" : node;
  };
  return {
    root: document.contents,
    faults: document.errors.map((error) => ({
      file,
      ...placeOf(error.pos[0]),
      message: `not valid YAML: ${error.message.split("\n")[0] ?? ""}`,
    })),
    place: (node) => placeOf((node as { range?: readonly number[] | null } | null)?.range?.[0] ?? 0),
    isScalar,
    plain,
    pairs: (node) => {
      const found = resolve(node);
      if (!isMap(found)) return null;
      return (found.items as Pair[]).map(({ key, value }) => {
        const empty = value === null || (isScalar(value) && value.range === undefined);
        return { name: String(plain(key)), key, value: empty ? key : resolve(value) };
      });
    },
    items: (node) => {
      const found = resolve(node);
      return isSeq(found) ? found.items.map(resolve) : null;
    },
  };
};

const plainTree = (root: Plain): Tree => ({
  root,
  faults: [],
  place: () => ({ line: 1, column: 1 }),
  isScalar: (node) => typeof node !== "object" || node === null,
  plain: (node) => (Array.isArray(node) ? "a list" : node instanceof Map ? "a mapping" : node),
  pairs: (node) =>
    node instanceof Map ? [...(node as Map<string, Plain>)].map(([name, value]) => ({ name, key: null, value })) : null,
  items: (node) => (Array.isArray(node) ? node : null),
});

/** Reads a YAML text so that every fault keeps its line and column; never throws. */
export const readYaml = (text: string, file: string): Reader => createReader(writtenTree(text, file), file);

/** Reads values that a quick parser found: the same reader without places, to be read again when there is a fault. */
export const readPlain = (root: Plain, file: string): Reader => createReader(plainTree(root), file);

const createReader = ({ root, faults, place, isScalar, plain, pairs, items }: Tree, file: string): Reader => {
  const fault = (at: Field, message: string): void => {
    faults.push({ file, ...place(at.node), message: at.path === "" ? message : `${at.path}: ${message}` });
  };
  const inside = (path: string, key: string): string => (path === "" ? key : `${path}.${key}`);

  const map: Reader["map"] = (at, keys) => {
    const found = pairs(at.node);
    if (found === null) {
      fault(at, `must be a mapping with ${keys.join(", ")}, got ${quote(plain(at.node))}`);
      return null;
    }
    const fields = new Map<string, Field>();
    for (const { name, key, value } of found) {
      if (keys.includes(name)) fields.set(name, { node: value, path: inside(at.path, name) });
      else fault({ node: key, path: at.path }, `unknown key ${quote(name)}, expected one of ${keys.join(", ")}`);
    }
    return { get: (key) => fields.get(key) ?? null, self: at };
  };

  const list: Reader["list"] = (at) => {
    const found = items(at.node);
    if (found !== null) return found.map((node, index) => ({ node, path: `${at.path}[${index}]` }));
    fault(at, `must be a list, got ${quote(plain(at.node))}`);
    return null;
  };

  const text_: Reader["text"] = (at) => {
    const value = plain(at.node);
    if (isScalar(at.node) && typeof value === "string" && value !== "") return value;
    fault(at, `must be a text, got ${quote(value)}`);
    return null;
  };

  const number: Reader["number"] = (at, range) => {
    const value = plain(at.node);
    const right =
      typeof value === "number" &&
      Number.isFinite(value) &&
      (range.min === undefined || value >= range.min) &&
      (range.max === undefined || value <= range.max) &&
      (range.above === undefined || value > range.above) &&
      (range.whole === undefined || Number.isInteger(value));
    if (right) return value;
    fault(at, `must be ${expectation(range)}, got ${quote(value)}`);
    return null;
  };

  const choice: Reader["choice"] = (at, values) => {
    const value = plain(at.node);
    // 0.5 and "0.5" are the same word to a person who writes YAML.
    const found = values.find((candidate) => candidate === value || String(candidate) === String(value));
    if (isScalar(at.node) && found !== undefined) return found;
    fault(at, `must be one of ${oneOf(values)}, got ${quote(value)}`);
    return null;
  };

  const isNone: Reader["isNone"] = (at) => isScalar(at.node) && plain(at.node) === null;
  const required: Reader["required"] = (fields, key, read) => {
    const at = fields.get(key);
    if (at !== null) return read(at);
    fault(fields.self, `${key} is missing`);
    return null;
  };
  const optional: Reader["optional"] = (fields, key, otherwise, read) => {
    const at = fields.get(key);
    return at === null ? otherwise : (read(at) ?? otherwise);
  };

  return {
    faults,
    keys: (at) => (pairs(at.node) ?? []).map(({ name }) => name),
    root: { node: root, path: "" },
    isMap: (at) => pairs(at.node) !== null,
    isList: (at) => items(at.node) !== null,
    fault,
    map,
    list,
    text: text_,
    number,
    choice,
    isNone,
    required,
    optional,
  };
};
