import { Point } from "@influxdata/influxdb-client";
import { type Reading, type ReadingFlag, readingFlags } from "../reading.ts";
import type { Correction, RollupStep } from "../readings.ts";
import type { RollupRow } from "../rollup.ts";
import { type Timestamp, timestamp } from "../unit.ts";

// measurement reading      tags site, device            fields <quantity>=float, received, flags
//             superseded   tags site, device, quantity, nth      fields was, replaced (ms)
//             reading_1m … tags site, device, quantity  fields of a roll-up, all floats

/** Names that InfluxDB or we need ourselves; a point cannot be in a quantity's name, so nothing collides. */
const reserved: ReadonlySet<string> = new Set(["time", "site", "device", "received", "flags"]);
export const fieldOf = (quantity: string): string => (reserved.has(quantity) ? `${quantity}.value` : quantity);
export const quantityOf = (field: string): string => field.replace(/\.value$/, "");

const asLine = (point: Point): string => {
  const line = point.toLineProtocol({ convertTime: (value) => String(value) });
  if (line === undefined) throw new Error("BUG: a point without fields");
  return line;
};

// What line protocol escapes nothing of. Names of sites, devices and quantities are made of these.
const bare = /^[A-Za-z0-9._-]+$/;

/** One line of a reading; the client's `Point` makes it where something must be escaped. */
export const readingLine = (reading: Reading): string => {
  const { site, device, ts, received } = reading;
  const names = Object.keys(reading.quantities);
  if (!bare.test(site) || !bare.test(device) || !names.every((name) => bare.test(name))) return pointLine(reading);
  let fields = "";
  for (const name of names) {
    const value = reading.quantities[name];
    if (value === undefined || !Number.isFinite(value)) return pointLine(reading);
    fields += `${fieldOf(name)}=${value},`;
  }
  return `reading,device=${device},site=${site} ${fields}flags="${reading.flags.join(",")}",received=${received} ${ts}`;
};

const pointLine = (reading: Reading): string => {
  const point = new Point("reading").tag("site", reading.site).tag("device", reading.device).timestamp(reading.ts);
  for (const [name, value] of Object.entries(reading.quantities)) point.floatField(fieldOf(name), value);
  return asLine(point.floatField("received", reading.received).stringField("flags", reading.flags.join(",")));
};

/** `nth` keeps several corrections of one value apart; it stays small, so the series stay few. */
export const supersededLine = (correction: Correction, nth: number): string =>
  asLine(
    new Point("superseded")
      .tag("site", correction.site)
      .tag("device", correction.device)
      .tag("quantity", correction.quantity)
      .tag("nth", String(nth))
      .floatField("was", correction.was)
      .floatField("replaced", correction.replaced)
      .timestamp(correction.ts),
  );

export const rollupMeasurement = (step: RollupStep): string => `reading_${step}`;
const rollupFields = [
  "count",
  "sum",
  "min",
  "max",
  "first",
  "firstTs",
  "last",
  "lastTs",
  "integral",
  "goodMs",
] as const satisfies readonly (keyof RollupRow)[];

export const rollupLine = (
  step: RollupStep,
  of: { readonly site: string; readonly device: string; readonly quantity: string },
  row: RollupRow,
): string => {
  const point = new Point(rollupMeasurement(step))
    .tag("site", of.site)
    .tag("device", of.device)
    .tag("quantity", of.quantity)
    .timestamp(row.start);
  for (const field of rollupFields) point.floatField(field, row[field]);
  return asLine(point);
};

// InfluxDB counts nanoseconds in 64 bits: 1677 to 2262.
const lastMs = 9_223_372_036_854;

export const quoteName = (name: string): string => `"${name.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;
export const quoteText = (text: string): string => `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
/** `[from, to)` as InfluxQL. */
export const timeRange = (from: number, to: number): string =>
  `time >= ${Math.max(Math.ceil(from), 0)}ms AND time <= ${Math.min(Math.ceil(to) - 1, lastMs)}ms`;
export const placeIs = (site: string, device?: string): string =>
  `"site" = ${quoteText(site)}${device === undefined ? "" : ` AND "device" = ${quoteText(device)}`}`;

/** One row of an answer: column name to value. */
export type Row = ReadonlyMap<string, string | number | boolean | null>;

const text = (row: Row, column: string): string => String(row.get(column) ?? "");
const numeric = (row: Row, column: string): number => Number(row.get(column) ?? 0);
const isFlag = (flag: string): flag is ReadingFlag => (readingFlags as readonly string[]).includes(flag);

export const toReading = (row: Row): Reading => {
  const quantities: [string, number][] = [];
  for (const [column, value] of row)
    if (!reserved.has(column) && typeof value === "number") quantities.push([quantityOf(column), value]);
  return {
    site: text(row, "site"),
    device: text(row, "device"),
    ts: timestamp(numeric(row, "time")),
    received: timestamp(numeric(row, "received")),
    quantities: Object.fromEntries(quantities),
    flags: text(row, "flags").split(",").filter(isFlag),
  };
};

export const toCorrection = (row: Row): Correction & { readonly nth: number } => ({
  site: text(row, "site"),
  device: text(row, "device"),
  ts: numeric(row, "time") as Timestamp,
  quantity: text(row, "quantity"),
  was: numeric(row, "was"),
  replaced: numeric(row, "replaced") as Timestamp,
  nth: numeric(row, "nth"),
});

export const toRollup = (row: Row): RollupRow => ({
  start: numeric(row, "time"),
  count: numeric(row, "count"),
  sum: numeric(row, "sum"),
  min: numeric(row, "min"),
  max: numeric(row, "max"),
  first: numeric(row, "first"),
  firstTs: numeric(row, "firstTs"),
  last: numeric(row, "last"),
  lastTs: numeric(row, "lastTs"),
  integral: numeric(row, "integral"),
  goodMs: numeric(row, "goodMs"),
});
