import type { Reading } from "../reading.ts";
import type { RollupStep, StoreHealth, WriteResult } from "../readings.ts";
import { joinChannel } from "./channel.ts";
import { faultOf } from "./fault.ts";
import { bytesOf, openFile, transact } from "./file.ts";
import { holdLock } from "./lock.ts";
import { readingsKind } from "./readings-file.ts";
import { createRoller } from "./roller.ts";
import { createShapes } from "./row.ts";
import { serve } from "./serve.ts";
import { createKeptWindows } from "./windows.ts";
import { createWriter } from "./writer.ts";

export interface WriterSettings {
  readonly path: string;
  readonly lockPath: string;
  readonly gapMs: number;
  readonly rollEveryMs: number;
  readonly maxPages?: number | undefined;
}

export interface WriterCalls {
  write(batch: readonly Reading[]): Promise<WriteResult>;
  /** Rolls a part of the tail; whether there may be more. */
  roll(argument: null): boolean;
  /** Removes some; call again until it removes none. */
  pruneRaw(before: number): number;
  pruneRollup(argument: { readonly step: RollupStep; readonly before: number }): number;
  health(argument: null): Pick<StoreHealth, "state" | "reason" | "bytes">;
}

interface Queued {
  readonly batch: readonly Reading[];
  readonly resolve: (result: WriteResult) => void;
  readonly reject: (error: unknown) => void;
}

// Background work goes in parts of about 40 ms, so that a commit does not wait long for it.
const partMs = 40;
const pruneRows = 2000;
// Every look at the newest data passes over the tail: 50,000 readings take some 20 ms.
const rollAtReadings = 50_000;

serve<WriterSettings, WriterCalls>(({ path, lockPath, gapMs, rollEveryMs, maxPages }, background) => {
  using stack = new DisposableStack();
  stack.use(holdLock(lockPath));
  const db = openFile({ path, kind: readingsKind, check: "deep", maxPages });
  stack.defer(() => db.close());
  const channel = stack.use(joinChannel(path));
  const writer = createWriter(db);
  const roller = createRoller(db, gapMs);
  const windows = createKeptWindows(db, createShapes(db));
  const oldReadings = db.prepare(
    "SELECT seq FROM device CROSS JOIN reading ON reading.device = device.id AND ts < ? LIMIT ?",
  );
  const removeReading = db.prepare("DELETE FROM reading WHERE seq = ?");
  const removeCorrections = db.prepare(
    `DELETE FROM correction WHERE id IN
     (SELECT correction.id FROM device CROSS JOIN correction ON correction.device = device.id AND ts < ? LIMIT ?)`,
  );

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
    unrolled += group.reduce((sum, { batch }) => sum + batch.length, 0);
    if (unrolled >= rollAtReadings) rollSoon();
    else rollLater();
  };

  let rollTimer: NodeJS.Timeout | undefined;
  let unrolled = 0;
  const rollOn = () => {
    rollTimer = undefined;
    unrolled = 0;
    try {
      if (roller.roll(partMs)) rollTimer = setTimeout(rollOn, 0);
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

  const owned = stack.move();
  return {
    handlers: {
      write: (batch) =>
        new Promise((resolve, reject) => {
          if (queue.length === 0) setImmediate(flush);
          queue.push({ batch, resolve, reject });
        }),
      roll: () => roller.roll(partMs),
      pruneRaw: (before) =>
        transact(db, "IMMEDIATE", () => {
          removeCorrections.run(before, pruneRows);
          const rows = oldReadings.all(before, pruneRows);
          for (const { seq } of rows) removeReading.run(Number(seq));
          return rows.length;
        }),
      pruneRollup: ({ step, before }) => transact(db, "IMMEDIATE", () => windows.prune(step, before, pruneRows)),
      health: () => ({ ...health, bytes: bytesOf(path) }),
    },
    close: () => {
      flush();
      clearTimeout(rollTimer);
      owned.dispose();
    },
  };
});
