import type { DatabaseSync } from "node:sqlite";
import { type RollupStep, steps } from "../readings.ts";
import { type Bundle, decodeBundle, encodeBundle } from "./bundle.ts";
import type { Catalogue } from "./catalogue.ts";
import type { Windows } from "./fresh.ts";
import type { Shapes } from "./row.ts";

/** Roll-ups as they are kept, by step and device. */
export interface KeptWindows {
  /** Start to bundle; with `only`, that quantity alone. */
  read(step: RollupStep, device: number, from: number, to: number, only?: string): ReadonlyMap<number, Bundle>;
  /** Replaces the whole window. */
  write(step: RollupStep, device: number, start: number, bundle: Bundle): void;
  /** Puts an encoded window in its place. */
  put(window: { readonly step: RollupStep; readonly device: number; readonly start: number } & Encoded): void;
  /** Windows of the step that begin earlier are pruned. */
  from(step: RollupStep): number;
  /** Hides the windows that begin before, takes hours of minutes from the catalogue and removes up to `limit` rows. */
  prune(step: RollupStep, before: number, limit: number): number;
}

interface Encoded {
  readonly names: readonly string[];
  readonly value: Uint8Array;
}

export const stepNames = Object.keys(steps) as readonly RollupStep[];

export const createKeptWindows = (db: DatabaseSync, shapes: Shapes, catalogue: Catalogue): KeptWindows => {
  const selectFrom = db.prepare("SELECT value FROM meta WHERE name = ?");
  const setFrom = db.prepare("UPDATE meta SET value = ? WHERE name = ?");
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
  const fromOf = (step: RollupStep): number => Number(selectFrom.get(`from_${step}`)?.value);

  const readFiles = (
    device: number,
    from: number,
    to: number,
    only: string | undefined,
    found: Map<number, Bundle>,
  ) => {
    for (const [hour, bytes] of catalogue.hours()) {
      if (bytes === 0 || hour + steps["1h"] <= from || hour >= to) continue;
      for (const [start, bundle] of catalogue.minutes(hour).of(device, only))
        if (start >= from && start < to) found.set(start, bundle);
    }
  };

  return {
    read: (step, device, from, to, only) => {
      const found = new Map<number, Bundle>();
      const first = Math.ceil(Math.max(from, fromOf(step)) / steps[step]) * steps[step];
      if (first >= to) return found;
      if (step === "1m") readFiles(device, first, to, only, found);
      // What was changed since its hour was written replaces what is in the file.
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
    put: ({ step, device, start, names, value }) => {
      statements[step].write.run(start, device, shapes.id(names), value);
    },
    from: fromOf,
    prune: (step, before, limit) => {
      if (before > fromOf(step)) setFrom.run(String(before), `from_${step}`);
      let removed = Number(statements[step].prune.run(before, limit).changes);
      if (step !== "1m") return removed;
      for (const [hour, bytes] of catalogue.hours()) {
        if (bytes === 0 || hour + steps["1h"] > before) continue;
        catalogue.setHour(hour, 0);
        removed += 1;
      }
      return removed;
    },
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
