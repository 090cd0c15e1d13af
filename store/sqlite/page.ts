import { constants, zstdCompressSync, zstdDecompressSync } from "node:zlib";
import type { Chunk } from "./chunk.ts";

// Rows in the order of device and time, some two hundred in one row of a partition. Numbers lie in planes, all first
// bytes, then all second bytes …: regular times and steady values become long runs of equal bytes, which zstd removes.
//
//   rows u32 │ values u32 │ planes of: device, shape, seq, ts low, ts high, received low, received high (u32; steps from
//   row to row, but received: distance from ts; high words as they are) │ flags │ values (f64, by column while the shape stays)

/** What can be asked of a row, wherever it lies. */
export type RowColumns = Pick<Chunk, "rows" | "device" | "shape" | "ts" | "flags" | "value" | "start" | "received">;

/** Rows of a partition, sorted by device, time and sequence. */
export interface PageRows extends RowColumns {
  readonly seq: Float64Array;
}

type SizeOf = (shape: number) => number;

const compression = { params: { [constants.ZSTD_c_compressionLevel]: 1, [constants.ZSTD_c_checksumFlag]: 1 } };
const headBytes = 8;
// A page of six-value rows and some; unpacked in one piece, not joined of two.
const usualPage = 18 * 1024;
const wordColumns = 7;
const high = 2 ** 32;
// A page is made of some 30 KB that nobody needs once it is compressed: thousands of them a minute.
const scratch = { bytes: new Uint8Array(0), word: new Uint32Array(0), column: new Float64Array(0) };

/** The rows `order[from..to)` of `chunk` as a page; `chunk.first` is the partition's first sequence. */
export const encodePage = (chunk: Chunk, order: Uint32Array, from: number, to: number, sizeOf: SizeOf): Uint8Array => {
  const rows = to - from;
  let values = 0;
  for (let index = from; index < to; index += 1) values += sizeOf(chunk.shape[order[index] ?? 0] ?? 0);
  const size = headBytes + rows * (4 * wordColumns + 1) + values * 8;
  if (scratch.bytes.length < size) scratch.bytes = new Uint8Array(2 * size);
  if (scratch.word.length < rows) scratch.word = new Uint32Array(2 * rows);
  const { word } = scratch;
  const bytes = scratch.bytes.subarray(0, size);
  const head = new DataView(bytes.buffer);
  head.setUint32(0, rows, true);
  head.setUint32(4, values, true);

  let at = headBytes;
  const putWords = () => {
    for (let plane = 0; plane < 32; plane += 8)
      for (let row = 0; row < rows; row += 1) bytes[at++] = (word[row] ?? 0) >>> plane;
  };
  const put = (read: (row: number) => number) => {
    for (let row = 0; row < rows; row += 1) word[row] = read(order[from + row] ?? 0);
    putWords();
  };
  const putSteps = (read: (row: number) => number) => {
    let before = 0;
    for (let row = 0; row < rows; row += 1) {
      const now = read(order[from + row] ?? 0);
      word[row] = now - before;
      before = now;
    }
    putWords();
  };
  const ts = (row: number) => chunk.ts[row] ?? 0;
  putSteps((row) => chunk.device[row] ?? 0);
  putSteps((row) => chunk.shape[row] ?? 0);
  putSteps((row) => row);
  putSteps((row) => ts(row) % high);
  put((row) => ts(row) / high);
  put((row) => chunk.received(row) - ts(row));
  put((row) => chunk.received(row) / high);
  for (let index = from; index < to; index += 1) bytes[at++] = chunk.flags[order[index] ?? 0] ?? 0;
  putValues(chunk, order.subarray(from, to), sizeOf, bytes.subarray(at));
  return zstdCompressSync(bytes, compression);
};

const putValues = (chunk: Chunk, rows: Uint32Array, sizeOf: SizeOf, bytes: Uint8Array) => {
  const count = bytes.length / 8;
  if (scratch.column.length < count) scratch.column = new Float64Array(2 * count);
  const { column } = scratch;
  let at = 0;
  for (let begin = 0; begin < rows.length; ) {
    const shape = chunk.shape[rows[begin] ?? 0] ?? 0;
    let end = begin + 1;
    while (end < rows.length && chunk.shape[rows[end] ?? 0] === shape) end += 1;
    const size = sizeOf(shape);
    for (let name = 0; name < size; name += 1)
      for (let row = begin; row < end; row += 1)
        column[at++] = chunk.value[(chunk.start[rows[row] ?? 0] ?? 0) + name] ?? Number.NaN;
    begin = end;
  }
  const raw = new Uint8Array(column.buffer);
  for (let plane = 0; plane < 8; plane += 1)
    for (let index = 0; index < count; index += 1) bytes[plane * count + index] = raw[index * 8 + plane] ?? 0;
};

/** Inverse of `encodePage`; with `only`, the rows of that device alone. */
export const decodePage = (packed: Uint8Array, first: number, sizeOf: SizeOf, only?: number): PageRows => {
  const bytes = zstdDecompressSync(packed, { chunkSize: usualPage });
  const head = new DataView(bytes.buffer, bytes.byteOffset, headBytes);
  const rows = head.getUint32(0, true);
  const values = head.getUint32(4, true);
  const word = (column: number, row: number): number => {
    const at = headBytes + column * 4 * rows + row;
    return (
      (bytes[at] ?? 0) |
      ((bytes[at + rows] ?? 0) << 8) |
      ((bytes[at + 2 * rows] ?? 0) << 16) |
      ((bytes[at + 3 * rows] ?? 0) << 24)
    );
  };

  let [from, to, device] = [0, 0, 0];
  for (; to < rows; to += 1) {
    device += word(0, to);
    if (only === undefined) continue;
    if (device > only) break;
    if (device < only) from = to + 1;
  }
  const count = to - from;
  const shapes = shapesOf(word, rows);
  let total = 0;
  for (let row = from; row < to; row += 1) total += sizeOf(shapes[row] ?? 0);
  const { received, ...found } = roomOf(count, total);
  let [number, shape, seq, low, value] = [0, 0, 0, 0, 0];
  for (let row = 0; row < to; row += 1) {
    number += word(0, row);
    shape += word(1, row);
    seq = (seq + word(2, row)) >>> 0;
    low = (low + word(3, row)) >>> 0;
    if (row < from) continue;
    const at = row - from;
    const ts = (word(4, row) >>> 0) * high + low;
    const after = (low + word(5, row)) >>> 0;
    found.device[at] = number;
    found.shape[at] = shape;
    found.seq[at] = first + seq;
    found.ts[at] = ts;
    received[at] = (word(6, row) >>> 0) * high + after;
    found.flags[at] = bytes[headBytes + wordColumns * 4 * rows + row] ?? 0;
    found.start[at] = value;
    value += sizeOf(shape);
  }
  const valueAt = headBytes + rows * (4 * wordColumns + 1);
  takeValues(bytes.subarray(valueAt), values, { rows, from, to, value: found.value }, shapes, sizeOf);
  return { ...found, rows: count, received: (row) => received[row] ?? 0 };
};

/** All columns of a page in one piece of memory. */
const roomOf = (rows: number, values: number) => {
  const memory = new ArrayBuffer(values * 8 + rows * 37);
  const wordsAt = values * 8 + rows * 24;
  return {
    value: new Float64Array(memory, 0, values),
    seq: new Float64Array(memory, values * 8, rows),
    ts: new Float64Array(memory, values * 8 + rows * 8, rows),
    received: new Float64Array(memory, values * 8 + rows * 16, rows),
    device: new Int32Array(memory, wordsAt, rows),
    shape: new Int32Array(memory, wordsAt + rows * 4, rows),
    start: new Uint32Array(memory, wordsAt + rows * 8, rows),
    flags: new Uint8Array(memory, wordsAt + rows * 12, rows),
  };
};

/** Frees the memory of a page that nobody looks at any more: it would lie about until much of the kind is collected. */
export const letGoOfPage = ({ value: { buffer } }: PageRows): void => {
  if (buffer instanceof ArrayBuffer) buffer.transfer(0);
};

const shapesOf = (word: (column: number, row: number) => number, rows: number): Int32Array => {
  const shapes = new Int32Array(rows);
  let shape = 0;
  for (let row = 0; row < rows; row += 1) {
    shape += word(1, row);
    shapes[row] = shape;
  }
  return shapes;
};

interface Wanted {
  readonly rows: number;
  readonly from: number;
  readonly to: number;
  readonly value: Float64Array;
}

const takeValues = (
  bytes: Uint8Array,
  count: number,
  { rows, from, to, value }: Wanted,
  shapes: Int32Array,
  sizeOf: SizeOf,
): void => {
  const raw = new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  let [at, base] = [0, 0];
  for (let begin = 0; begin < rows && begin < to; ) {
    const shape = shapes[begin] ?? 0;
    let end = begin + 1;
    while (end < rows && shapes[end] === shape) end += 1;
    const size = sizeOf(shape);
    for (let row = Math.max(begin, from); row < Math.min(end, to); row += 1)
      for (let name = 0; name < size; name += 1) {
        const source = base + name * (end - begin) + row - begin;
        for (let plane = 0; plane < 8; plane += 1) raw[at++] = bytes[plane * count + source] ?? 0;
      }
    base += size * (end - begin);
    begin = end;
  }
};
