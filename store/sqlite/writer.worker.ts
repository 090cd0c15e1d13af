import { setTimeout as wait } from "node:timers/promises";
import type { Reading } from "../reading.ts";
import type { RollupStep, StoreHealth, WriteResult } from "../readings.ts";
import { checkPartitions, createCatalogue } from "./catalogue.ts";
import { joinChannel } from "./channel.ts";
import { faultOf } from "./fault.ts";
import { bytesOf, openFile, transact } from "./file.ts";
import { holdLock } from "./lock.ts";
import { createLog } from "./log.ts";
import { createMover, moveOld } from "./mover.ts";
import { createPlaceFinder } from "./places.ts";
import { createPruner } from "./pruner.ts";
import { readingsKind } from "./readings-file.ts";
import { type Remote, startRemote } from "./remote.ts";
import { createRoller } from "./roller.ts";
import { createShapes } from "./row.ts";
import { createSealer, defaultRunRows, type Stretch } from "./sealer.ts";
import { serve } from "./serve.ts";
import { createSorter } from "./sorter.ts";
import type { SorterCalls, SorterSettings } from "./sorter.worker.ts";
import { createKeptWindows } from "./windows.ts";
import { type Batch, createWriter, type SentColumns } from "./writer.ts";

export interface WriterSettings {
  readonly path: string;
  readonly lockPath: string;
  readonly gapMs: number;
  readonly rollEveryMs: number;
  readonly maxPages?: number | undefined;
  /** Rows in a run; small in tests. */
  readonly runRows?: number | undefined;
}

export interface WriterCalls {
  write(batch: readonly Reading[]): Promise<WriteResult>;
  writeColumns(columns: SentColumns): Promise<WriteResult>;
  /** Rolls a part of the tail; whether there may be more. */
  roll(argument: null): boolean;
  /** Removes some; call again until it removes none. */
  pruneRaw(before: number): number;
  pruneRollup(argument: { readonly step: RollupStep; readonly before: number }): number;
  health(argument: null): Pick<StoreHealth, "state" | "reason" | "bytes">;
}

interface Queued {
  readonly batch: Batch;
  readonly resolve: (result: WriteResult) => void;
  readonly reject: (error: unknown) => void;
}

// Background work goes in parts of about 20 ms, so that a commit does not wait long for it.
const partMs = 20;
const pruneRows = 2000;
// Roll-ups read the newest samples of each device again: these take some 20 MB.
const cachedChunks = 4096;
// Every look at the newest data passes over the tail: 50,000 readings take some 20 ms.
const rollAtReadings = 50_000;
const moveRetryMs = 5000;

serve<WriterSettings, WriterCalls>(
  ({ path, lockPath, gapMs, rollEveryMs, maxPages, runRows = defaultRunRows }, background) => {
    using stack = new DisposableStack();
    stack.use(holdLock(lockPath));
    const db = openFile({ path, kind: readingsKind, check: "deep", maxPages });
    stack.defer(() => db.close());
    const channel = stack.use(joinChannel(path));
    const shapes = createShapes(db);
    const log = createLog(db, shapes, cachedChunks);
    const catalogue = stack.use(createCatalogue(db, path, (shape) => shapes.names(shape).length));
    checkPartitions(path, catalogue.list());
    moveOld(db, catalogue, runRows, createSorter(path, { log, shapes }).seal);
    const places = createPlaceFinder(db, catalogue, log);
    const sealer = createSealer(runRows);
    const writer = createWriter(db, { shapes, log, sealer, places, catalogue });
    const roller = createRoller(db, gapMs, { shapes, log, places, tails: sealer.tails });
    const windows = createKeptWindows(db, shapes);
    const pruner = createPruner(db, log, catalogue);
    const mover = createMover(db, { path, log, catalogue, sealer, keepRows: runRows });
    mover.sweep();

    let health: Pick<StoreHealth, "state" | "reason"> = { state: "ok", reason: "" };
    const become = (next: typeof health) => {
      if (next.state !== health.state || next.reason !== health.reason) channel.send({ kind: "state", ...next });
      health = next;
    };

    let queue: Queued[] = [];
    const flush = () => {
      const group = queue;
      queue = [];
      if (group.length === 0) return;
      try {
        const results = writer.write(group.map(({ batch }) => batch));
        become({ state: "ok", reason: "" });
        for (const [index, { resolve }] of group.entries()) resolve(results[index] as WriteResult);
      } catch (error) {
        const fault = faultOf(error, path);
        const full = fault.kind === "unavailable" && fault.full;
        become({ state: full ? "full" : "degraded", reason: fault.message });
        for (const { reject } of group) reject(error);
        return;
      }
      channel.send({ kind: "commit" });
      written += 1;
      unrolled += group.reduce((sum, { batch }) => sum + rowsOf(batch), 0);
      if (unrolled >= rollAtReadings) rollSoon();
      else rollLater();
      if (sealer.next() !== null) void moveOn();
    };

    const enqueue = (batch: Batch): Promise<WriteResult> =>
      new Promise((resolve, reject) => {
        if (queue.length === 0) setImmediate(flush);
        queue.push({ batch, resolve, reject });
      });

    let rollTimer: NodeJS.Timeout | undefined;
    let unrolled = 0;
    let written = 0;
    let writtenBefore = 0;
    // While commits come, background work takes a third of this thread at most.
    const pauseMs = (): number => {
      const isBusy = written !== writtenBefore;
      writtenBefore = written;
      return isBusy ? 2 * partMs : 0;
    };
    const rollOn = () => {
      rollTimer = undefined;
      unrolled = 0;
      try {
        if (roller.roll(partMs)) rollTimer = setTimeout(rollOn, pauseMs());
        else void moveOn();
      } catch (error) {
        background(error);
        rollLater();
      }
    };
    const rollSoon = () => {
      unrolled = 0;
      clearTimeout(rollTimer);
      rollTimer = setTimeout(rollOn, 0);
    };
    const rollLater = () => {
      rollTimer ??= setTimeout(rollOn, rollEveryMs);
    };
    rollLater();

    let sorter: Promise<Remote<SorterCalls>> | null = null;
    const write = async (stretch: Stretch) => {
      sorter ??= startRemote<SorterCalls>(
        new URL("./sorter.worker.ts", import.meta.url),
        { path } satisfies SorterSettings,
        background,
      );
      return (await sorter).call("seal", stretch);
    };
    let isOpen = true;
    let isMoving = false;
    let moveTimer: NodeJS.Timeout | undefined;
    const moveOn = async () => {
      if (isMoving || moveTimer !== undefined) return;
      isMoving = true;
      try {
        while (isOpen && (await mover.seal(write)));
        while (isOpen && mover.trim()) await wait(pauseMs(), undefined, { ref: false });
      } catch (error) {
        if (isOpen) {
          background(error);
          moveTimer = setTimeout(() => {
            moveTimer = undefined;
            void moveOn();
          }, moveRetryMs);
        }
      }
      isMoving = false;
    };

    const owned = stack.move();
    return {
      handlers: {
        write: (readings) => enqueue({ kind: "readings", readings }),
        writeColumns: (columns) => {
          writer.learn(columns);
          return enqueue({ kind: "columns", columns });
        },
        roll: () => roller.roll(partMs),
        pruneRaw: (before) => {
          const removed = transact(db, "IMMEDIATE", () => pruner.prune(before, pruneRows));
          catalogue.refresh();
          mover.sweep();
          return removed;
        },
        pruneRollup: ({ step, before }) => transact(db, "IMMEDIATE", () => windows.prune(step, before, pruneRows)),
        health: () => ({
          ...health,
          bytes: bytesOf(path) + catalogue.list().reduce((sum, { bytes }) => sum + bytes, 0),
        }),
      },
      close: () => {
        flush();
        isOpen = false;
        clearTimeout(rollTimer);
        clearTimeout(moveTimer);
        void sorter?.then((remote) => remote[Symbol.asyncDispose]());
        owned.dispose();
      },
    };
  },
);

const rowsOf = (batch: Batch): number =>
  batch.kind === "readings" ? batch.readings.length : batch.columns.device.length;
