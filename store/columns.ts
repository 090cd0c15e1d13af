import { createDeviceTable, type DeviceList } from "./device-table.ts";
import { type Reading, readingFlags } from "./reading.ts";
import { timestamp } from "./unit.ts";

// Readings on their way to the disk, many at once: numbers in columns, names once in a book that both ends keep.
//
//   book     devices: 0 = a/r-1, 1 = a/r-2 …      shapes: 0 = [power_w, inlet_c] …
//   columns  device [0, 1, 0]  shape [0, 0, 0]  ts […]  value [power, inlet, power, inlet, power, inlet]

/** Numbers for names; grows, and a number never changes its meaning. */
export interface NameBook {
  readonly devices: DeviceList;
  /** Names of quantities, in the order of a row's values. */
  readonly shapes: readonly (readonly string[])[];
  device(site: string, device: string): number;
  /** Its number if it has one. */
  find(site: string, device: string): number | undefined;
  shape(names: readonly string[]): number;
}

/** Rows of readings as columns of equal length; `value` holds the rows' values end to end. */
export interface ReadingColumns {
  readonly book: NameBook;
  readonly device: Int32Array;
  readonly shape: Int32Array;
  /** UTC ms. */
  readonly ts: Float64Array;
  /** UTC ms. */
  readonly received: Float64Array;
  /** Bits in the order of `readingFlags`. */
  readonly flags: Uint8Array;
  readonly value: Float64Array;
}

/** Collects rows; one who adds a row adds its values in the same breath. */
export interface ColumnBuilder {
  rows(): number;
  add(row: ColumnRow, values: ArrayLike<number>): void;
  /** A reading of checked names, time and values. */
  addReading(reading: Reading): void;
  /** Hands over the rows, in arrays of their own, and begins anew. */
  take(): ReadingColumns;
}

export interface ColumnRow {
  readonly device: number;
  readonly shape: number;
  readonly ts: number;
  readonly received: number;
  readonly flags: number;
}

/** Names of devices and sets of quantities as numbers, counted from 0 in the order they come. */
export const createNameBook = (): NameBook => {
  const devices = createDeviceTable();
  const shapes: (readonly string[])[] = [];
  const shapeNumbers = new Map<string, number>();
  return {
    devices,
    shapes,
    find: devices.find,
    device: devices.number,
    shape: (names) => {
      const key = names.join(" ");
      const known = shapeNumbers.get(key);
      if (known !== undefined) return known;
      shapeNumbers.set(key, shapes.length);
      return shapes.push([...names]) - 1;
    },
  };
};

/** Collects readings as columns; `book` is the one that numbers their devices and quantities. */
export const createColumnBuilder = (book: NameBook): ColumnBuilder => {
  let [capacity, count, valueCount] = [1024, 0, 0];
  let device = new Int32Array(capacity);
  let shape = new Int32Array(capacity);
  let ts = new Float64Array(capacity);
  let received = new Float64Array(capacity);
  let flags = new Uint8Array(capacity);
  let value = new Float64Array(capacity * 8);

  const grow = () => {
    capacity *= 2;
    device = larger(device, new Int32Array(capacity));
    shape = larger(shape, new Int32Array(capacity));
    ts = larger(ts, new Float64Array(capacity));
    received = larger(received, new Float64Array(capacity));
    flags = larger(flags, new Uint8Array(capacity));
  };

  const add = (row: ColumnRow, values: ArrayLike<number>): void => {
    if (count === capacity) grow();
    if (valueCount + values.length > value.length)
      value = larger(value, new Float64Array(Math.max(2 * value.length, valueCount + values.length)));
    device[count] = row.device;
    shape[count] = row.shape;
    ts[count] = row.ts;
    received[count] = row.received;
    flags[count] = row.flags;
    count += 1;
    for (let index = 0; index < values.length; index += 1) value[valueCount + index] = values[index] ?? Number.NaN;
    valueCount += values.length;
  };

  return {
    rows: () => count,
    add,
    addReading: ({ site, device, ts, received, quantities, flags }) => {
      const row = {
        device: book.device(site, device),
        shape: book.shape(Object.keys(quantities)),
        ts,
        received,
        flags: flagBits(flags),
      };
      add(row, Object.values(quantities));
    },
    take: () => {
      const columns: ReadingColumns = {
        book,
        device: device.slice(0, count),
        shape: shape.slice(0, count),
        ts: ts.slice(0, count),
        received: received.slice(0, count),
        flags: flags.slice(0, count),
        value: value.slice(0, valueCount),
      };
      count = 0;
      valueCount = 0;
      return columns;
    },
  };
};

/** The rows as readings, for stores that take those. */
export const readingsOf = (columns: ReadingColumns): Reading[] => {
  const readings: Reading[] = [];
  eachReading(columns, (reading) => readings.push(reading));
  return readings;
};

/** Gives each row as a reading, in order; none is kept. */
export const eachReading = (columns: ReadingColumns, take: (reading: Reading) => void): void => {
  const { book, device, shape, ts, received, flags, value } = columns;
  let at = 0;
  for (let row = 0; row < device.length; row += 1) {
    const name = book.devices.at(device[row] ?? -1);
    const names = book.shapes[shape[row] ?? -1];
    if (name === undefined || names === undefined) throw new Error(`BUG: row ${row} has no name in its book`);
    const quantities: Record<string, number> = {};
    for (const quantity of names) quantities[quantity] = value[at++] ?? Number.NaN;
    take({
      site: name.site,
      device: name.device,
      ts: timestamp(ts[row] ?? Number.NaN),
      received: timestamp(received[row] ?? Number.NaN),
      quantities,
      flags: flagsOf(flags[row] ?? 0),
    });
  }
};

/** The sites that have rows. */
export const sitesOf = ({ book, device }: ReadingColumns): ReadonlySet<string> => {
  const sites = new Set<string>();
  let last = "";
  for (const number of device) {
    const site = book.devices.at(number)?.site ?? last;
    if (site !== last) sites.add(site);
    last = site;
  }
  return sites;
};

/** Flags as one number, bit by bit in the order of `readingFlags`; `flagsOf` is its inverse. */
export const flagBits = (flags: readonly string[]): number => {
  if (flags.length === 0) return 0;
  return readingFlags.reduce((bits, flag, index) => (flags.includes(flag) ? bits | (1 << index) : bits), 0);
};

export const flagsOf = (bits: number): Reading["flags"] =>
  bits === 0 ? [] : readingFlags.filter((_, index) => (bits & (1 << index)) !== 0);

const larger = <Column extends Int32Array | Float64Array | Uint8Array>(old: Column, fresh: Column): Column => {
  fresh.set(old);
  return fresh;
};
