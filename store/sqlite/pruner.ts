import type { DatabaseSync } from "node:sqlite";
import { type Catalogue, hourOf } from "./catalogue.ts";
import type { Log } from "./log.ts";
import { createHorizonReader } from "./places.ts";
import { readRolled } from "./readings-file.ts";

/** Takes raw readings away: all are hidden at once by the horizon, and a partition goes as a file when all of it is behind. */
export interface Pruner {
  /** Takes readings before that time out of the catalogue, and up to `limit` corrections; how many went, 0 at the end. */
  prune(before: number, limit: number): number;
}

export const createPruner = (
  db: DatabaseSync,
  { gapMs, log, catalogue }: { readonly gapMs: number; readonly log: Log; readonly catalogue: Catalogue },
): Pruner => {
  const readHorizon = createHorizonReader(db);
  const setHorizon = db.prepare("UPDATE meta SET value = ? WHERE name = 'horizon'");
  const removeCorrections = db.prepare(
    `DELETE FROM correction WHERE id IN
     (SELECT correction.id FROM device CROSS JOIN correction ON correction.device = device.id AND ts < ? LIMIT ?)`,
  );
  return {
    prune: (before, limit) => {
      const horizon = readHorizon();
      if (before > horizon.ts) setHorizon.run(`${before} ${Math.max(log.last(), catalogue.sealed())}`);
      const rolled = readRolled(db);
      const written = catalogue.hours();
      // Nothing goes before all that is computed from it is written, the line to the next reading as well.
      const old = catalogue.list().filter(({ maxTs, last, hours }) => {
        if (maxTs >= before || last > rolled || !written.has(hourOf(maxTs + gapMs))) return false;
        return [...hours.keys()].every((hour) => written.has(hour));
      });
      for (const info of old) catalogue.remove(info);
      return old.length + Number(removeCorrections.run(before, limit).changes);
    },
  };
};
