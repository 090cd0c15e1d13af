import { type Readings, type Retention, type RollupStep, steps } from "../readings.ts";
import { quoteName, rollupMeasurement } from "./line.ts";
import type { Note } from "./record.ts";
import type { InfluxServer } from "./server.ts";

export interface PruneParts {
  readonly server: InfluxServer;
  readonly roll: (before: number) => Promise<void>;
  readonly drain: () => Promise<void>;
  readonly note: (note: Note) => Promise<void>;
  readonly gapMs: number;
}

/** Deletes by time, one measurement at a time; raw readings only after their hours are rolled up. */
export const createPruner = ({ server, roll, drain, note, gapMs }: PruneParts): Readings["prune"] => {
  const remove = async (measurement: string, counted: string, before: number): Promise<number> => {
    const where = `FROM ${quoteName(measurement)} WHERE time < ${Math.ceil(before)}ms`;
    const [rows = []] = await server.query([`SELECT count(${quoteName(counted)}) AS "count" ${where}`]);
    const count = Number(rows[0]?.get("count") ?? 0);
    if (count > 0) await server.query([`DELETE ${where}`]);
    return count;
  };
  return async ({ now, rawMs, rollup }: Retention) => {
    await drain();
    let removed = 0;
    if (rawMs !== null) {
      const before = now - rawMs;
      await roll(before + steps["1h"] + gapMs);
      removed += await remove("reading", "received", before);
      await remove("superseded", "was", before);
      await note({ note: "pruned", before });
    }
    for (const [step, ms] of Object.entries(rollup) as [RollupStep, number | null][])
      if (ms !== null) removed += await remove(rollupMeasurement(step), "count", now - ms);
    return { removed };
  };
};
