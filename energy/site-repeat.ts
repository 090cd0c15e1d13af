import { type Field, type Fields, quote, type Reader } from "./fields.ts";
import { identifier } from "./site-field.ts";

// More than a hall holds; a slip of the finger must not make a million.
const mostRepeated = 10_000;
const rangePattern = /^(\d{1,6})\.\.(\d{1,6})$/;

/** `001..400` as 001, 002 … 400, or the words of a list. */
const readRepeat = (reader: Reader, at: Field): readonly string[] | null => {
  if (reader.isList(at)) return (reader.list(at) ?? []).map(identifier(reader)).filter((word) => word !== null);
  const text = reader.text(at);
  if (text === null) return null;
  const [, first = "", last = ""] = rangePattern.exec(text) ?? [];
  const count = Number(last) - Number(first) + 1;
  if (first === "" || count < 1 || count > mostRepeated) {
    reader.fault(
      at,
      `must be a range such as 001..400 of at most ${mostRepeated}, or a list of words, got ${quote(text)}`,
    );
    return null;
  }
  const width = first.startsWith("0") ? first.length : 0;
  return Array.from({ length: count }, (_, index) => String(Number(first) + index).padStart(width, "0"));
};

/** The same reader for one of many: `*` in its texts is the word of that one. */
const numbered = (reader: Reader, word: string): Reader => ({
  ...reader,
  text: (at) => reader.text(at)?.replaceAll("*", word) ?? null,
});

/** What one entry of a list says: one, or with `repeat` as many as that says. */
export const readEach = <Item>(
  reader: Reader,
  at: Field,
  keys: readonly string[],
  read: (reader: Reader, at: Field, fields: Fields) => Item | null,
): readonly Item[] => {
  const fields = reader.map(at, keys);
  if (fields === null) return [];
  const repeatAt = fields.get("repeat");
  if (repeatAt === null) {
    const one = read(reader, at, fields);
    return one === null ? [] : [one];
  }
  const items: Item[] = [];
  for (const word of readRepeat(reader, repeatAt) ?? []) {
    const before = reader.faults.length;
    const item = read(numbered(reader, word), at, fields);
    // What is wrong with one is wrong with all.
    if (reader.faults.length > before) break;
    if (item !== null) items.push(item);
  }
  return items;
};
