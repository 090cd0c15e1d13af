import { constants, zstdCompressSync, zstdDecompressSync } from "node:zlib";
import { steps } from "../readings.ts";
import type { RollupRow } from "../rollup.ts";
import type { Bundle } from "./bundle.ts";
import { blobOf, type Draft, openDraft, openFinished } from "./partition.ts";

// The minutes of one hour in a file of their own, never changed: one row of SQLite per device, all quantities in it.
//
//   windows of each quantity u8… │ minute u8… │ planes of: count, goodMs, first at, last at (u32) │
//   planes of: sum, min, max, first, last, integral (f64)

/** The minutes of one device: of each quantity, oldest first. */
export type Minutes = ReadonlyMap<string, readonly RollupRow[]>;

export interface MinuteFile extends Disposable {
  /** Windows of the device by start; with `only`, that quantity alone. */
  of(device: number, only?: string): ReadonlyMap<number, Bundle>;
}

export interface MinuteDraft extends Draft {
  add(device: number, minutes: Minutes): void;
}

const applicationId = 0x57544d31; // "WTM1"
const compression = { params: { [constants.ZSTD_c_compressionLevel]: 1, [constants.ZSTD_c_checksumFlag]: 1 } };
const wordColumns = 4;
const floatColumns = 6;

export const openMinuteDraft = (path: string, start: number): MinuteDraft => {
  const schema = "CREATE TABLE minute(device INTEGER PRIMARY KEY, names TEXT NOT NULL, bytes BLOB NOT NULL) STRICT;";
  const draft = openDraft(path, { applicationId, schema });
  const insert = draft.db.prepare("INSERT INTO minute(device, names, bytes) VALUES (?, ?, ?)");
  return {
    ...draft,
    add: (device, minutes) => {
      insert.run(device, [...minutes.keys()].join(" "), encodeMinutes(minutes, start));
    },
  };
};

export const openMinutes = (path: string, start: number): MinuteFile => {
  const { db, guarded } = openFinished(path, applicationId);
  const select = guarded(() => db.prepare("SELECT names, bytes FROM minute WHERE device = ?"));
  return {
    of: (device, only) =>
      guarded(() => {
        const raw = select.get(device);
        return raw === undefined
          ? new Map()
          : decodeMinutes(blobOf(raw.bytes), String(raw.names).split(" "), start, only);
      }),
    [Symbol.dispose]: () => db.close(),
  };
};

export const encodeMinutes = (minutes: Minutes, start: number): Uint8Array => {
  const rows = [...minutes.values()].flat();
  const count = rows.length;
  const bytes = new Uint8Array(minutes.size + count * (1 + 4 * wordColumns + 8 * floatColumns));
  let at = 0;
  for (const own of minutes.values()) bytes[at++] = own.length;
  for (const row of rows) bytes[at++] = (row.start - start) / steps["1m"];
  const words = new Uint32Array(count);
  for (const read of [
    (row: RollupRow) => row.count,
    (row: RollupRow) => row.goodMs,
    (row: RollupRow) => row.firstTs - row.start,
    (row: RollupRow) => row.lastTs - row.start,
  ]) {
    for (const [index, row] of rows.entries()) words[index] = read(row);
    at = putPlanes(bytes, at, new Uint8Array(words.buffer), 4);
  }
  const floats = new Float64Array(count);
  for (const name of ["sum", "min", "max", "first", "last", "integral"] as const) {
    for (const [index, row] of rows.entries()) floats[index] = row[name];
    at = putPlanes(bytes, at, new Uint8Array(floats.buffer), 8);
  }
  return zstdCompressSync(bytes, compression);
};

const putPlanes = (bytes: Uint8Array, begin: number, raw: Uint8Array, width: number): number => {
  let at = begin;
  for (let plane = 0; plane < width; plane += 1)
    for (let index = plane; index < raw.length; index += width) bytes[at++] = raw[index] ?? 0;
  return at;
};

export const decodeMinutes = (
  packed: Uint8Array,
  names: readonly string[],
  start: number,
  only?: string,
): Map<number, Map<string, RollupRow>> => {
  const bytes = zstdDecompressSync(packed);
  const counts = bytes.subarray(0, names.length);
  const count = counts.reduce((sum, own) => sum + own, 0);
  const minuteAt = names.length;
  const wordAt = minuteAt + count;
  const floatAt = wordAt + count * 4 * wordColumns;
  const box = new DataView(new ArrayBuffer(8));
  const gather = (begin: number, width: number, row: number) => {
    for (let plane = 0; plane < width; plane += 1) box.setUint8(plane, bytes[begin + plane * count + row] ?? 0);
  };
  const word = (column: number, row: number): number => {
    gather(wordAt + column * 4 * count, 4, row);
    return box.getUint32(0, true);
  };
  const float = (column: number, row: number): number => {
    gather(floatAt + column * 8 * count, 8, row);
    return box.getFloat64(0, true);
  };
  const found = new Map<number, Map<string, RollupRow>>();
  let row = 0;
  for (const [index, name] of names.entries()) {
    const end = row + (counts[index] ?? 0);
    if (only !== undefined && only !== name) {
      row = end;
      continue;
    }
    for (; row < end; row += 1) {
      const at = start + (bytes[minuteAt + row] ?? 0) * steps["1m"];
      const bundle = found.get(at) ?? new Map<string, RollupRow>();
      bundle.set(name, {
        start: at,
        ...{ count: word(0, row), goodMs: word(1, row), firstTs: at + word(2, row), lastTs: at + word(3, row) },
        ...{ sum: float(0, row), min: float(1, row), max: float(2, row) },
        ...{ first: float(3, row), last: float(4, row), integral: float(5, row) },
      });
      found.set(at, bundle);
    }
  }
  return found;
};
