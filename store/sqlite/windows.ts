import type { DatabaseSync } from "node:sqlite";
import { type RollupStep, steps } from "../readings.ts";
import { type Bundle, decodeBundle, encodeBundle } from "./bundle.ts";
import type { Windows } from "./fresh.ts";
import type { Shapes } from "./row.ts";

/** Roll-ups as they are kept, by step and device. */
export interface KeptWindows {
  /** Start to bundle; with `only`, that quantity alone. */
  read(step: RollupStep, device: number, from: number, to: number, only?: string): ReadonlyMap<number, Bundle>;
  /** Replaces the whole window. */
  write(step: RollupStep, device: number, start: number, bundle: Bundle): void;
  /** Removes up to `limit` windows that begin before. */
  prune(step: RollupStep, before: number, limit: number): number;
}

export const stepNames = Object.keys(steps) as readonly RollupStep[];

export const createKeptWindows = (db: DatabaseSync, shapes: Shapes): KeptWindows => {
  const prepare = (step: RollupStep) => ({
    // Tables are clustered by time: every start of a range is one look-up.
    read: db.prepare(
      `WITH RECURSIVE window(at) AS (SELECT ?1 UNION ALL SELECT at + ${steps[step]} FROM window WHERE at + ${steps[step]} < ?2)
       SELECT start, shape, value FROM window CROSS JOIN rollup_${step} ON start = at WHERE device = ?3`,
    ),
    write: db.prepare(`INSERT OR REPLACE INTO rollup_${step}(start, device, shape, value) VALUES (?, ?, ?, ?)`),
    prune: db.prepare(
      `DELETE FROM rollup_${step} WHERE (start, device) IN
       (SELECT start, device FROM rollup_${step} WHERE start < ? ORDER BY start LIMIT ?)`,
    ),
  });
  const statements = { "1m": prepare("1m"), "15m": prepare("15m"), "1h": prepare("1h") };
  return {
    read: (step, device, from, to, only) => {
      const found = new Map<number, Bundle>();
      const first = Math.ceil(from / steps[step]) * steps[step];
      if (first >= to) return found;
      for (const raw of statements[step].read.iterate(first, to, device)) {
        const start = Number(raw.start);
        const names = shapes.names(Number(raw.shape));
        if (raw.value instanceof Uint8Array) found.set(start, decodeBundle(raw.value, names, start, only));
      }
      return found;
    },
    write: (step, device, start, bundle) => {
      statements[step].write.run(start, device, shapes.id([...bundle.keys()]), encodeBundle(bundle));
    },
    prune: (step, before, limit) => Number(statements[step].prune.run(before, limit).changes),
  };
};

/** One quantity of bundles. */
export const pick = (bundles: ReadonlyMap<number, Bundle>, name: string): Windows =>
  new Map(
    [...bundles].flatMap(([start, bundle]) => {
      const row = bundle.get(name);
      return row === undefined ? [] : [[start, row] as const];
    }),
  );
