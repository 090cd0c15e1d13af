import type { DatabaseSync } from "node:sqlite";
import { type RollupStep, steps } from "../readings.ts";
import type { RollupRow } from "../rollup.ts";
import type { Windows } from "./fresh.ts";
import type { Raw } from "./readings-file.ts";

/** Roll-ups as they are kept, by device, quantity and step. */
export interface KeptWindows {
  read(step: RollupStep, device: number, quantity: number, from: number, to: number): Windows;
  write(step: RollupStep, device: number, quantity: number, rows: Windows): void;
  /** Removes up to `limit` windows that begin before. */
  prune(step: RollupStep, before: number, limit: number): number;
}

export const stepNames = Object.keys(steps) as readonly RollupStep[];

const columns = "start, count, sum, min, max, first, first_ts, last, last_ts, integral, good_ms";

export const createKeptWindows = (db: DatabaseSync): KeptWindows => {
  const prepare = (step: RollupStep) => ({
    // Tables are clustered by time: every start of a range is one look-up.
    read: db.prepare(
      `WITH RECURSIVE window(at) AS (SELECT ?1 UNION ALL SELECT at + ${steps[step]} FROM window WHERE at + ${steps[step]} < ?2)
       SELECT ${columns} FROM window CROSS JOIN rollup_${step} ON start = at WHERE device = ?3 AND quantity = ?4`,
    ),
    write: db.prepare(
      `INSERT OR REPLACE INTO rollup_${step}(device, quantity, ${columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    ),
    prune: db.prepare(
      `DELETE FROM rollup_${step} WHERE (start, device, quantity) IN
       (SELECT start, device, quantity FROM rollup_${step} WHERE start < ? ORDER BY start LIMIT ?)`,
    ),
  });
  const statements = { "1m": prepare("1m"), "15m": prepare("15m"), "1h": prepare("1h") };
  return {
    read: (step, device, quantity, from, to) => {
      const first = Math.ceil(from / steps[step]) * steps[step];
      if (first >= to) return new Map();
      return new Map(
        statements[step].read.all(first, to, device, quantity).map((raw) => [Number(raw.start), rowOf(raw)]),
      );
    },
    write: (step, device, quantity, rows) => {
      for (const row of rows.values()) {
        const { start, count, sum, min, max, first, firstTs, last, lastTs, integral, goodMs } = row;
        statements[step].write.run(
          ...[device, quantity, start, count, sum, min, max, first, firstTs, last, lastTs, integral, goodMs],
        );
      }
    },
    prune: (step, before, limit) => Number(statements[step].prune.run(before, limit).changes),
  };
};

const rowOf = (raw: Raw): RollupRow => ({
  start: Number(raw.start),
  count: Number(raw.count),
  sum: Number(raw.sum),
  min: Number(raw.min),
  max: Number(raw.max),
  first: Number(raw.first),
  firstTs: Number(raw.first_ts),
  last: Number(raw.last),
  lastTs: Number(raw.last_ts),
  integral: Number(raw.integral),
  goodMs: Number(raw.good_ms),
});
