import { expiredCursor, formatCursor, parseCursor } from "../cursor.ts";
import type { Page, ReadQuery } from "../readings.ts";
import { placeIs, quoteName, type Row, timeRange } from "./line.ts";
import type { InfluxServer } from "./server.ts";

export const maxPage = 10_000;
type Key = readonly (string | number)[];

export interface PageParts<Item> {
  readonly server: InfluxServer;
  readonly measurement: string;
  readonly toItem: (row: Row) => Item;
  /** Joins what the server holds with what is not sent yet, for `[from, to)`. */
  readonly join: (stored: readonly Item[], from: number, to: number) => readonly Item[];
  /** Time first, then whatever tells items of one time apart. */
  readonly keyOf: (item: Item) => Key;
  /** Without the server there is only what `join` adds. */
  readonly reachable: boolean;
}

/** One keyset page of a measurement in time order. */
export const readPage = async <Item>(query: ReadQuery, parts: PageParts<Item>): Promise<Page<Item>> => {
  const after = query.cursor === undefined ? null : parseCursor(query.cursor, 4);
  const limit = Math.max(1, Math.min(query.limit, maxPage));
  let from: number = query.from;
  if (after !== null && query.cursor !== undefined) {
    from = Number(after[0]);
    if (!Number.isFinite(from)) throw expiredCursor(query.cursor);
  }
  const found: { item: Item; key: Key }[] = [];
  while (from < query.to && found.length <= limit) {
    const { rows, to } = await readSome(query, from, limit + 1, parts);
    const items = parts.join(rows.map(parts.toItem), from, to).map((item) => ({ item, key: parts.keyOf(item) }));
    items.sort((a, b) => compareKeys(a.key, b.key));
    for (const entry of items)
      if (after === null || compareKeys(entry.key, typed(after, entry.key)) > 0) found.push(entry);
    from = to;
  }
  const items = found.slice(0, limit);
  const last = items.at(-1);
  return {
    items: items.map(({ item }) => item),
    next: last === undefined || found.length <= limit ? null : formatCursor(pad(last.key)),
  };
};

// All page cursors have four parts, so that one of another list is found out.
const pad = (key: Key): Key => [...key, "", "", ""].slice(0, 4);
const typed = (after: readonly string[], key: Key): Key =>
  key.map((part, index) => (typeof part === "number" ? Number(after[index]) : (after[index] ?? "")));

/** Rows of whole times only: `[from, to)` is complete. */
const readSome = async <Item>(
  { site, device, to }: ReadQuery,
  from: number,
  limit: number,
  { server, measurement, reachable }: PageParts<Item>,
): Promise<{ rows: readonly Row[]; to: number }> => {
  if (!reachable) return { rows: [], to };
  const select = (range: string) =>
    `SELECT * FROM ${quoteName(measurement)} WHERE ${placeIs(site, device)} AND ${range} ORDER BY time`;
  const [rows = []] = await server.query([`${select(timeRange(from, to))} LIMIT ${limit}`]);
  if (rows.length < limit) return { rows, to };
  const lastTs = Number(rows.at(-1)?.get("time"));
  const [group = []] = await server.query([select(timeRange(lastTs, lastTs + 1))]);
  return { rows: [...rows.filter((row) => Number(row.get("time")) < lastTs), ...group], to: lastTs + 1 };
};

const compareKeys = (a: Key, b: Key): number => {
  for (let index = 0; index < a.length; index++) {
    const [left = 0, right = 0] = [a[index], b[index]];
    if (left !== right) return left < right ? -1 : 1;
  }
  return 0;
};
