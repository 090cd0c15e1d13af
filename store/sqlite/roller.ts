import type { DatabaseSync } from "node:sqlite";
import { type RollupStep, steps } from "../readings.ts";
import { type RollupRow, windowStart } from "../rollup.ts";
import { type Catalogue, hourOf, minutesPath } from "./catalogue.ts";
import { transact } from "./file.ts";
import { freshLonger, freshMinutes, type Stretch, settle, stretches, type Windows } from "./fresh.ts";
import type { Log } from "./log.ts";
import type { PlaceFinder } from "./places.ts";
import { readRolled } from "./readings-file.ts";
import type { Shapes } from "./row.ts";
import { samplesAt } from "./samples.ts";
import type { Found, Task } from "./sorter.ts";
import { saveSummary } from "./summary.ts";
import type { Tail } from "./tail.ts";
import { createKeptWindows, pick, stepNames } from "./windows.ts";

// sealed rows ─▶ fold: summaries; late rows change their windows one by one; `rolled` moves on
// an hour whose data is complete ─▶ its windows, all devices in one pass; from then on it is listed
//
// A crash in between loses nothing: the same pass begins again, to the same windows. A summary says which rows it has.

export interface Roller {
  /** What is to be done next, once everything due was. With `before`, whatever must be done before rows of that age go. */
  due(before?: number): Task | null;
  /** Stores what a part of a pass found, in transactions of about `partMs`; one for each step of the iteration. */
  store(found: Found, partMs: number): Iterable<void>;
  finish(task: Task, bytes: number): void;
  /** Path of the file that a pass is making. */
  making(task: Task): string | null;
}

export interface RollerParts {
  readonly path: string;
  readonly gapMs: number;
  readonly shapes: Shapes;
  readonly log: Log;
  readonly places: PlaceFinder;
  readonly catalogue: Catalogue;
  readonly tails: () => readonly Tail[];
  readonly runRows: number;
  /** An hour is complete that long after its end, by the receive times of what came since. */
  readonly afterMs: number;
}

// A fold reads and writes the summary of each device once: the more rows of a device, the cheaper a row.
const foldRowsPerDevice = 16;
// An hour with a smaller share of a partition is not what is being loaded.
const strayShare = 1 / 1024;
// An hour with fewer rows than this share of a partition, of ten devices every 10 s, needs no file of its own.
const smallShare = 1 / 64;
const partWindows = 200;

export const createRoller = (
  db: DatabaseSync,
  { path, gapMs, shapes, log, places, catalogue, tails, runRows, afterMs }: RollerParts,
): Roller => {
  const windows = createKeptWindows(db, shapes, catalogue);
  const save = saveSummary(db);
  const setRolled = db.prepare("UPDATE meta SET value = ? WHERE name = 'rolled'");
  const devices = db.prepare("SELECT max(id) AS id FROM device");
  const replaced = db.prepare("DELETE FROM rollup_1m WHERE start >= ? AND start < ?");

  const dueFold = (least: number): Task | null => {
    const [sealed, rolled] = [catalogue.sealed(), readRolled(db)];
    return sealed > rolled && sealed - rolled >= least ? { kind: "fold", to: sealed } : null;
  };

  const dueHour = (before: number | undefined): Task | null => {
    const rolled = readRolled(db);
    const written = catalogue.hours();
    const open = new Map<number, { rows: number; received: number }>();
    let newest = Number.NEGATIVE_INFINITY;
    for (const { last, received, hours, maxTs } of catalogue.list()) {
      if (last > rolled) continue;
      newest = Math.max(newest, received);
      const all = [...hours.values()].reduce((sum, rows) => sum + rows, 0);
      for (const [hour, rows] of hours) {
        if (written.has(hour)) continue;
        const known = open.get(hour) ?? { rows: 0, received: Number.NEGATIVE_INFINITY };
        known.rows += rows;
        if (rows >= all * strayShare) known.received = Math.max(known.received, received);
        open.set(hour, known);
      }
      // The line from its last row may end in an hour that has no row here.
      const next = hourOf(maxTs + gapMs);
      if (before !== undefined && maxTs < before && !written.has(next) && !open.has(next))
        open.set(next, { rows: 0, received });
    }
    const isDue = ([hour, { received }]: [number, { received: number }]) =>
      before === undefined
        ? hour + steps["1h"] + afterMs <= newest && received + afterMs <= newest
        : hour < before + gapMs;
    const [first] = [...open].filter(isDue).sort(([a], [b]) => a - b);
    return first === undefined
      ? null
      : { kind: "hour", start: first[0], isSmall: first[1].rows < runRows * smallShare };
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
      // Windows of an hour that is not written yet come with that hour.
      const changed = inHours(freshMinutes(samples, stretch.touched, gapMs), catalogue.hours());
      const minutes = settle(changed, at("1m"));
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

  return {
    due: (before) => {
      const least = before === undefined ? Math.max(runRows, foldRowsPerDevice * Number(devices.get()?.id ?? 0)) : 1;
      return dueFold(least) ?? dueHour(before);
    },
    *store({ summaries, late, windows: found }, partMs) {
      // Late rows first: a summary says that its rows are dealt with.
      const work = [
        ...late.flatMap(({ id, times }) => stretches(times, gapMs).map((stretch) => () => rollStretch(id, stretch))),
        ...slices(found).map((part) => () => part.forEach(windows.put)),
        ...slices(summaries).map((part) => () => part.forEach(save)),
      ];
      for (let next = 0; next < work.length; ) {
        const end = performance.now() + partMs;
        try {
          transact(db, "IMMEDIATE", () => {
            do work[next++]?.();
            while (next < work.length && performance.now() < end);
          });
        } catch (error) {
          // Shapes of this part were not stored.
          shapes.forget();
          throw error;
        }
        yield;
      }
    },
    finish: (task, bytes) => {
      transact(db, "IMMEDIATE", () => {
        if (task.kind === "fold") setRolled.run(String(task.to));
        else {
          // What an earlier version or an unfinished pass left there would hide the file.
          if (!task.isSmall) replaced.run(task.start, task.start + steps["1h"]);
          catalogue.setHour(task.start, bytes);
        }
      });
      catalogue.refresh();
    },
    making: (task) => (task.kind === "hour" && !task.isSmall ? minutesPath(path, task.start) : null),
  };
};

type Changes = Map<number, Map<string, RollupRow>>;

const collect = (changes: Changes, name: string, rows: Windows): void => {
  for (const [start, row] of rows) {
    const bundle: Map<string, RollupRow> = changes.get(start) ?? new Map<string, RollupRow>();
    changes.set(start, bundle.set(name, row));
  }
};

/** Of these windows, those in the hours. */
export const inHours = (windows: Windows, hours: { has(hour: number): boolean }): Windows =>
  new Map([...windows].filter(([start]) => hours.has(hourOf(start))));

const slices = <Item>(items: readonly Item[]): readonly (readonly Item[])[] =>
  Array.from({ length: Math.ceil(items.length / partWindows) }, (_, index) =>
    items.slice(index * partWindows, (index + 1) * partWindows),
  );
