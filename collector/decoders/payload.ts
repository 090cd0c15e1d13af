import { type Decoded, refuse, type Source } from "./decoder.ts";

export type Parsed<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly refused: Decoded };

export type JsonObject = { readonly [key: string]: unknown };

const utf8 = new TextDecoder("utf-8", { fatal: true });

/** The payload as text, or why not. */
export const readText = (source: Source): Parsed<string> => {
  if (source.payload.byteLength === 0) {
    return { ok: false, refused: refuse("COLLECTOR_PAYLOAD_EMPTY", "payload is empty", source.site) };
  }
  try {
    return { ok: true, value: utf8.decode(source.payload) };
  } catch {
    return { ok: false, refused: refuse("COLLECTOR_PAYLOAD_NOT_JSON", "payload is not UTF-8 text", source.site) };
  }
};

/** The payload as JSON, or why not. */
export const readJson = (source: Source): Parsed<unknown> => {
  const text = readText(source);
  if (!text.ok) return text;
  try {
    return { ok: true, value: JSON.parse(text.value) };
  } catch {
    const reason = `payload ${quote(text.value)} is not JSON`;
    return { ok: false, refused: refuse("COLLECTOR_PAYLOAD_NOT_JSON", reason, source.site) };
  }
};

export const isObject = (value: unknown): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** An own property; never one of the prototype's. */
export const own = (object: JsonObject, key: string): unknown => (Object.hasOwn(object, key) ? object[key] : undefined);

/** A value as it came, bounded, for a reason. */
export const quote = (value: unknown): string => {
  const text =
    typeof value === "string" ? JSON.stringify(value.slice(0, 80)) : (JSON.stringify(value) ?? String(value));
  return text.length > 80 ? `${text.slice(0, 79)}…` : text;
};

const decimal = /^\s*[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?\s*$/;

/** Foreign dialects write numbers as text: those become numbers, the rest stays what it is. */
export const numeric = (value: unknown): unknown => {
  if (typeof value === "string" && value.length <= 64 && decimal.test(value)) return Number(value);
  if (typeof value === "boolean") return value ? 1 : 0;
  return value;
};
