import type { DatabaseSync } from "node:sqlite";
import type { Log } from "./log.ts";
import { createHorizonReader } from "./places.ts";

/** Takes raw readings away: all are hidden at once by the horizon, and a run goes as a whole when all of it is behind. */
export interface Pruner {
  /** Removes up to about `limit` chunks of readings before that time; how many rows of the file went, 0 at the end. */
  prune(before: number, limit: number): number;
}

export const createPruner = (db: DatabaseSync, log: Log): Pruner => {
  const readHorizon = createHorizonReader(db);
  const setHorizon = db.prepare("UPDATE meta SET value = ? WHERE name = 'horizon'");
  const oldRun = db.prepare("SELECT first, last FROM run WHERE max_ts < ? ORDER BY last LIMIT 1");
  const oldChunks = db.prepare("SELECT last FROM chunk WHERE last >= ? AND last <= ? ORDER BY last LIMIT ?");
  const removeChunks = db.prepare("DELETE FROM chunk WHERE last >= ? AND last <= ?");
  const removePlaces = db.prepare(
    "DELETE FROM place WHERE run = ?1 AND device IN (SELECT device FROM place WHERE run = ?1 LIMIT ?2)",
  );
  const removeRun = db.prepare("DELETE FROM run WHERE last = ?");
  const removeCorrections = db.prepare(
    `DELETE FROM correction WHERE id IN
     (SELECT correction.id FROM device CROSS JOIN correction ON correction.device = device.id AND ts < ? LIMIT ?)`,
  );
  return {
    prune: (before, limit) => {
      const horizon = readHorizon();
      if (before > horizon.ts) setHorizon.run(`${before} ${log.last()}`);
      const removed = Number(removeCorrections.run(before, limit).changes);
      const run = oldRun.get(before);
      if (run === undefined) return removed;
      const chunks = oldChunks.all(Number(run.first), Number(run.last), limit);
      const last = chunks.at(-1);
      if (last !== undefined) {
        removeChunks.run(Number(run.first), Number(last.last));
        return removed + chunks.length;
      }
      const places = Number(removePlaces.run(Number(run.last), limit * 10).changes);
      if (places === 0) removeRun.run(Number(run.last));
      return removed + places + 1;
    },
  };
};
