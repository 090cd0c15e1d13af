import { setImmediate as turn } from "node:timers/promises";
import { HttpError } from "@influxdata/influxdb-client";
import { mergeReading } from "../merge.ts";
import type { Reading } from "../reading.ts";
import type { Correction } from "../readings.ts";
import { readingLine, supersededLine } from "./line.ts";
import { readingKey, type SpoolRecord } from "./record.ts";
import { explain, type InfluxServer } from "./server.ts";
import type { NumberedCorrection, Stored } from "./stored.ts";

export interface Line {
  readonly text: string;
  readonly reading: Reading;
}

export interface Refusal {
  readonly line: Line;
  readonly reason: string;
}

/** A server that stands for less says 400 to good data too: only answers about the lines themselves are refusals. */
const aboutLines =
  /partial write|unable to parse|parsing failed|line protocol|field type conflict|invalid (number|boolean|field|tag|timestamp)|missing (fields|tag)|retention policy|time outside range|max key size|limit exceeded/i;

const refuses = (error: unknown): error is HttpError =>
  error instanceof HttpError &&
  (error.statusCode === 413 ||
    ((error.statusCode === 400 || error.statusCode === 422) && aboutLines.test(error.body ?? "")));

/**
 * Sends lines in order. What the server refuses is halved until single lines are left, then single quantities; those
 * it still refuses are handed back, everything else is in the server. Other failures are thrown.
 */
export const sendLines = async (
  server: InfluxServer,
  lines: readonly Line[],
  onTooLarge: (lines: number) => void = () => undefined,
): Promise<readonly Refusal[]> => {
  try {
    if (lines.length > 0) await server.write(lines.map((line) => line.text));
    return [];
  } catch (error) {
    if (!refuses(error)) throw error;
    if (error.statusCode === 413 && lines.length > 1) onTooLarge(lines.length);
    const parts = split(lines);
    if (parts === null) return lines.map((line) => ({ line, reason: explain(error) }));
    const refusals: Refusal[] = [];
    for (const part of parts) refusals.push(...(await sendLines(server, part, onTooLarge)));
    return refusals;
  }
};

const split = (lines: readonly Line[]): readonly (readonly Line[])[] | null => {
  if (lines.length > 1) {
    const half = lines.length >>> 1;
    return [lines.slice(0, half), lines.slice(half)];
  }
  const [line] = lines;
  const quantities = Object.entries(line?.reading.quantities ?? {});
  if (line === undefined || quantities.length < 2) return null;
  return quantities.map(([name, value]) => {
    const reading = { ...line.reading, quantities: Object.fromEntries([[name, value]]) };
    return [{ text: readingLine(reading), reading }];
  });
};

const recordsPerTurn = 500;

export interface Prepared {
  readonly lines: readonly Line[];
  /** Readings counted as new that the server had already. */
  readonly known: readonly Reading[];
}

/** Lines of the records: undecided ones are compared with the server first, replaced values are numbered. */
export const prepare = async (stored: Stored, records: readonly SpoolRecord[]): Promise<Prepared> => {
  const asked = records.filter((record) => record.undecided).map((record) => record.reading);
  const bases = new Map(asked.length > 0 ? await stored.find(asked) : []);
  const known: Reading[] = [];
  const corrections: Correction[] = [];
  const lines: Line[] = [];
  for (const [index, { reading, corrected, first, undecided }] of records.entries()) {
    // A window is tens of thousands of lines; the thread has acknowledgements to give.
    if (index % recordsPerTurn === recordsPerTurn - 1) await turn();
    if (!undecided && corrected.length === 0) {
      lines.push({ text: readingLine(reading), reading });
      continue;
    }
    const key = readingKey(reading);
    const base = bases.get(key);
    if (undecided && first && base !== undefined) known.push(reading);
    const merge = mergeReading(base, reading);
    // For an undecided one the server's own value is what it replaces; it may be what the spool knew too.
    const replaced = base === undefined ? corrected : merge.corrected;
    for (const { quantity, was } of replaced) {
      const { site, device, ts, received } = reading;
      corrections.push({ site, device, ts, quantity, was, replaced: received });
    }
    const whole = merge.merged ?? base ?? reading;
    if (undecided) bases.set(key, whole);
    lines.push({ text: readingLine(whole), reading: whole });
  }
  return { lines: [...(await numbered(stored, corrections, records)), ...lines], known };
};

/** The same correction sent again keeps its number, so that a repeated batch adds nothing. */
const numbered = async (
  stored: Stored,
  corrections: readonly Correction[],
  records: readonly SpoolRecord[],
): Promise<Line[]> => {
  if (corrections.length === 0) return [];
  const places = new Set(corrections.map(readingKey));
  const readings = new Map(records.map(({ reading }) => [readingKey(reading), reading]));
  const had = await stored.superseded([...readings].filter(([key]) => places.has(key)).map(([, reading]) => reading));
  const groups = new Map<string, NumberedCorrection[]>();
  const groupOf = (correction: Correction): NumberedCorrection[] => {
    const key = `${readingKey(correction)}#${correction.quantity}`;
    const group = groups.get(key) ?? [];
    groups.set(key, group);
    return group;
  };
  for (const correction of had) groupOf(correction).push(correction);
  const lines: Line[] = [];
  for (const correction of corrections) {
    const group = groupOf(correction);
    if (group.some((one) => one.was === correction.was && one.replaced === correction.replaced)) continue;
    const nth = group.reduce((most, one) => Math.max(most, one.nth), 0) + 1;
    group.push({ ...correction, nth });
    const reading = {
      ...correction,
      received: correction.replaced,
      quantities: Object.fromEntries([[correction.quantity, correction.was]]),
      flags: [],
    };
    lines.push({ text: supersededLine(correction, nth), reading });
  }
  return lines;
};
