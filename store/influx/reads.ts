import type { Reading } from "../reading.ts";
import {
  type Correction,
  type Page,
  type ReadQuery,
  type RollupStep,
  type Series,
  type SeriesQuery,
  steps,
} from "../readings.ts";
import { fullerWindow, type RollupRow, rollup, rollupColumns, type Samples, windowStart } from "../rollup.ts";
import {
  fieldOf,
  placeIs,
  quoteName,
  quoteText,
  rollupMeasurement,
  timeRange,
  toCorrection,
  toReading,
  toRollup,
} from "./line.ts";
import { readPage } from "./pages.ts";
import { readingKey } from "./record.ts";
import type { InfluxServer } from "./server.ts";
import { overlay } from "./stored.ts";
import type { SpoolView } from "./view.ts";

export interface ReadParts {
  readonly server: InfluxServer;
  readonly view: SpoolView;
  readonly sentSeq: () => Promise<number>;
  readonly gapMs: number;
}

export interface Reads {
  read(query: ReadQuery): Promise<Page<Reading>>;
  corrections(query: ReadQuery): Promise<Page<Correction>>;
  series(query: SeriesQuery): Promise<Series>;
  /** Samples of every quantity of one device in `[from, to)`. */
  samples(site: string, device: string, from: number, to: number): Promise<ReadonlyMap<string, Samples>>;
}

const hourMs = steps["1h"];

/** Answers from the server with what is not sent yet laid over it; from the spool alone while the server is away. */
export const createReads = ({ server, view, sentSeq, gapMs }: ReadParts): Reads => {
  /** The spool is looked at first: what is sent meanwhile is then seen twice rather than never. */
  const both = async <Result>(
    filter: { site: string; device?: string; from: number; to: number },
    answer: (pending: Awaited<ReturnType<SpoolView["part"]>>, reachable: boolean) => Promise<Result>,
  ): Promise<Result> => {
    if (!server.worthAsking()) return answer(await view.part(filter, "all"), false);
    const pending = await view.part(filter, await sentSeq());
    try {
      return await answer(pending, true);
    } catch (error) {
      if (server.trouble() === "") throw error;
      return answer(await view.part(filter, "all"), false);
    }
  };

  const within = <Item extends { readonly ts: number }>(items: Iterable<Item>, from: number, to: number): Item[] =>
    [...items].filter((item) => item.ts >= from && item.ts < to);

  const samples: Reads["samples"] = (site, device, from, to) =>
    both({ site, device, from, to }, async (pending, reachable) => {
      const where = `${placeIs(site, device)} AND ${timeRange(from, to)}`;
      const [rows = []] = reachable ? await server.query([`SELECT * FROM "reading" WHERE ${where}`]) : [];
      const columns = new Map<string, { ts: number[]; value: number[] }>();
      const readings = overlay(rows.map(toReading), pending.readings).sort((a, b) => a.ts - b.ts);
      for (const { ts, quantities } of readings)
        for (const [name, value] of Object.entries(quantities)) {
          const column = columns.get(name) ?? { ts: [], value: [] };
          columns.set(name, column);
          column.ts.push(ts);
          column.value.push(value);
        }
      return columns;
    });

  const raw = ({ site, device, quantity }: SeriesQuery, from: number, to: number): Promise<Samples> =>
    both({ site, device, from, to }, async (pending, reachable) => {
      const where = `${placeIs(site, device)} AND ${timeRange(from, to)}`;
      const select = `SELECT ${quoteName(fieldOf(quantity))} AS "value" FROM "reading" WHERE ${where}`;
      const [rows = []] = reachable ? await server.query([select]) : [];
      const values = new Map<number, number>();
      for (const row of rows) {
        const value = row.get("value");
        if (typeof value === "number") values.set(Number(row.get("time")), value);
      }
      for (const { ts, quantities } of pending.readings.values()) {
        const value = Object.hasOwn(quantities, quantity) ? quantities[quantity] : undefined;
        if (value !== undefined) values.set(ts, value);
      }
      const ts = [...values.keys()].sort((a, b) => a - b);
      return { ts, value: ts.map((time) => values.get(time) ?? Number.NaN) };
    });

  /** Kept windows, and anew those of the hours that changed since they were rolled up. */
  const windows = async (query: SeriesQuery, step: RollupStep): Promise<RollupRow[]> => {
    const { site, device, quantity, from, to } = query;
    const dirty = (await view.catalog()).find(site, device)?.dirty ?? new Map<number, number>();
    const rows = new Map<number, RollupRow>();
    const where = `${placeIs(site, device)} AND "quantity" = ${quoteText(quantity)} AND ${timeRange(from, to)}`;
    const kept = server.worthAsking()
      ? await server
          .query([`SELECT * FROM ${quoteName(rollupMeasurement(step))} WHERE ${where}`])
          .catch((error: unknown) => {
            if (server.trouble() === "") throw error;
            return null;
          })
      : null;
    for (const row of kept?.[0] ?? []) rows.set(Number(row.get("time")), toRollup(row));
    const first = windowStart(from, hourMs);
    const ranges =
      kept === null
        ? [[first, to] as const]
        : hourRanges([...dirty.keys()].filter((start) => start >= first && start < to));
    for (const [start, end] of ranges) {
      const found = await raw(query, start - gapMs, end + gapMs);
      for (const fresh of rollup(found, Math.max(start, from), Math.min(end, to), step, gapMs)) {
        const row = fullerWindow(rows.get(fresh.start), fresh);
        if (row !== null) rows.set(fresh.start, row);
      }
    }
    return [...rows.values()].sort((a, b) => a.start - b.start);
  };

  return {
    samples,
    read: (query) =>
      both(query, (pending, reachable) =>
        readPage<Reading>(query, {
          server,
          measurement: "reading",
          reachable,
          toItem: toReading,
          keyOf: (reading) => [reading.ts, reading.device],
          join: (stored, from, to) =>
            overlay(
              stored,
              new Map(within(pending.readings.values(), from, to).map((reading) => [readingKey(reading), reading])),
            ),
        }),
      ),
    corrections: (query) =>
      both(query, (pending, reachable) =>
        readPage<Correction>(query, {
          server,
          measurement: "superseded",
          reachable,
          toItem: (row) => {
            const { nth: _, ...correction } = toCorrection(row);
            return correction;
          },
          keyOf: correctionKey,
          join: (stored, from, to) => [
            ...new Map(
              [...stored, ...within(pending.corrections, from, to)].map((item) => [
                correctionKey(item).join("~"),
                item,
              ]),
            ).values(),
          ],
        }),
      ),
    series: async (query) => {
      if (query.step === "raw") return { step: "raw", ...(await raw(query, query.from, query.to)) };
      return { step: query.step, ...rollupColumns(await windows(query, query.step)) };
    },
  };
};

// The old value last: several corrections may have come in one millisecond.
const correctionKey = (item: Correction): readonly [number, string, string, string] => [
  item.ts,
  item.device,
  item.quantity,
  `${String(item.replaced).padStart(16, "0")} ${item.was}`,
];

/** Adjacent hours as `[start, end)`. */
export const hourRanges = (hours: readonly number[]): (readonly [number, number])[] => {
  const ranges: [number, number][] = [];
  for (const hour of hours.toSorted((a, b) => a - b)) {
    const last = ranges.at(-1);
    if (last !== undefined && last[1] === hour) last[1] = hour + hourMs;
    else ranges.push([hour, hour + hourMs]);
  }
  return ranges;
};
