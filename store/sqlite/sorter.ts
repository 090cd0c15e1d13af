import type { DatabaseSync } from "node:sqlite";
import { type RollupStep, steps } from "../readings.ts";
import { composeRollups, composeWindow, type RollupRow, rollWindow, type Samples } from "../rollup.ts";
import { type Bundle, encodeBundle } from "./bundle.ts";
import { type Catalogue, hourOf, minutesPath, type PartitionInfo, partitionPath } from "./catalogue.ts";
import type { Log } from "./log.ts";
import { type MinuteDraft, openMinuteDraft } from "./minutes.ts";
import { createJoiner, openPartition, type Partition, writePartition } from "./partition.ts";
import { readRolled } from "./readings-file.ts";
import type { Shapes } from "./row.ts";
import { byDevice, type Segment } from "./scan.ts";
import type { Stretch } from "./sealer.ts";
import { addRow, countRow, type SavedSummary, type Summary, savedOf, summaryOf } from "./summary.ts";

// chunks ─▶ seal ─▶ partition
// partitions after `rolled`, by device ─▶ fold ─▶ summaries, and rows that come late for an hour that is written
// partitions around an hour, by device ─▶ hour ─▶ a file of minutes, and windows of quarters and of the hour

/** A pass over all devices of some partitions. */
export type Task =
  | { readonly kind: "fold"; readonly to: number }
  /** `isSmall`: its minutes are few, and lie with the other windows rather than in a file. */
  | { readonly kind: "hour"; readonly start: number; readonly isSmall: boolean };

/** What a part of a pass found, for the one who writes. */
export interface Found {
  readonly summaries: readonly SavedSummary[];
  /** Times of rows that came after their hour was written. */
  readonly late: readonly { readonly id: number; readonly times: readonly number[] }[];
  readonly windows: readonly FoundWindow[];
  /** Bytes of the file once the pass is over; null before. */
  readonly bytes: number | null;
}

export interface FoundWindow {
  readonly step: RollupStep;
  readonly device: number;
  readonly start: number;
  readonly names: readonly string[];
  readonly value: Uint8Array;
}

/** What moves rows from commit order into the order of devices, and goes through them there. */
export interface Sorter extends Disposable {
  /** Writes the partition of these rows, durable; the catalogue does not know it yet. */
  seal(stretch: Stretch): PartitionInfo;
  /** Begins a pass; one that was under way ends. */
  begin(task: Task): void;
  next(argument: null): Found;
}

interface SorterParts {
  readonly path: string;
  readonly gapMs: number;
  readonly log: Log;
  readonly shapes: Shapes;
  readonly catalogue: Catalogue;
}

// Devices in one part of a pass.
const partDevices = 500;

export const createSorter = (db: DatabaseSync, { path, gapMs, log, shapes, catalogue }: SorterParts): Sorter => {
  const sizeOf = (shape: number) => shapes.names(shape).length;
  const deviceById = db.prepare("SELECT * FROM device WHERE id = ?");
  const join = createJoiner();
  let pass: { readonly parts: Generator<Found>; readonly stack: DisposableStack } | null = null;

  const openAll = (infos: readonly PartitionInfo[], stack: DisposableStack): readonly Partition[] =>
    infos.map((info) => stack.use(openPartition(partitionPath(path, info), info.first, sizeOf)));

  const fold = function* ({ to }: Task & { kind: "fold" }, stack: DisposableStack): Generator<Found> {
    const rolled = readRolled(db);
    const written = catalogue.hours();
    const isLate = (ts: number) =>
      written.has(hourOf(ts)) || written.has(hourOf(ts - gapMs)) || written.has(hourOf(ts + gapMs));
    const partitions = openAll(
      catalogue.list().filter(({ last }) => last > rolled && last <= to),
      stack,
    );
    let [summaries, late] = [[] as SavedSummary[], [] as { id: number; times: number[] }[]];
    for (const { device, segments } of byDevice(partitions)) {
      const raw = deviceById.get(device);
      if (raw === undefined) throw new Error(`BUG: reading of no device ${device}`);
      const summary = summaryOf(raw);
      const times: number[] = [];
      const rows = rowsOf(segments, bySeq);
      for (const [index, { page, row }] of rows.entries()) {
        addTo(summary, { page, row }, rows[index + 1], shapes);
        if (isLate(page.ts[row] ?? 0)) times.push(page.ts[row] ?? 0);
      }
      summaries.push(savedOf(summary));
      if (times.length > 0) late.push({ id: device, times });
      if (summaries.length < partDevices) continue;
      yield { summaries, late, windows: [], bytes: null };
      [summaries, late] = [[], []];
    }
    yield { summaries, late, windows: [], bytes: 0 };
  };

  const hour = function* ({ start, isSmall }: Task & { kind: "hour" }, stack: DisposableStack): Generator<Found> {
    const rolled = readRolled(db);
    const [from, to] = [start - gapMs, start + steps["1h"] + gapMs];
    const reaches = ({ minTs, maxTs, last, hours }: PartitionInfo) => {
      if (last > rolled || maxTs < from || minTs >= to) return false;
      return hours.has(start) || hours.has(hourOf(from)) || hours.has(hourOf(to));
    };
    const partitions = openAll(catalogue.list().filter(reaches), stack);
    const draft: MinuteDraft | null = isSmall ? null : stack.use(openMinuteDraft(minutesPath(path, start), start));
    let windows: FoundWindow[] = [];
    let devices = 0;
    for (const { device, segments } of byDevice(partitions)) {
      const minutes = new Map<string, readonly RollupRow[]>();
      for (const [name, samples] of samplesOf(segments, shapes, from, to)) {
        const own = minutesOf(samples, start, gapMs);
        if (own.length > 0) minutes.set(name, own);
      }
      if (minutes.size === 0) continue;
      draft?.add(device, minutes);
      const add = (step: RollupStep, rows: ReadonlyMap<string, readonly RollupRow[]>) => {
        for (const [at, bundle] of bundlesOf(rows))
          windows.push({ step, device, start: at, names: [...bundle.keys()], value: encodeBundle(bundle) });
      };
      if (draft === null) add("1m", minutes);
      add("15m", new Map([...minutes].map(([name, rows]) => [name, composeRollups(rows, "15m")])));
      add("1h", new Map([...minutes].map(([name, rows]) => [name, [composeWindow(rows, start) ?? []].flat()])));
      devices += 1;
      if (devices % partDevices !== 0) continue;
      yield { summaries: [], late: [], windows, bytes: null };
      windows = [];
    }
    yield { summaries: [], late: [], windows, bytes: draft?.finish() ?? 0 };
  };

  const end = () => {
    pass?.stack.dispose();
    pass = null;
  };

  return {
    seal: ({ first, last }) => {
      const rows = join(log.after(first - 1), first, last);
      const hours = new Map<number, number>();
      let [minTs, maxTs, received] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0];
      for (let row = 0; row < rows.rows; row += 1) {
        const ts = rows.ts[row] ?? 0;
        minTs = Math.min(minTs, ts);
        maxTs = Math.max(maxTs, ts);
        received = Math.max(received, rows.received(row));
        hours.set(hourOf(ts), (hours.get(hourOf(ts)) ?? 0) + 1);
      }
      const bytes = writePartition(partitionPath(path, { first, last }), rows, sizeOf);
      return { first, last, minTs, maxTs, received, hours, bytes };
    },
    begin: (task) => {
      end();
      catalogue.refresh();
      const stack = new DisposableStack();
      pass = { parts: task.kind === "fold" ? fold(task, stack) : hour(task, stack), stack };
    },
    next: () => {
      if (pass === null) throw new Error("BUG: no pass is under way");
      try {
        const { value } = pass.parts.next();
        if (value === undefined) throw new Error("BUG: the pass is over");
        if (value.bytes !== null) end();
        return value;
      } catch (error) {
        end();
        throw error;
      }
    },
    [Symbol.dispose]: end,
  };
};

interface Row {
  readonly page: Segment["page"];
  readonly row: number;
}

const seqOf = ({ page, row }: Row): number => page.seq[row] ?? 0;
const tsOf = ({ page, row }: Row): number => page.ts[row] ?? 0;
const bySeq = (a: Row, b: Row): number => seqOf(a) - seqOf(b);
const byTime = (a: Row, b: Row): number => tsOf(a) - tsOf(b) || seqOf(a) - seqOf(b);

/** Adds a row; of one that the next row outdoes in everything, only that it was there. */
const addTo = (summary: Summary, { page, row }: Row, next: Row | undefined, shapes: Shapes): void => {
  const seq = page.seq[row] ?? 0;
  const isOutdone =
    next !== undefined && next.page.shape[next.row] === page.shape[row] && tsOf(next) >= (page.ts[row] ?? 0);
  if (isOutdone) countRow(summary, page, row, seq);
  else addRow(summary, page, row, seq, shapes);
};

const rowsOf = (segments: readonly Segment[], order: (a: Row, b: Row) => number): readonly Row[] => {
  const rows: Row[] = [];
  let sorted = true;
  for (const { page, from, to } of segments)
    for (let row = from; row < to; row += 1) {
      const next = { page, row };
      const before = rows.at(-1);
      if (before !== undefined && order(before, next) > 0) sorted = false;
      rows.push(next);
    }
  return sorted ? rows : rows.sort(order);
};

const samplesOf = (
  segments: readonly Segment[],
  shapes: Shapes,
  from: number,
  to: number,
): ReadonlyMap<string, Samples> => {
  const found = new Map<string, { ts: number[]; value: number[] }>();
  const columnOf = (name: string) => {
    const known = found.get(name);
    if (known !== undefined) return known;
    const samples = { ts: [], value: [] };
    found.set(name, samples);
    return samples;
  };
  let [shape, columns] = [-1, [] as { ts: number[]; value: number[] }[]];
  const rows = rowsOf(segments, byTime);
  for (const [index, { page, row }] of rows.entries()) {
    const ts = page.ts[row] ?? 0;
    const next = rows[index + 1];
    // Of equal times the newest row has everything.
    if (ts < from || ts >= to || (next !== undefined && tsOf(next) === ts)) continue;
    const own = page.shape[row] ?? 0;
    if (own !== shape) [shape, columns] = [own, shapes.names(own).map(columnOf)];
    let at = page.start[row] ?? 0;
    for (const column of columns) {
      column.ts.push(ts);
      column.value.push(page.value[at++] ?? Number.NaN);
    }
  }
  return found;
};

const minutesOf = (samples: Samples, start: number, gapMs: number): readonly RollupRow[] => {
  const rows: RollupRow[] = [];
  for (let at = start; at < start + steps["1h"]; at += steps["1m"]) {
    const row = rollWindow(samples, at, steps["1m"], gapMs);
    if (row !== null) rows.push(row);
  }
  return rows;
};

const bundlesOf = (rows: ReadonlyMap<string, readonly RollupRow[]>): ReadonlyMap<number, Bundle> => {
  const bundles = new Map<number, Map<string, RollupRow>>();
  for (const [name, own] of rows)
    for (const row of own) bundles.set(row.start, (bundles.get(row.start) ?? new Map()).set(name, row));
  return bundles;
};

/** Stretches of up to about `rows` rows after `sealed`, without a hole in between; all but the newest `rows`. */
export const stretchesOf = (db: DatabaseSync, sealed: number, rows: number): readonly Stretch[] => {
  const found: Stretch[] = [];
  let [begin, end] = [0, 0];
  for (const raw of db.prepare("SELECT last, rows FROM chunk WHERE last > ? ORDER BY last").iterate(sealed)) {
    const last = Number(raw.last);
    const first = Math.max(sealed, last - Number(raw.rows)) + 1;
    if (begin === 0) begin = first;
    else if (end + 1 < first || last - begin >= rows) {
      found.push({ first: begin, last: end });
      begin = first;
    }
    end = last;
  }
  return found;
};
