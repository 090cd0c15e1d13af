import type { InboundMessage } from "#broker";
import { type ColumnBuilder, findQuantity, flagBits, type NameBook, quantityPattern } from "#store";
import { earliestTs, lateMs, type ReceiveClock } from "./check.ts";

// topic ──▶ route (device's number, the keys it sent last) ──▶ one pass over the object ──▶ columns
//
// What is not plain telemetry of good values is left alone: decoders and checks say what is wrong with it.

/** The short way of a native telemetry message with one good reading. */
export interface FastLane {
  /** Adds the message's reading to the columns; false: nothing was done, the message goes the long way. */
  take(message: InboundMessage): boolean;
}

export interface FastLaneParts {
  readonly book: NameBook;
  readonly columns: ColumnBuilder;
  readonly clock: ReceiveClock;
  readonly aheadMs: number;
}

/** An object's keys in their order, and what is known of each. */
interface Layout {
  readonly keys: readonly string[];
  readonly shape: number;
  readonly flags: number;
  readonly min: Float64Array;
  readonly max: Float64Array;
}

// A fleet has some dozens of layouts; one who sends ever new ones goes the long way.
const layoutsMost = 4096;
const latin1 = new TextDecoder("latin1");
const missingFlag = flagBits(["TS_MISSING"]);
const futureFlag = flagBits(["TS_FUTURE"]);
const lateFlag = flagBits(["LATE"]);
const unknownFlag = flagBits(["QUANTITY_UNKNOWN"]);

export const createFastLane = ({ book, columns, clock, aheadMs }: FastLaneParts): FastLane => {
  // By a device's number: the keys it sent last.
  const last: (Layout | undefined)[] = [];
  const layouts = new Map<string, Layout>();

  const layoutOf = (object: object): Layout | null => {
    const keys = Object.keys(object);
    const text = keys.join(" ");
    const known = layouts.get(text);
    if (known !== undefined) return known;
    const names = keys.filter((key) => key !== "ts");
    if (names.length === 0 || layouts.size >= layoutsMost || !names.every((name) => quantityPattern.test(name)))
      return null;
    const quantities = keys.map((key) => (key === "ts" ? undefined : findQuantity(key)));
    const layout: Layout = {
      keys,
      shape: book.shape(names),
      flags: names.every((name) => findQuantity(name) !== undefined) ? 0 : unknownFlag,
      min: Float64Array.from(quantities, (quantity) => quantity?.min ?? -Number.MAX_VALUE),
      max: Float64Array.from(quantities, (quantity) => quantity?.max ?? Number.MAX_VALUE),
    };
    layouts.set(text, layout);
    return layout;
  };

  const values: number[] = [];
  let ts: number | undefined;

  /** Reads the object if it has these keys and good values. */
  const read = (object: { readonly [key: string]: unknown }, { keys, min, max }: Layout): boolean => {
    values.length = 0;
    ts = undefined;
    let index = 0;
    for (const key in object) {
      if (key !== keys[index]) return false;
      const value = object[key];
      if (typeof value !== "number") return false;
      if (key === "ts") ts = value;
      else if (value >= (min[index] ?? 0) && value <= (max[index] ?? 0)) values.push(value);
      else return false;
      index += 1;
    }
    return index === keys.length;
  };

  return {
    take(message) {
      const { address, received, payload } = message;
      if (address?.kind !== "telemetry") return false;
      const object = parse(payload);
      if (object === null) return false;
      const known = book.find(address.site, address.device);
      let layout = known === undefined ? null : (last[known] ?? null);
      if (layout === null || !read(object, layout)) {
        layout = layoutOf(object);
        if (layout === null || !read(object, layout)) return false;
      }
      if (ts !== undefined && !(Number.isSafeInteger(ts) && ts >= earliestTs && ts - received <= aheadMs)) return false;
      const device = known ?? book.device(address.site, address.device);
      while (last.length <= device) last.push(undefined);
      last[device] = layout;
      let flags = layout.flags;
      if (ts === undefined) flags |= missingFlag;
      else if (ts > received) flags |= futureFlag;
      else if (received - ts > lateMs) flags |= lateFlag;
      const at = ts ?? clock.next(address.site, address.device, received);
      columns.add({ device, shape: layout.shape, ts: at, received, flags }, values);
      return true;
    },
  };
};

// Names and numbers that pass `read` are ASCII, so no byte of the object can have been anything else.
const parse = (payload: Uint8Array): { readonly [key: string]: unknown } | null => {
  // "{": anything else would be parsed for nothing
  if (payload[0] !== 0x7b) return null;
  try {
    const text = Buffer.isBuffer(payload) ? payload.toString("latin1") : latin1.decode(payload);
    return JSON.parse(text);
  } catch {
    return null;
  }
};
