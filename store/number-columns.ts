// a column, one of
//   0 alike    the number
//   1 steps    power of ten, bytes of each, the smallest; n × (value × 10^power − smallest + 1), 0: none, byte by byte
//   2 doubles  n × 8 bytes, byte by byte: those of like meaning stand together
//   3 again    the place of an earlier column

const [alike, steps, doubles, again] = [0, 1, 2, 3];
const powers = [1, 10, 100, 1000] as const;
const stepsHead = 11;

/** Numbers of columns in few bytes, NaN for none; bits of NaN and the sign of 0 are not kept. */
export const packColumns = (columns: readonly Float64Array[]): Uint8Array<ArrayBuffer> => {
  const room = columns.reduce((sum, { length }) => sum + 8 * length + stepsHead, 0);
  const bytes = new Uint8Array(room);
  const view = new DataView(bytes.buffer);
  let at = 0;
  const planes = (from: Uint8Array, width: number, count: number): void => {
    for (let plane = 0; plane < width; plane++)
      for (let i = plane; i < count * width; i += width) bytes[at++] = from[i] ?? 0;
  };
  for (const [place, values] of columns.entries()) {
    if (isAlike(values)) {
      bytes[at] = alike;
      view.setFloat64(at + 1, values[0] ?? Number.NaN, true);
      at += 9;
      continue;
    }
    const known = place > 255 ? -1 : columns.findIndex((other, index) => index < place && isSame(other, values));
    if (known >= 0) {
      bytes[at++] = again;
      bytes[at++] = known;
      continue;
    }
    const found = stepsOf(values);
    if (found === null) {
      bytes[at++] = doubles;
      planes(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), 8, values.length);
      continue;
    }
    const { power, least, width, codes } = found;
    bytes[at] = steps;
    bytes[at + 1] = power;
    bytes[at + 2] = width;
    view.setFloat64(at + 3, least, true);
    at += stepsHead;
    planes(new Uint8Array(codes.buffer), width, codes.length);
  }
  return bytes.subarray(0, at);
};

const isAlike = (values: Float64Array): boolean => {
  for (let i = 1; i < values.length; i++) if (!Object.is(values[i], values[0])) return false;
  return true;
};

const isSame = (a: Float64Array, b: Float64Array): boolean => {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (!Object.is(a[i], b[i])) return false;
  return true;
};

/** The coarsest of a few steps of which all values are whole multiples; null when there is none, or it saves nothing. */
const stepsOf = (values: Float64Array) => {
  for (const [power, scale] of powers.entries()) {
    let [least, most] = [Infinity, -Infinity];
    let i = 0;
    for (; i < values.length; i++) {
      const value = values[i] ?? 0;
      if (Number.isNaN(value)) continue;
      const whole = Math.round(value * scale);
      if (whole / scale !== value) break;
      if (whole < least) least = whole;
      if (whole > most) most = whole;
    }
    if (i < values.length) continue;
    // Whole numbers are told apart up to here.
    if (Math.abs(least) > 2 ** 52 || Math.abs(most) > 2 ** 52 || most - least > 2 ** 32 - 3) return null;
    const span = most - least + 2;
    const codes = new (span < 2 ** 8 ? Uint8Array : span < 2 ** 16 ? Uint16Array : Uint32Array)(values.length);
    for (i = 0; i < values.length; i++) {
      const value = values[i] ?? 0;
      codes[i] = Number.isNaN(value) ? 0 : Math.round(value * scale) - least + 1;
    }
    return { power, least, codes, width: codes.BYTES_PER_ELEMENT };
  }
  return null;
};

export interface PackedColumns {
  /** Fills so many as the column has. */
  read(place: number, into: Float64Array): void;
}

/** Throws `SyntaxError` for bytes that are not so many columns. `counts`: how many numbers each has. */
export const openColumns = (bytes: Uint8Array, counts: readonly number[]): PackedColumns => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const starts: number[] = [];
  let end = 0;
  for (const count of counts) {
    starts.push(end);
    const kind = bytes[end];
    if (kind === alike) end += 9;
    else if (kind === steps) end += stepsHead + (bytes[end + 2] ?? 0) * count;
    else if (kind === doubles) end += 1 + 8 * count;
    else if (kind === again) end += 2;
    else throw new SyntaxError(`a column of a kind ${kind} that is not known`);
  }
  if (end !== bytes.length) throw new SyntaxError(`${bytes.length} bytes of columns, ${end} expected`);
  const read = (place: number, into: Float64Array): void => {
    const count = counts[place] ?? 0;
    const start = starts[place] ?? 0;
    const kind = bytes[start];
    if (kind === again) {
      const known = bytes[start + 1] ?? 0;
      if (known >= place || counts[known] !== count)
        throw new SyntaxError("a column repeats one that is not before it");
      read(known, into);
    } else if (kind === alike) into.fill(view.getFloat64(start + 1, true), 0, count);
    else if (kind === doubles) {
      const target = new Uint8Array(into.buffer, into.byteOffset, 8 * count);
      for (let at = start + 1, plane = 0; plane < 8; plane++)
        for (let i = plane; i < target.length; i += 8) target[i] = bytes[at++] ?? 0;
    } else {
      const scale = powers[bytes[start + 1] ?? 0] ?? Number.NaN;
      const width = bytes[start + 2] ?? 0;
      const before = view.getFloat64(start + 3, true) - 1;
      const from = start + stepsHead;
      for (let i = 0; i < count; i++) {
        let code = 0;
        let weight = 1;
        for (let at = from + i; at < from + width * count; at += count, weight *= 256)
          code += (bytes[at] ?? 0) * weight;
        into[i] = code === 0 ? Number.NaN : (before + code) / scale;
      }
    }
  };
  return { read };
};
