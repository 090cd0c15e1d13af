import { setTimeout as wait } from "node:timers/promises";
import type { Reading } from "../reading.ts";
import type { RollupStep, StoreHealth, WriteResult } from "../readings.ts";
import { checkFiles, createCatalogue } from "./catalogue.ts";
import { joinChannel } from "./channel.ts";
import { faultOf } from "./fault.ts";
import { bytesOf, openFile, transact } from "./file.ts";
import { startKeeper } from "./keeper.ts";
import { holdLock } from "./lock.ts";
import { createLog } from "./log.ts";
import { createMover, moveOld } from "./mover.ts";
import { createPlaceFinder } from "./places.ts";
import { createPruner } from "./pruner.ts";
import { readingsKind } from "./readings-file.ts";
import { startRemote } from "./remote.ts";
import { createRoller } from "./roller.ts";
import { createShapes } from "./row.ts";
import { createSealer, defaultRunRows } from "./sealer.ts";
import { serve } from "./serve.ts";
import { createSorter } from "./sorter.ts";
import type { SorterCalls, SorterSettings } from "./sorter.worker.ts";
import { createKeptWindows } from "./windows.ts";
import { type Batch, createWriter, type SentColumns } from "./writer.ts";

export interface WriterSettings {
  readonly path: string;
  readonly lockPath: string;
  readonly gapMs: number;
  readonly maxPages?: number | undefined;
  /** Rows of a partition; few in tests. */
  readonly runRows?: number | undefined;
  /** How long after its end an hour's roll-ups are written, ms. */
  readonly hourAfterMs?: number | undefined;
}

export interface WriterCalls {
  write(batch: readonly Reading[]): Promise<WriteResult>;
  writeColumns(columns: SentColumns): Promise<WriteResult>;
  /** Writes down all that is computed from readings before that time. */
  roll(before: number): Promise<void>;
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
// Five minutes are what gateways need to bring what they held back; later readings change single windows.
const defaultHourAfterMs = 300_000;

serve<WriterSettings, WriterCalls>(({ path, lockPath, gapMs, maxPages, ...settings }, background) => {
  using stack = new DisposableStack();
  stack.use(holdLock(lockPath));
  const db = openFile({ path, kind: readingsKind, check: "deep", maxPages });
  stack.defer(() => db.close());
  const channel = stack.use(joinChannel(path));
  const shapes = createShapes(db);
  const log = createLog(db, shapes, cachedChunks);
  const { runRows = defaultRunRows, hourAfterMs = defaultHourAfterMs } = settings;
  const catalogue = stack.use(createCatalogue(db, path, (shape) => shapes.names(shape).length));
  checkFiles(path, catalogue);
  {
    using sorter = createSorter(db, { path, gapMs, log, shapes, catalogue });
    moveOld(db, catalogue, runRows, sorter.seal);
  }
  const places = createPlaceFinder(db, catalogue, log);
  const sealer = createSealer(runRows);
  const writer = createWriter(db, { shapes, log, sealer, places, catalogue });
  const tails = sealer.tails;
  const roller = createRoller(db, {
    path,
    gapMs,
    shapes,
    log,
    places,
    catalogue,
    tails,
    runRows,
    afterMs: hourAfterMs,
  });
  const windows = createKeptWindows(db, shapes, catalogue);
  const pruner = createPruner(db, { gapMs, log, catalogue });
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
    if (sealer.next() !== null) keeper.wake();
  };

  const enqueue = (batch: Batch): Promise<WriteResult> =>
    new Promise((resolve, reject) => {
      if (queue.length === 0) setImmediate(flush);
      queue.push({ batch, resolve, reject });
    });

  let written = 0;
  let writtenBefore = 0;
  // While commits come, background work takes a third of this thread at most.
  const pause = async () => {
    const isBusy = written !== writtenBefore;
    writtenBefore = written;
    await wait(isBusy ? 2 * partMs : 0, undefined, { ref: false });
  };
  const keeper = startKeeper({
    roller,
    mover,
    startSorter: () => startSorter({ path, gapMs }, background),
    pause,
    background,
  });

  const unlinkGone = () => {
    catalogue.refresh();
    mover.sweep(keeper.making());
  };

  const owned = stack.move();
  return {
    handlers: {
      write: (readings) => enqueue({ kind: "readings", readings }),
      writeColumns: (columns) => {
        writer.learn(columns);
        return enqueue({ kind: "columns", columns });
      },
      roll: (before) => {
        sealer.close(before);
        return keeper.settle(before);
      },
      pruneRaw: (before) => {
        const removed = transact(db, "IMMEDIATE", () => pruner.prune(before, pruneRows));
        unlinkGone();
        return removed;
      },
      pruneRollup: ({ step, before }) => {
        const removed = transact(db, "IMMEDIATE", () => windows.prune(step, before, pruneRows));
        unlinkGone();
        return removed;
      },
      health: () => ({ ...health, bytes: bytesOf(path) + catalogue.bytes() }),
    },
    close: () => {
      flush();
      keeper.close();
      owned.dispose();
    },
  };
});

const startSorter = (settings: SorterSettings, background: (error: unknown) => void) =>
  startRemote<SorterCalls>(new URL("./sorter.worker.ts", import.meta.url), settings, background);
