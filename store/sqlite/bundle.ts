import type { RollupRow } from "../rollup.ts";

/** One window of one device: its quantities by name. */
export type Bundle = ReadonlyMap<string, RollupRow>;

// A window of one sample is most of what slow sensors give: one value says sum, min, max, first and last.
//   one sample: tag 1 │ value f64 │ integral f64 │ good u32 │ at u32
//   else:       tag 0 │ sum min max first last integral f64 │ good u32 │ first at u32 │ last at u32 │ count u32
const singleBytes = 25;
const fullBytes = 65;

const isSingle = ({ count, sum, min, max, first, last, firstTs, lastTs }: RollupRow): boolean =>
  count === 1 && sum === min && sum === max && sum === first && sum === last && firstTs === lastTs;

/** The windows' numbers, in the order of the bundle; names and start are kept beside it. */
export const encodeBundle = (bundle: Bundle): Uint8Array => {
  const rows = [...bundle.values()];
  const bytes = new Uint8Array(rows.reduce((sum, row) => sum + (isSingle(row) ? singleBytes : fullBytes), 0));
  const view = new DataView(bytes.buffer);
  let at = 0;
  const float = (value: number) => {
    view.setFloat64(at, value, true);
    at += 8;
  };
  const whole = (value: number) => {
    view.setUint32(at, value, true);
    at += 4;
  };
  for (const row of rows) {
    const single = isSingle(row);
    view.setUint8(at++, single ? 1 : 0);
    if (single) {
      float(row.sum);
      float(row.integral);
      whole(row.goodMs);
      whole(row.firstTs - row.start);
      continue;
    }
    for (const value of [row.sum, row.min, row.max, row.first, row.last, row.integral]) float(value);
    for (const value of [row.goodMs, row.firstTs - row.start, row.lastTs - row.start, row.count]) whole(value);
  }
  return bytes;
};

/** Inverse of `encodeBundle`; with `only`, that quantity alone. */
export const decodeBundle = (bytes: Uint8Array, names: readonly string[], start: number, only?: string): Bundle => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const bundle = new Map<string, RollupRow>();
  let at = 0;
  for (const name of names) {
    const single = view.getUint8(at) === 1;
    if (only === undefined || only === name)
      bundle.set(name, single ? readSingle(view, at + 1, start) : readFull(view, at + 1, start));
    at += single ? singleBytes : fullBytes;
  }
  return bundle;
};

const readSingle = (view: DataView, at: number, start: number): RollupRow => {
  const value = view.getFloat64(at, true);
  const ts = start + view.getUint32(at + 20, true);
  const [integral, goodMs] = [view.getFloat64(at + 8, true), view.getUint32(at + 16, true)];
  return {
    start,
    count: 1,
    sum: value,
    min: value,
    max: value,
    first: value,
    firstTs: ts,
    last: value,
    lastTs: ts,
    integral,
    goodMs,
  };
};

const readFull = (view: DataView, at: number, start: number): RollupRow => {
  const float = (index: number) => view.getFloat64(at + index * 8, true);
  const whole = (index: number) => view.getUint32(at + 48 + index * 4, true);
  return {
    start,
    count: whole(3),
    sum: float(0),
    min: float(1),
    max: float(2),
    first: float(3),
    firstTs: start + whole(1),
    last: float(4),
    lastTs: start + whole(2),
    integral: float(5),
    goodMs: whole(0),
  };
};
