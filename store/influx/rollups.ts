import { type RollupStep, steps } from "../readings.ts";
import { composeRollups, fullerWindow, type RollupRow, rollup, type Samples } from "../rollup.ts";
import type { Catalog } from "./catalog.ts";
import { placeIs, quoteName, quoteText, rollupLine, rollupMeasurement, timeRange, toRollup } from "./line.ts";
import { hourRanges, type Reads } from "./reads.ts";
import type { Note } from "./record.ts";
import type { InfluxServer } from "./server.ts";

export interface RollupParts {
  readonly server: InfluxServer;
  readonly catalog: Catalog;
  readonly reads: Reads;
  readonly sentSeq: () => number;
  readonly note: (note: Note) => Promise<void>;
  readonly gapMs: number;
}

export interface Rollups {
  /** Writes the windows of every changed hour that ended before `before` and whose readings are all sent. */
  roll(before: number, signal: AbortSignal): Promise<void>;
}

const hourMs = steps["1h"];
const batchLines = 5000;
const rangeHours = 24; // one question to the server: a day of 10 s samples is 8,640 rows

export const createRollups = ({ server, catalog, reads, sentSeq, note, gapMs }: RollupParts): Rollups => {
  /** Windows that had more samples than raw data is left keep their figures. */
  const keepFuller = async (
    of: { site: string; device: string; quantity: string },
    step: RollupStep,
    rows: readonly RollupRow[],
    range: readonly [number, number],
  ): Promise<RollupRow[]> => {
    if (range[0] - gapMs >= catalog.pruned().before) return [...rows];
    const where = `${placeIs(of.site, of.device)} AND "quantity" = ${quoteText(of.quantity)} AND ${timeRange(...range)}`;
    const [found = []] = await server.query([`SELECT * FROM ${quoteName(rollupMeasurement(step))} WHERE ${where}`]);
    const kept = new Map(found.map((row) => [Number(row.get("time")), toRollup(row)]));
    return rows.flatMap((row) => fullerWindow(kept.get(row.start), row) ?? []);
  };

  const linesOf = async (
    of: { site: string; device: string; quantity: string },
    samples: Samples,
    range: readonly [number, number],
  ): Promise<string[]> => {
    const minutes = rollup(samples, range[0], range[1], "1m", gapMs);
    const quarters = composeRollups(minutes, "15m");
    const byStep = [
      ["1m", minutes],
      ["15m", quarters],
      ["1h", composeRollups(quarters, "1h")],
    ] as const;
    const lines: string[] = [];
    for (const [step, rows] of byStep)
      for (const row of await keepFuller(of, step, rows, range)) lines.push(rollupLine(step, of, row));
    return lines;
  };

  return {
    roll: async (before, signal) => {
      for (const { site, device, dirty } of [...catalog.all()]) {
        const sent = sentSeq();
        const due = [...dirty].filter(([start, seq]) => start + hourMs <= before && seq < sent).map(([start]) => start);
        for (const [from, end] of hourRanges(due))
          for (let start = from; start < end; start += rangeHours * hourMs) {
            if (signal.aborted) return;
            const range = [start, Math.min(end, start + rangeHours * hourMs)] as const;
            const lines: string[] = [];
            for (const [quantity, samples] of await reads.samples(site, device, range[0] - gapMs, range[1] + gapMs))
              lines.push(...(await linesOf({ site, device, quantity }, samples, range)));
            for (let at = 0; at < lines.length; at += batchLines) await server.write(lines.slice(at, at + batchLines));
            const hours = Array.from(
              { length: (range[1] - range[0]) / hourMs },
              (_, index) => range[0] + index * hourMs,
            );
            // Touched again since `sent` was read: the hour stays changed.
            await note({ note: "rolled", before: sent, hours: [[site, device, ...hours]] });
          }
      }
    },
  };
};
