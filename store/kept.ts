import { StoreRefusedError } from "./errors.ts";
import type { Json } from "./ledger.ts";
import { openColumns, type PackedColumns, packColumns } from "./number-columns.ts";
import { createSplitter, joinTable, type Layout, parseLayout } from "./table.ts";
import { pack, unpack } from "./zstd.ts";

// How a body of the ledger is kept:
//   {"…                           short: its JSON
//   28 b5 2f fd …                 long: its JSON, zstd
//   01 size layout, zstd ▏ zstd   with a table: the layout is that of the row before, byte for byte, while nothing but
//                                 numbers changes; behind it the rest of the body and the columns of the table

/** A body on its way to be kept: short text, long text, or a table. */
export type WrittenBody = string | Uint8Array<ArrayBuffer> | WrittenTable;

interface WrittenTable {
  /** The layout, packed. */
  readonly layout: Uint8Array;
  /** Size of the rest (u32), the rest, the columns. */
  readonly payload: Uint8Array<ArrayBuffer>;
}

/** A body that is kept, as its JSON or in parts. */
export type KeptBody =
  | { readonly text: Uint8Array; readonly table: null }
  | { readonly text: null; readonly table: KeptTable };

export interface KeptTable {
  readonly layout: Layout;
  /** JSON of the body with its table empty. */
  readonly rest: string;
  readonly columns: PackedColumns;
}

const tableMark = 1;
const zstdMark = 0x28;
const headBytes = 5;
// At hand; some 50 kB each of half a thousand rows. Many sites have one in common, and one more is read in 0.1 ms.
const mostLayouts = 16;
const longBytes = 4096;
const encoder = new TextEncoder();

/** The newest used of a kind, no more than `most`. */
const createNewest = <Value>(most: number) => {
  const known = new Map<string, Value>();
  return (key: string, make: () => Value): Value => {
    const value = known.get(key) ?? make();
    known.delete(key);
    known.set(key, value);
    const [oldest] = known.keys();
    if (known.size > most && oldest !== undefined) known.delete(oldest);
    return value;
  };
};

/** Bodies made ready to be kept, in the thread that has them; long ones in memory that can be handed over. */
export const createBodyWriter = (): ((body: Json) => WrittenBody) => {
  const split = createSplitter();
  const layouts = createNewest<Uint8Array>(mostLayouts);
  return (body) => {
    const found = split(body);
    if (found === null) {
      const text = JSON.stringify(body);
      return text.length < longBytes ? text : encoded(text, Buffer.byteLength(text));
    }
    // A view of more would be sent whole.
    const layout = layouts(found.layout, () => new Uint8Array(pack(encoder.encode(found.layout))));
    const columns = packColumns(found.columns);
    const size = Buffer.byteLength(found.rest);
    const payload = encoded(found.rest, 4 + size + columns.length, 4);
    new DataView(payload.buffer).setUint32(0, size, true);
    payload.set(columns, 4 + size);
    return { layout, payload };
  };
};

const encoded = (text: string, length: number, at = 0): Uint8Array<ArrayBuffer> => {
  const bytes = new Uint8Array(length);
  encoder.encodeInto(text, bytes.subarray(at));
  return bytes;
};

/** A body as it is kept: text while it is short. What it was written in is let go. */
export const keptOf = (written: WrittenBody): string | Uint8Array => {
  if (typeof written === "string") return written;
  if (written instanceof Uint8Array) return packedOf(written);
  const { layout, payload } = written;
  const packed = packedOf(payload);
  const kept = new Uint8Array(headBytes + layout.length + packed.length);
  kept[0] = tableMark;
  new DataView(kept.buffer).setUint32(1, layout.length, true);
  kept.set(layout, headBytes);
  kept.set(packed, headBytes + layout.length);
  return kept;
};

const packedOf = (bytes: Uint8Array<ArrayBuffer>): Uint8Array => {
  const packed = pack(bytes);
  // Garbage outside the heap would lie about until tens of megabytes of it are collected.
  bytes.buffer.transfer(0);
  return packed;
};

/** The JSON of what was packed as such; null for what stands there with a table. */
export const keptText = (kept: Uint8Array): Uint8Array | null =>
  kept[0] === tableMark ? null : kept[0] === zstdMark ? unpack(kept) : kept;

export interface KeptReader {
  /** Throws `StoreRefusedError` `STORE_CORRUPT` for bytes that were damaged. */
  open(kept: Uint8Array): KeptBody;
  body(kept: Uint8Array): Json;
}

/** Reads bodies as they are kept; it knows what the tables before looked like. */
export const createKeptReader = (): KeptReader => {
  const layouts = createNewest<Layout>(mostLayouts);
  const tableOf = (layout: Uint8Array, payload: Uint8Array): KeptTable => {
    const packed = Buffer.from(layout.buffer, layout.byteOffset, layout.byteLength);
    const known = layouts(packed.toString("latin1"), () => parseLayout(unpack(packed).toString()));
    const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
    const end = 4 + bytes.readUInt32LE(0);
    return {
      layout: known,
      rest: bytes.toString("utf8", 4, end),
      columns: openColumns(
        bytes.subarray(end),
        known.columns.map(({ rows }) => rows.length),
      ),
    };
  };
  const open = (kept: Uint8Array): KeptBody => {
    try {
      const text = keptText(kept);
      if (text !== null) return { text, table: null };
      const end = headBytes + new DataView(kept.buffer, kept.byteOffset, kept.byteLength).getUint32(1, true);
      const payload = unpack(kept.subarray(end));
      return { text: null, table: tableOf(kept.subarray(headBytes, end), payload) };
    } catch (cause) {
      throw new StoreRefusedError("a row of the ledger is damaged", { code: "STORE_CORRUPT", cause });
    }
  };
  let scratch = new Float64Array(0);
  const joined = ({ layout, rest, columns }: KeptTable): Json => {
    const size = layout.columns.reduce((sum, { rows }) => sum + rows.length, 0);
    if (scratch.length < size) scratch = new Float64Array(size);
    let end = 0;
    const values = layout.columns.map(({ rows }, place) => {
      const mine = scratch.subarray(end, end + rows.length);
      columns.read(place, mine);
      end += rows.length;
      return mine;
    });
    return joinTable(rest, layout, values);
  };
  return {
    open,
    body: (kept) => {
      const { text, table } = open(kept);
      return table === null ? (JSON.parse(Buffer.from(text).toString()) as Json) : joined(table);
    },
  };
};
