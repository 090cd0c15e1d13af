/** What the plain part of YAML can say. */
export type Plain = string | number | boolean | null | readonly Plain[] | ReadonlyMap<string, Plain>;

// Tabs, carriage returns, byte order marks and other unusual characters are left to the whole parser.
const unusual = /[^\n\x20-\x7e\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd]/;
const keyPattern = /[A-Za-z_][A-Za-z0-9_.-]*/y;
const numeric = /^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$/;
// Numbers in other bases, infinities; longer numbers than a double holds.
const oddNumber = /^(?:0[ox]|[-+]?\.(?:inf|nan))|^[-+.0-9eE]{16,}$/i;
const notFirst = "-?:,[]{}#&*!|>'\"%@`";
const words = new Map<string, boolean | null>([
  ...["~", "null", "Null", "NULL"].map((word) => [word, null] as const),
  ...["true", "True", "TRUE"].map((word) => [word, true] as const),
  ...["false", "False", "FALSE"].map((word) => [word, false] as const),
]);

const newline = 10;
const space = 32;
const hash = 35;

/** Thrown inside, never out of this file: the text says more than this reader understands. */
const notPlain = Symbol("not plain");

/**
 * Reads the part of YAML that generated and most written site files consist of: block mappings and lists, flow
 * collections and scalars on one line, comments. `undefined` for everything else, right or wrong: what it gives is
 * exactly what a whole YAML 1.2 parser gives, some twenty times sooner and without positions.
 */
export const readPlainYaml = (text: string): Plain | undefined => {
  if (unusual.test(text)) return undefined;
  try {
    return createScanner(text).document();
  } catch (error) {
    if (error === notPlain) return undefined;
    throw error;
  }
};

const fail = (): never => {
  throw notPlain;
};

const scalarOf = (text: string): Plain => {
  const word = words.get(text);
  if (word !== undefined) return word;
  const first = text.charCodeAt(0);
  // Letters other than those of 0x, .inf begin no number.
  if (first > 57) return text;
  if (oddNumber.test(text)) return fail();
  return numeric.test(text) ? Number(text) : text;
};

const createScanner = (text: string) => {
  let at = 0;
  /** Column of the content that comes next, -1 at the end of the text. */
  let column = 0;

  const code = (): number => text.charCodeAt(at);
  const endOfLine = (): number => {
    const end = text.indexOf("\n", at);
    return end === -1 ? text.length : end;
  };
  const skipSpaces = (): void => {
    while (code() === space) at++;
  };

  /** To the first character of the next line with content; must stand at the end of a line's content. */
  const nextLine = (): void => {
    const before = at;
    skipSpaces();
    if (at < text.length && code() !== newline) {
      const isComment = code() === hash && (at > before || before === 0 || text.charCodeAt(before - 1) === newline);
      if (!isComment) fail();
      at = endOfLine();
    }
    for (;;) {
      if (at >= text.length) {
        column = -1;
        return;
      }
      const begin = at + 1;
      at = begin;
      skipSpaces();
      if (at >= text.length) {
        column = -1;
        return;
      }
      if (code() === hash) at = endOfLine();
      else if (code() !== newline) {
        column = at - begin;
        return;
      }
    }
  };

  /** The end of what looks like a key here; `at` when nothing does. */
  const endOfKey = (): number => {
    keyPattern.lastIndex = at;
    return keyPattern.test(text) ? keyPattern.lastIndex : at;
  };

  const key = (): string => {
    const end = endOfKey();
    const name = text.slice(at, end);
    at = end;
    if (name === "" || code() !== 58 || words.has(name)) fail();
    at++;
    return name;
  };

  const quoted = (): string => {
    const mark = text.charAt(at);
    const end = text.indexOf(mark, at + 1);
    if (end === -1) fail();
    const inside = text.slice(at + 1, end);
    if (inside.includes("\n") || (mark === '"' ? inside.includes("\\") : text.charAt(end + 1) === mark)) fail();
    at = end + 1;
    return inside;
  };

  const plain = (flow: boolean): Plain => {
    const begin = at;
    const first = text.charAt(at);
    if (notFirst.includes(first) && !(first === "-" && /[0-9.]/.test(text.charAt(at + 1)))) fail();
    let end = at;
    for (; at < text.length; at++) {
      const char = code();
      if (char === newline) break;
      if (char === space) {
        if (text.charCodeAt(at + 1) === hash) break;
        continue;
      }
      if (flow && (char === 44 || char === 93 || char === 125)) break;
      if (flow && (char === 91 || char === 123)) fail();
      if (char === 58) {
        const next = text.charAt(at + 1);
        if (next === "" || next === " " || next === "\n" || (flow && ",[]{}".includes(next))) fail();
      }
      end = at + 1;
    }
    return scalarOf(text.slice(begin, end));
  };

  /** A value that ends on its line. */
  const inline = (flow: boolean): Plain => {
    const char = text.charAt(at);
    if (char === "{") return flowMap();
    if (char === "[") return flowList();
    if (char === '"' || char === "'") return quoted();
    return plain(flow);
  };

  /** In a flow collection: past the comma to the next member, or past the end. */
  const isOver = (close: number): boolean => {
    skipSpaces();
    if (code() === close) {
      at++;
      return true;
    }
    if (code() !== 44) fail();
    at++;
    skipSpaces();
    return false;
  };

  const isEmpty = (close: number): boolean => {
    at++;
    skipSpaces();
    if (code() !== close) return false;
    at++;
    return true;
  };

  const flowMap = (): Plain => {
    const found = new Map<string, Plain>();
    if (isEmpty(125)) return found;
    do {
      const name = key();
      if (code() !== space || found.has(name)) fail();
      skipSpaces();
      found.set(name, inline(true));
    } while (!isOver(125));
    return found;
  };

  const flowList = (): Plain => {
    const found: Plain[] = [];
    if (isEmpty(93)) return found;
    do found.push(inline(true));
    while (!isOver(93));
    return found;
  };

  const isItem = (): boolean => text.charAt(at) === "-" && text.charAt(at + 1) === " ";

  const list = (indent: number): Plain => {
    const found: Plain[] = [];
    while (column === indent && isItem()) {
      const begin = at;
      at++;
      skipSpaces();
      if (code() === newline || code() === hash || isItem()) fail();
      const after = endOfKey();
      const next = text.charAt(after + 1);
      if (after > at && text.charCodeAt(after) === 58 && (next === " " || next === "\n")) {
        column = indent + at - begin;
        found.push(map(column));
      } else {
        found.push(inline(false));
        nextLine();
        if (column > indent) fail();
      }
    }
    return found;
  };

  const map = (indent: number): Plain => {
    const found = new Map<string, Plain>();
    while (column === indent && !isItem()) {
      const name = key();
      if (found.has(name)) fail();
      const begin = at;
      skipSpaces();
      const isOnLine = at < text.length && code() !== newline && code() !== hash;
      if (isOnLine) {
        if (at === begin) fail();
        found.set(name, inline(false));
        nextLine();
        if (column > indent) fail();
        continue;
      }
      at = begin;
      nextLine();
      // `key:` with nothing behind it is left to the whole parser.
      if (column < indent || (column === indent && !isItem())) fail();
      found.set(name, isItem() ? list(column) : map(column));
      if (column > indent) fail();
    }
    return found;
  };

  return {
    document: (): Plain => {
      if (code() === hash) nextLine();
      else {
        const begin = at;
        skipSpaces();
        if (at >= text.length) fail();
        if (code() === newline || code() === hash) {
          if (code() === hash) at = endOfLine();
          nextLine();
        } else column = at - begin;
      }
      if (column !== 0 || isItem()) fail();
      const found = map(0);
      if (column !== -1) fail();
      return found;
    },
  };
};
