import { isAlias, isMap, isScalar, isSeq, LineCounter, type Pair, parseDocument } from "yaml";

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
  readonly map: (at: Field, keys: readonly string[]) => Fields | null;
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

const plain = (node: unknown): unknown => {
  if (isScalar(node)) return node.value;
  if (isMap(node)) return "a mapping";
  return isSeq(node) ? "a list" : node;
};

const expectation = ({ min, max, above, whole }: NumberRange): string => {
  const kind = whole ? "a whole number" : "a number";
  if (above !== undefined) return `${kind} above ${above}${max === undefined ? "" : ` and at most ${max}`}`;
  if (min !== undefined && max !== undefined) return `${kind} from ${min} to ${max}`;
  return min === undefined ? kind : `${kind} of at least ${min}`;
};

const oneOf = (values: readonly (string | number)[]): string => values.map((value) => JSON.stringify(value)).join(", ");

/** Reads a YAML text so that every fault keeps its line and column; never throws. */
export const readYaml = (text: string, file: string): Reader => {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const faults: Fault[] = document.errors.map((error) => {
    const { line, col } = lines.linePos(error.pos[0]);
    return { file, line, column: col, message: `not valid YAML: ${error.message.split("\n")[0] ?? ""}` };
  });

  const resolve = (node: unknown): unknown => (isAlias(node) ? node.resolve(document) : node);
  const fault = (at: Field, message: string): void => {
    const offset = (at.node as { range?: readonly number[] | null } | null)?.range?.[0] ?? 0;
    const { line, col } = lines.linePos(offset);
    faults.push({ file, line, column: col, message: at.path === "" ? message : `${at.path}: ${message}` });
  };
  const inside = (path: string, key: string): string => (path === "" ? key : `${path}.${key}`);

  const map: Reader["map"] = (at, keys) => {
    const node = resolve(at.node);
    if (!isMap(node)) {
      fault(at, `must be a mapping with ${keys.join(", ")}, got ${quote(plain(node))}`);
      return null;
    }
    const found = new Map<string, Field>();
    for (const pair of node.items as Pair[]) {
      const name = String(plain(pair.key));
      if (!keys.includes(name)) {
        fault({ node: pair.key, path: at.path }, `unknown key ${quote(name)}, expected one of ${keys.join(", ")}`);
        continue;
      }
      const empty = pair.value === null || (isScalar(pair.value) && pair.value.range === undefined);
      found.set(name, { node: empty ? pair.key : resolve(pair.value), path: inside(at.path, name) });
    }
    return { get: (key) => found.get(key) ?? null, self: at };
  };

  const list: Reader["list"] = (at) => {
    const node = resolve(at.node);
    if (isSeq(node)) return node.items.map((item, index) => ({ node: resolve(item), path: `${at.path}[${index}]` }));
    fault(at, `must be a list, got ${quote(plain(node))}`);
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

  const isNone: Reader["isNone"] = (at) => isScalar(at.node) && at.node.value === null;
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
    root: { node: document.contents, path: "" },
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
