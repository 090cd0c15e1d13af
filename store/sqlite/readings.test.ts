import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readingsSuite } from "../readings.suite.ts";
import { openSqliteReadings } from "./readings.ts";

const openAt = async (rollEveryMs: number, runRows?: number) => {
  const folder = await mkdtemp(join(tmpdir(), "wattlas-readings-"));
  const errors: unknown[] = [];
  const open = () =>
    openSqliteReadings(
      { DATA_DIR: join(folder, "data"), STORE_GAP_MS: 150_000 },
      { role: "writer", rollEveryMs, ...(runRows && { runRows }), onError: (error) => errors.push(error) },
    );
  let readings = await open();
  return {
    readings,
    reopen: async () => {
      await readings[Symbol.asyncDispose]();
      readings = await open();
      return readings;
    },
    dispose: async () => {
      await readings[Symbol.asyncDispose]();
      await rm(folder, { recursive: true });
      if (errors.length > 0) throw errors[0];
    },
  };
};

readingsSuite("sqlite, rolled up at once", () => openAt(0));
readingsSuite("sqlite, answered from the tail", () => openAt(3_600_000));
readingsSuite("sqlite, in runs of three rows", () => openAt(0, 3));
