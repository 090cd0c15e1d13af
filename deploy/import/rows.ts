import { parse } from "csv-parse/sync";
import { findQuantity, identifierPattern } from "#store";
import { readLabel } from "./label.ts";
import { type ImportOptions, unitScales } from "./options.ts";

export const importCodes = [
  "IMPORT_ROW_SHAPE",
  "IMPORT_DEVICE_INVALID",
  "IMPORT_TIME_INVALID",
  "IMPORT_TIME_NONEXISTENT",
  "IMPORT_TIME_TWICE",
  "IMPORT_VALUE_MISSING",
  "IMPORT_VALUE_NOT_NUMBER",
  "IMPORT_VALUE_OUT_OF_RANGE",
  "IMPORT_INTERVAL_OVERLAPS",
] as const;
type ImportCode = (typeof importCodes)[number];

/** One refused row; `line` counts from 1, the heading included. */
export interface RefusedRow {
  readonly line: number;
  readonly code: ImportCode;
  readonly reason: string;
}

export interface FileReading {
  readonly device: string;
  readonly ts: number;
  readonly value: number;
}

export interface FileRows {
  readonly encoding: string;
  readonly rows: number;
  readonly readings: readonly FileReading[];
  readonly refused: readonly RefusedRow[];
}

/** Text of a file in UTF-8 or UTF-16 (with or without its mark) or in GB18030, and which it was. */
export const decodeFile = (bytes: Uint8Array): { readonly text: string; readonly encoding: string } => {
  const mark =
    bytes[0] === 0xff && bytes[1] === 0xfe ? "utf-16le" : bytes[0] === 0xfe && bytes[1] === 0xff ? "utf-16be" : null;
  if (mark !== null) return { text: new TextDecoder(mark).decode(bytes), encoding: mark };
  try {
    return { text: new TextDecoder("utf-8", { fatal: true }).decode(bytes), encoding: "utf-8" };
  } catch {
    return { text: new TextDecoder("gb18030").decode(bytes), encoding: "gb18030" };
  }
};

const delimiterOf = (head: string): string =>
  [",", ";", "\t", "|"].reduce((best, mark) => (head.split(mark).length > head.split(best).length ? mark : best));

const emptyTexts = new Set(["", "null", "NULL", "NaN", "N/A", "-", "--"]);

interface Interval {
  readonly line: number;
  readonly start: number;
  readonly end: number;
  readonly value: number;
}

// Far above what any meter counts in a bridged gap (10 GW for an hour are 1e10 Wh): the books see that nothing joins.
const gapJump = 1e11;

/** Interval energies of one meter as the register that counted them; where an interval lacks, the register jumps. */
const asRegister = (
  device: string,
  intervals: readonly Interval[],
  from: { readonly ts: number | null; readonly value: number },
  refuse: (row: RefusedRow) => void,
) => {
  const readings: FileReading[] = [];
  let register = from.value;
  let reached: number | null = from.ts;
  for (const { line, start, end, value } of [...intervals].sort((a, b) => a.start - b.start)) {
    if (reached !== null && start < reached) {
      refuse({ line, code: "IMPORT_INTERVAL_OVERLAPS", reason: "its interval begins before the one before it ends" });
      continue;
    }
    if (readings.length === 0 || reached === null || start > reached) {
      if (reached !== null && start > reached) register += gapJump;
      readings.push({ device, ts: start, value: register });
    }
    register += value;
    readings.push({ device, ts: end, value: register });
    reached = end;
  }
  return readings;
};

/** The readings of a file of meter data, every row that gives none with its reason. Throws when a column is missing. */
export const readRows = (
  bytes: Uint8Array,
  options: ImportOptions,
  stands: ReadonlyMap<string, Pick<FileReading, "ts" | "value">> = new Map(),
): FileRows => {
  const { text, encoding } = decodeFile(bytes);
  const delimiter = options.delimiter ?? delimiterOf(text.slice(0, Math.max(0, text.indexOf("\n"))) || text);
  const table = parse(text, {
    bom: true,
    delimiter,
    relax_column_count: true,
    skip_empty_lines: true,
    trim: true,
  }) as string[][];
  const head = table[0] ?? [];
  const place = (name: string | undefined): number => {
    if (name === undefined) return -1;
    const index = head.indexOf(name);
    if (index < 0) throw new Error(`the file has no column "${name}": it has ${head.join(", ").slice(0, 200)}`);
    return index;
  };
  const [timeAt, clockAt] = [place(options.time_column), place(options.clock_column)];
  const [valueAt, deviceAt] = [place(options.value_column), place(options.device_column)];
  const known = findQuantity(options.quantity);
  const intervalMs = options.interval_s * 1000;
  const isInterval = options.kind === "interval_energy" || options.kind === "interval_power";
  const refused: RefusedRow[] = [];
  const readings: FileReading[] = [];
  const intervals = new Map<string, Interval[]>();
  const lastLabels = new Map<string, number>();
  const seen = new Set<string>();
  const take = (cells: readonly string[], line: number): RefusedRow | null => {
    const refuse = (code: ImportCode, reason: string): RefusedRow => ({ line, code, reason });
    if (cells.length !== head.length)
      return refuse("IMPORT_ROW_SHAPE", `has ${cells.length} cells, the heading ${head.length}`);
    const device = options.device ?? cells[deviceAt] ?? "";
    if (!identifierPattern.test(device))
      return refuse("IMPORT_DEVICE_INVALID", `"${device.slice(0, 64)}" must be 1 to 64 of A-Z a-z 0-9 . _ -`);
    const time = clockAt < 0 ? (cells[timeAt] ?? "") : `${cells[timeAt]} ${cells[clockAt]}`;
    const label = readLabel(time, options, lastLabels.get(device) ?? null);
    if (!label.ok) return refuse(label.code, label.reason);
    const { ts } = label;
    lastLabels.set(device, ts);
    if (seen.has(`${device}/${ts}`)) return refuse("IMPORT_TIME_TWICE", `${device} has a row of ${time} already`);
    const cell = cells[valueAt] ?? "";
    if (emptyTexts.has(cell) || options.sentinels.includes(cell))
      return refuse("IMPORT_VALUE_MISSING", `"${cell}" is no value`);
    const plain = options.decimal === "," ? cell.replaceAll(".", "").replace(",", ".") : cell.replaceAll(",", "");
    const number = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(plain) ? Number(plain) : Number.NaN;
    if (!Number.isFinite(number)) return refuse("IMPORT_VALUE_NOT_NUMBER", `"${cell.slice(0, 64)}" is not a number`);
    const hours = options.kind === "interval_power" ? intervalMs / 3_600_000 : 1;
    const value = number * unitScales[options.unit] * hours;
    const [least, most] = isInterval ? [0, gapJump] : [known?.min ?? -Infinity, known?.max ?? Infinity];
    if (value < least || value > most)
      return refuse("IMPORT_VALUE_OUT_OF_RANGE", `${value} must be from ${least} to ${most}`);
    seen.add(`${device}/${ts}`);
    if (!isInterval) {
      readings.push({ device, ts, value });
      return null;
    }
    const start = options.label === "start" ? ts : ts - intervalMs;
    const list = intervals.get(device) ?? [];
    intervals.set(device, list);
    list.push({ line, start, end: start + intervalMs, value });
    return null;
  };
  for (const [index, cells] of table.slice(1).entries()) {
    const no = take(cells, index + 2);
    if (no !== null) refused.push(no);
  }
  for (const [device, list] of intervals)
    readings.push(
      ...asRegister(device, list, stands.get(device) ?? { ts: null, value: options.register_start ?? 0 }, (row) =>
        refused.push(row),
      ),
    );
  refused.sort((a, b) => a.line - b.line);
  return { encoding, rows: Math.max(0, table.length - 1), readings, refused };
};
