import { StoreRefusedError } from "./errors.ts";

/** Cursors are opaque to callers: parts of a key, joined. */
export const formatCursor = (parts: readonly (string | number)[]): string =>
  parts.map((part) => encodeURIComponent(part).replaceAll("~", "%7E")).join("~");

/** Throws `StoreRefusedError` `STORE_CURSOR_EXPIRED` when the text is no cursor of `length` parts. */
export const parseCursor = (cursor: string, length: number): readonly string[] => {
  try {
    const parts = cursor.split("~").map(decodeURIComponent);
    if (parts.length === length) return parts;
  } catch {}
  throw expiredCursor(cursor);
};

export const parseCount = (text: string | undefined, cursor: string): number => {
  const count = Number(text);
  if (text === undefined || text === "" || !Number.isSafeInteger(count) || count < 0) throw expiredCursor(cursor);
  return count;
};

export const expiredCursor = (cursor: string): StoreRefusedError =>
  new StoreRefusedError(`cursor "${cursor.slice(0, 80)}" does not belong to this store`, {
    code: "STORE_CURSOR_EXPIRED",
  });
