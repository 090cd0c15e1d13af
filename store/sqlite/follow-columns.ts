import type { DeviceName } from "../device-table.ts";
import type { Chunk } from "./chunk.ts";
import type { Log } from "./log.ts";
import type { Horizon } from "./places.ts";
import { readingBits, type Shapes } from "./row.ts";

// chunks after the cursor ─▶ rows of the sites asked for ─▶ columns; a name crosses to the other thread once

/** The memory of a page, to hand it over instead of copying it. */
export const buffersOf = ({ device, shape, ts, received, flags, value }: RowColumns): readonly ArrayBuffer[] => {
  const buffers = new Set([device, shape, ts, received, flags, value].map(({ buffer }) => buffer));
  return [...buffers].filter((buffer) => buffer instanceof ArrayBuffer);
};

/** Rows on their way to another thread: devices and shapes are places in lists of names. */
export interface RowColumns {
  readonly device: Int32Array;
  readonly shape: Int32Array;
  readonly ts: Float64Array;
  readonly received: Float64Array;
  readonly flags: Uint8Array;
  readonly value: Float64Array;
}

/** A page on its way to the thread that follows; numbers are of a book that grows by the names beside them. */
export interface FollowedColumns extends RowColumns {
  readonly cursor: string;
  readonly behind: boolean;
  /** Names after those that the asker said it knows. */
  readonly devices: readonly DeviceName[];
  readonly shapes: readonly (readonly string[])[];
}

export interface ColumnFollowDeps {
  readonly log: Log;
  /** Rows after a sequence in commit order, wherever they lie. */
  readonly commits: (seq: number) => Iterable<Chunk>;
  readonly shapes: Shapes;
  readonly nameOf: (device: number) => DeviceName;
}

/** How many names of each kind the asker has; names that it was sent twice are equal. */
export interface KnownNames {
  readonly devices: number;
  readonly shapes: number;
}

interface ColumnFollow {
  /** `sites: null` is all of them. */
  page(query: {
    readonly seq: number;
    readonly sites: readonly string[] | null;
    readonly limit: number;
    /** The last row that may come. */
    readonly until: number;
    readonly known: KnownNames;
    readonly horizon: Horizon;
    readonly cursorAt: (seq: number) => string;
  }): FollowedColumns;
}

// Pages never cross a multiple of this, so that followers that began at different places soon ask for the same pages.
const gridRows = 4096;
// Rows that a follower of few sites passes over in one look.
const followRows = 200_000;

export const createColumnFollow = ({ log, commits, shapes, nameOf }: ColumnFollowDeps): ColumnFollow => {
  let numbers = new Int32Array(1024);
  const shapeNumbers = new Map<number, number>();
  // Devices by their numbers.
  let devices = new Int32Array(1024);
  let count = 0;
  const shapeNames: (readonly string[])[] = [];
  let wantedKey: string | null = null;
  // Of a device: 0 not looked at, 1 wanted, 2 not.
  let wanted = new Uint8Array(1024);

  /** Its number + 1 in `numbers`; 0 has none yet. */
  const numberOf = (device: number): number => {
    if (device >= numbers.length) {
      const larger = new Int32Array(Math.max(2 * numbers.length, device + 1));
      larger.set(numbers);
      numbers = larger;
    }
    const known = numbers[device] ?? 0;
    if (known > 0) return known - 1;
    if (count === devices.length) {
      const larger = new Int32Array(2 * count);
      larger.set(devices);
      devices = larger;
    }
    devices[count] = device;
    count += 1;
    numbers[device] = count;
    return count - 1;
  };
  const shapeNumberOf = (shape: number): number => {
    const known = shapeNumbers.get(shape);
    if (known !== undefined) return known;
    shapeNumbers.set(shape, shapeNames.length);
    return shapeNames.push(shapes.names(shape)) - 1;
  };
  const wantOnly = (sites: readonly string[] | null): ((device: number) => boolean) => {
    if (sites === null) return () => true;
    const key = sites.join(" ");
    const set = new Set(sites);
    if (key !== wantedKey) wanted.fill(0);
    wantedKey = key;
    return (device) => {
      if (device >= wanted.length) {
        const larger = new Uint8Array(Math.max(2 * wanted.length, device + 1));
        larger.set(wanted);
        wanted = larger;
      }
      if (wanted[device] === 0) wanted[device] = set.has(nameOf(device).site) ? 1 : 2;
      return wanted[device] === 1;
    };
  };

  // Pages are made here and copied out: what each left behind lay about until 64 MB of it were collected.
  const device = new Int32Array(gridRows);
  const shape = new Int32Array(gridRows);
  const ts = new Float64Array(gridRows);
  const received = new Float64Array(gridRows);
  const flags = new Uint8Array(gridRows);
  let value = new Float64Array(gridRows * 8);

  return {
    page: ({ seq: from, sites, limit, until, known, horizon, cursorAt }) => {
      const isWanted = wantOnly(sites);
      const most = Math.min(limit, gridRows);
      let [seq, rows, values, passed] = [from, 0, 0, 0];
      let isFull = false;
      for (const chunk of commits(seq)) {
        for (let row = Math.max(0, seq + 1 - chunk.first); row < chunk.rows; row += 1) {
          if (rows === most || seq >= until || (rows > 0 && seq % gridRows === 0)) {
            isFull = true;
            break;
          }
          seq = chunk.first + row;
          passed += 1;
          const number = chunk.device[row] ?? 0;
          const at = chunk.ts[row] ?? Number.NaN;
          if (!isWanted(number) || (seq <= horizon.seq && at < horizon.ts)) continue;
          const begin = chunk.start[row] ?? 0;
          const form = shapeNumberOf(chunk.shape[row] ?? 0);
          const end = begin + (shapeNames[form]?.length ?? 0);
          if (values + end - begin > value.length) {
            const larger = new Float64Array(2 * value.length + end - begin);
            larger.set(value);
            value = larger;
          }
          device[rows] = numberOf(number);
          shape[rows] = form;
          ts[rows] = at;
          received[rows] = chunk.received(row);
          flags[rows] = (chunk.flags[row] ?? 0) & readingBits;
          for (let index = begin; index < end; index += 1) value[values++] = chunk.value[index] ?? Number.NaN;
          rows += 1;
        }
        // A follower of few sites gets what there is, rather than hold up others.
        if (isFull || (passed >= followRows && rows > 0)) break;
      }
      return {
        cursor: cursorAt(seq),
        behind: seq < Math.min(until, log.last()),
        devices: Array.from(devices.subarray(Math.min(known.devices, count), count), nameOf),
        shapes: shapeNames.slice(known.shapes),
        ...copyOf({ device, shape, ts, received, flags, value }, rows, values),
      };
    },
  };
};

/** The first rows, in one piece of memory: it comes and goes as a whole. */
const copyOf = (from: RowColumns, rows: number, values: number): RowColumns => {
  const memory = new ArrayBuffer(values * 8 + rows * 25);
  const wordsAt = values * 8 + rows * 16;
  const to = {
    value: new Float64Array(memory, 0, values),
    ts: new Float64Array(memory, values * 8, rows),
    received: new Float64Array(memory, values * 8 + rows * 8, rows),
    device: new Int32Array(memory, wordsAt, rows),
    shape: new Int32Array(memory, wordsAt + rows * 4, rows),
    flags: new Uint8Array(memory, wordsAt + rows * 8, rows),
  };
  to.value.set(from.value.subarray(0, values));
  to.ts.set(from.ts.subarray(0, rows));
  to.received.set(from.received.subarray(0, rows));
  to.device.set(from.device.subarray(0, rows));
  to.shape.set(from.shape.subarray(0, rows));
  to.flags.set(from.flags.subarray(0, rows));
  return to;
};
