import type { DatabaseSync } from "node:sqlite";
import { type RollupStep, steps } from "../readings.ts";
import { type RollupRow, windowStart } from "../rollup.ts";
import { transact } from "./file.ts";
import { freshLonger, freshMinutes, type Stretch, settle, stretches, type Windows } from "./fresh.ts";
import type { Log } from "./log.ts";
import type { PlaceFinder } from "./places.ts";
import { readRolled } from "./readings-file.ts";
import type { Shapes } from "./row.ts";
import { samplesAt } from "./samples.ts";
import { addRow, type Summary, saveSummary, summaryOf } from "./summary.ts";
import type { Tail } from "./tail.ts";
import { createKeptWindows, pick, stepNames } from "./windows.ts";

// readings after `rolled` ─▶ by device ─▶ touched minutes ─▶ quarters ─▶ hours       (a part of the devices at a time)
//                                     └─▶ summaries, and `rolled` moves on           (at the end)
// A crash in between loses nothing: the same readings are rolled again, to the same windows.

export interface Roller {
  /** Works for about `partMs`; whether there is more to do. */
  roll(partMs: number): boolean;
}

interface Job {
  readonly waiting: { readonly id: number; readonly times: number[] }[];
  readonly last: number;
}

// Rows in one job: many rows of a device share their windows, and reading them takes some 30 ms.
const jobRows = 20_000;

export interface RollerParts {
  readonly shapes: Shapes;
  readonly log: Log;
  readonly places: PlaceFinder;
  readonly tails: () => readonly Tail[];
}

export const createRoller = (db: DatabaseSync, gapMs: number, { shapes, log, places, tails }: RollerParts): Roller => {
  const windows = createKeptWindows(db, shapes);
  const save = saveSummary(db);
  const device = db.prepare("SELECT * FROM device WHERE id = ?");
  const setRolled = db.prepare("UPDATE meta SET value = ? WHERE name = 'rolled'");
  let job: Job | null = null;

  const begin = (): Job | null => {
    const times = new Map<number, number[]>();
    let last = 0;
    let taken = 0;
    for (const { first, rows, device: ids, ts } of log.after(readRolled(db))) {
      for (let row = 0; row < rows; row += 1) {
        const id = ids[row] ?? 0;
        const known = times.get(id);
        if (known === undefined) times.set(id, [ts[row] ?? 0]);
        else known.push(ts[row] ?? 0);
      }
      last = first + rows - 1;
      taken += rows;
      if (taken >= jobRows) break;
    }
    return last === 0 ? null : { waiting: [...times].map(([id, own]) => ({ id, times: own })), last };
  };

  const rollStretch = (id: number, stretch: Stretch) => {
    const kept = {
      "1m": keptAround(id, stretch, "1m", steps["15m"]),
      "15m": keptAround(id, stretch, "15m", steps["1h"]),
      "1h": keptAround(id, stretch, "1h", steps["1h"]),
    };
    const fresh = { "1m": new Map(), "15m": new Map(), "1h": new Map() } satisfies Record<RollupStep, Changes>;
    const found = samplesAt(log, shapes, places.find(tails(), id, stretch.from, stretch.to));
    for (const [name, samples] of found) {
      const at = (step: RollupStep) => {
        const one = pick(kept[step], name);
        return () => one;
      };
      const minutes = settle(freshMinutes(samples, stretch.touched, gapMs), at("1m"));
      const quarters = settle(freshLonger(minutes, "15m", at("1m")), at("15m"));
      const hours = settle(freshLonger(quarters, "1h", at("15m")), at("1h"));
      collect(fresh["1m"], name, minutes);
      collect(fresh["15m"], name, quarters);
      collect(fresh["1h"], name, hours);
    }
    for (const step of stepNames)
      for (const [start, changed] of fresh[step])
        windows.write(step, id, start, new Map([...(kept[step].get(start) ?? []), ...changed]));
  };

  const keptAround = (id: number, { from, to }: Stretch, step: RollupStep, alignMs: number) =>
    windows.read(step, id, windowStart(from, alignMs), windowStart(to, alignMs) + alignMs);

  const finish = ({ last }: Job) => {
    const summaries = new Map<number, Summary>();
    for (const chunk of log.after(readRolled(db))) {
      if (chunk.first > last) break;
      for (let row = 0; row < chunk.rows; row += 1) {
        const id = chunk.device[row] ?? 0;
        let summary = summaries.get(id);
        if (summary === undefined) {
          const stored = device.get(id);
          if (stored === undefined) throw new Error(`BUG: reading of no device ${id}`);
          summary = summaryOf(stored);
          summaries.set(id, summary);
        }
        addRow(summary, chunk, row, shapes);
      }
    }
    for (const summary of summaries.values()) save(summary);
    setRolled.run(String(last));
  };

  const work = (current: Job, end: number): boolean => {
    for (let next = current.waiting.pop(); next !== undefined; next = current.waiting.pop()) {
      for (const stretch of stretches(next.times, gapMs)) rollStretch(next.id, stretch);
      if (performance.now() > end) return true;
    }
    finish(current);
    return false;
  };

  return {
    roll: (partMs) => {
      const current = job ?? begin();
      job = null;
      if (current === null) return false;
      const end = performance.now() + partMs;
      try {
        job = transact(db, "IMMEDIATE", () => (work(current, end) ? current : null));
      } catch (error) {
        // The next part begins the job anew; shapes of this one were not stored.
        shapes.forget();
        log.forget();
        throw error;
      }
      return true;
    },
  };
};

type Changes = Map<number, Map<string, RollupRow>>;

const collect = (changes: Changes, name: string, rows: Windows): void => {
  for (const [start, row] of rows) {
    const bundle: Map<string, RollupRow> = changes.get(start) ?? new Map<string, RollupRow>();
    changes.set(start, bundle.set(name, row));
  }
};
