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

/** A builder whose rows cross to another thread as they lie, and whose memory comes back. */
export interface LendingBuilder extends ColumnBuilder {
  /** Hands over the rows in memory that threads share, and begins anew. */
  take(): ReadingColumns;
  /** Rows of `take` that no thread looks at any more: others come into their memory. */
  giveBack(columns: ReadingColumns): void;
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

/** Memory for rows and values, column after column. */
interface Room {
  readonly device: Int32Array;
  readonly shape: Int32Array;
  readonly ts: Float64Array;
  readonly received: Float64Array;
  readonly flags: Uint8Array;
  readonly value: Float64Array;
}

const rowBytes = 8 + 8 + 4 + 4 + 1;
const firstRows = 1024;
const usualValues = 8;
// As many as commits are under way, and the one that is being filled.
const spareRooms = 4;

const roomOf = (memory: ArrayBuffer | SharedArrayBuffer, rows: number, values: number): Room => {
  const [receivedAt, deviceAt] = [values * 8 + rows * 8, values * 8 + rows * 16];
  return {
    value: new Float64Array(memory, 0, values),
    ts: new Float64Array(memory, values * 8, rows),
    received: new Float64Array(memory, receivedAt, rows),
    device: new Int32Array(memory, deviceAt, rows),
    shape: new Int32Array(memory, deviceAt + rows * 4, rows),
    flags: new Uint8Array(memory, deviceAt + rows * 8, rows),
  };
};
const bytesOf = (rows: number, values: number): number => rows * rowBytes + values * 8;
const columnNames = ["device", "shape", "ts", "received", "flags", "value"] as const;

/** Collects readings as columns; `book` is the one that numbers their devices and quantities. */
export const createColumnBuilder = (book: NameBook): ColumnBuilder => {
  const filling = createFilling(book, (rows, values) => roomOf(new ArrayBuffer(bytesOf(rows, values)), rows, values));
  return {
    ...filling.builder,
    take: () =>
      filling.take(({ device, shape, ts, received, flags, value }, rows, values) => ({
        device: device.slice(0, rows),
        shape: shape.slice(0, rows),
        ts: ts.slice(0, rows),
        received: received.slice(0, rows),
        flags: flags.slice(0, rows),
        value: value.slice(0, values),
      })),
  };
};

/**
 * The same without copies and without garbage: columns that are copied for each of two threads lie about in both until
 * tens of megabytes of them are collected.
 */
export const createLendingBuilder = (book: NameBook): LendingBuilder => {
  const spare: Room[] = [];
  const lent = new Map<ReadingColumns, Room>();
  const fresh = (rows: number, values: number) => roomOf(new SharedArrayBuffer(bytesOf(rows, values)), rows, values);
  const filling = createFilling(book, fresh);
  return {
    ...filling.builder,
    take: () => {
      const room = filling.room();
      const columns = filling.take(({ device, shape, ts, received, flags, value }, rows, values) => ({
        device: device.subarray(0, rows),
        shape: shape.subarray(0, rows),
        ts: ts.subarray(0, rows),
        received: received.subarray(0, rows),
        flags: flags.subarray(0, rows),
        value: value.subarray(0, values),
      }));
      lent.set(columns, room);
      filling.fill(spare.pop() ?? fresh(firstRows, firstRows * usualValues));
      return columns;
    },
    giveBack: (columns) => {
      const room = lent.get(columns);
      if (room === undefined) return;
      lent.delete(columns);
      if (spare.length < spareRooms) spare.push(room);
    },
  };
};

const createFilling = (book: NameBook, fresh: (rows: number, values: number) => Room) => {
  let room = fresh(firstRows, firstRows * usualValues);
  let [count, valueCount] = [0, 0];

  const grow = (rows: number, values: number) => {
    const larger = fresh(rows, values);
    for (const name of columnNames) larger[name].set(room[name]);
    room = larger;
  };

  const add = (row: ColumnRow, values: ArrayLike<number>): void => {
    if (count === room.device.length) grow(2 * count, room.value.length);
    if (valueCount + values.length > room.value.length)
      grow(room.device.length, Math.max(2 * room.value.length, valueCount + values.length));
    const { device, shape, ts, received, flags, value } = room;
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
    room: () => room,
    fill: (next: Room) => {
      room = next;
    },
    take: (columnsOf: (room: Room, rows: number, values: number) => Omit<ReadingColumns, "book">): ReadingColumns => {
      const columns = { book, ...columnsOf(room, count, valueCount) };
      count = 0;
      valueCount = 0;
      return columns;
    },
    builder: {
      rows: () => count,
      add,
      addReading: ({ site, device, ts, received, quantities, flags }: Reading) => {
        const row = {
          device: book.device(site, device),
          shape: book.shape(Object.keys(quantities)),
          ts,
          received,
          flags: flagBits(flags),
        };
        add(row, Object.values(quantities));
      },
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
  let at = 0;
  for (let row = 0; row < columns.device.length; row += 1) {
    take(readingAt(columns, row, at));
    at += sizeAt(columns, row);
  }
};

/** One row as a reading; `start` is where its values begin. */
export const readingAt = (columns: ReadingColumns, row: number, start: number): Reading => {
  const { book, device, shape, ts, received, flags, value } = columns;
  const name = book.devices.at(device[row] ?? -1);
  const names = book.shapes[shape[row] ?? -1];
  if (name === undefined || names === undefined) throw new Error(`BUG: row ${row} has no name in its book`);
  const quantities: Record<string, number> = {};
  let at = start;
  for (const quantity of names) quantities[quantity] = value[at++] ?? Number.NaN;
  return {
    site: name.site,
    device: name.device,
    ts: timestamp(ts[row] ?? Number.NaN),
    received: timestamp(received[row] ?? Number.NaN),
    quantities,
    flags: flagsOf(flags[row] ?? 0),
  };
};

/** Where the values of each row begin. */
export const startsOf = (columns: ReadingColumns): Int32Array => {
  const starts = new Int32Array(columns.device.length);
  let at = 0;
  for (let row = 0; row < starts.length; row += 1) {
    starts[row] = at;
    at += sizeAt(columns, row);
  }
  return starts;
};

const sizeAt = ({ book, shape }: ReadingColumns, row: number): number => book.shapes[shape[row] ?? -1]?.length ?? 0;

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
