// Values of one key that several parts of a site file share.
import { identifierPattern } from "#store";
import { type Field, quote, type Reader } from "./fields.ts";
import type { Text } from "./model.ts";

export const identifier =
  (reader: Reader) =>
  (at: Field): string | null => {
    const text = reader.text(at);
    if (text === null || identifierPattern.test(text)) return text;
    reader.fault(at, `must be 1 to 64 letters, digits, dots, underscores or hyphens, got ${quote(text)}`);
    return null;
  };

/** One text for both languages, or a mapping with `en` and `zh-CN`. */
export const bothLanguages =
  (reader: Reader) =>
  (at: Field): Text | null => {
    if (reader.isMap(at)) {
      const fields = reader.map(at, ["en", "zh-CN"]);
      if (fields === null) return null;
      const en = reader.required(fields, "en", reader.text);
      const zh = reader.required(fields, "zh-CN", reader.text);
      return en === null || zh === null ? null : { en, "zh-CN": zh };
    }
    const text = reader.text(at);
    return text === null ? null : { en: text, "zh-CN": text };
  };

export const feedOf =
  (reader: Reader) =>
  (field: Field): string | null => {
    const text = reader.text(field);
    if (text === null || /^[A-Z][A-Z0-9]?$/.test(text)) return text;
    reader.fault(field, `must be a feed such as A, B or A2, got ${quote(text)}`);
    return null;
  };

/** Key and value, or nothing: what a file does not say is not in the model. */
export const given = <Key extends string, Value>(key: Key, value: Value | null): { readonly [K in Key]?: Value } =>
  (value === null ? {} : { [key]: value }) as { readonly [K in Key]?: Value };
