// Readings in commit order, some sixty in one row of SQLite: writing them costs one insert, following them one read.
//
//   value f64… │ ts f64… │ device i32… │ received i32… (after the chunk's first) │ shape i32… │ flags u8…

/** Rows of one chunk; `value` holds the rows' values end to end. */
export interface Chunk {
  /** Sequence of its first row; the others follow without a gap. */
  readonly first: number;
  readonly rows: number;
  readonly device: Int32Array;
  readonly shape: Int32Array;
  readonly ts: Float64Array;
  readonly flags: Uint8Array;
  readonly value: Float64Array;
  /** Where each row's values begin: as many as its shape has names. */
  readonly start: Uint32Array;
  received(row: number): number;
}

/** A chunk as it is stored. */
export interface ChunkRecord {
  readonly rows: number;
  readonly received: number;
  readonly bytes: Uint8Array;
}

const rowBytes = 8 + 4 + 4 + 4 + 1;
// With its header a chunk fills one page of 4096 bytes.
const chunkBytes = 4000;
const farthest = 0x7fff_ffff;

export interface ChunkRow {
  readonly device: number;
  readonly shape: number;
  readonly ts: number;
  readonly received: number;
  readonly flags: number;
}

export interface ChunkBuilder {
  rows(): number;
  /** Whether the row and that many values still fit; the first row always does. */
  fits(received: number, values: number): boolean;
  /** Adds the row with the values `[from, to)`. */
  add(row: ChunkRow, values: ArrayLike<number>, from: number, to: number): void;
  /** Hands over the rows and begins anew; the bytes are good until the next time. */
  take(): ChunkRecord;
}

export const createChunkBuilder = (): ChunkBuilder => {
  const most = Math.ceil(chunkBytes / rowBytes);
  const device = new Int32Array(most);
  const shape = new Int32Array(most);
  const ts = new Float64Array(most);
  const after = new Int32Array(most);
  const flags = new Uint8Array(most);
  let value = new Float64Array(chunkBytes / 8);
  let memory = new Uint8Array(chunkBytes);
  let [rows, values, base] = [0, 0, 0];
  return {
    rows: () => rows,
    fits: (received, more) =>
      rows === 0 ||
      ((rows + 1) * rowBytes + (values + more) * 8 <= chunkBytes && Math.abs(received - base) <= farthest),
    add: (row, from, begin, end) => {
      if (rows === 0) base = row.received;
      if (values + end - begin > value.length) {
        const larger = new Float64Array(values + end - begin);
        larger.set(value);
        value = larger;
      }
      device[rows] = row.device;
      shape[rows] = row.shape;
      ts[rows] = row.ts;
      after[rows] = row.received - base;
      flags[rows] = row.flags;
      for (let index = begin; index < end; index += 1) value[values++] = from[index] ?? Number.NaN;
      rows += 1;
    },
    take: () => {
      const size = rows * rowBytes + values * 8;
      if (memory.length < size) memory = new Uint8Array(size);
      const bytes = memory.subarray(0, size);
      let at = 0;
      const put = (column: Float64Array | Int32Array | Uint8Array, length: number) => {
        const part = new Uint8Array(column.buffer, column.byteOffset, length * column.BYTES_PER_ELEMENT);
        bytes.set(part, at);
        at += part.length;
      };
      put(value, values);
      put(ts, rows);
      for (const column of [device, after, shape]) put(column, rows);
      put(flags, rows);
      const record = { rows, received: base, bytes };
      rows = 0;
      values = 0;
      return record;
    },
  };
};

/** Inverse of the builder's `take`; `sizeOf` is the number of a shape's names. */
export const decodeChunk = (last: number, record: ChunkRecord, sizeOf: (shape: number) => number): Chunk => {
  const { rows, received: base } = record;
  // A blob may begin anywhere in its buffer; floats may not.
  const bytes = record.bytes.byteOffset % 8 === 0 ? record.bytes : record.bytes.slice();
  const { buffer, byteOffset } = bytes;
  const values = (bytes.length - rows * rowBytes) / 8;
  const tsAt = byteOffset + values * 8;
  const deviceAt = tsAt + rows * 8;
  const afterAt = deviceAt + rows * 4;
  const shapeAt = afterAt + rows * 4;
  const shape = new Int32Array(buffer, shapeAt, rows);
  const after = new Int32Array(buffer, afterAt, rows);
  const start = new Uint32Array(rows);
  let at = 0;
  for (let row = 0; row < rows; row += 1) {
    start[row] = at;
    at += sizeOf(shape[row] ?? 0);
  }
  return {
    first: last - rows + 1,
    rows,
    device: new Int32Array(buffer, deviceAt, rows),
    shape,
    ts: new Float64Array(buffer, tsAt, rows),
    flags: new Uint8Array(buffer, shapeAt + rows * 4, rows),
    value: new Float64Array(buffer, byteOffset, values),
    start,
    received: (row) => base + (after[row] ?? 0),
  };
};
