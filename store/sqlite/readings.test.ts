import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readingsSuite } from "../readings.suite.ts";
import { openSqliteReadings, type SqliteReadingsDeps } from "./readings.ts";

const openAt = async (deps: Pick<SqliteReadingsDeps, "runRows" | "hourAfterMs"> = {}) => {
  const folder = await mkdtemp(join(tmpdir(), "wattlas-readings-"));
  const errors: unknown[] = [];
  const open = () =>
    openSqliteReadings(
      { DATA_DIR: join(folder, "data"), STORE_GAP_MS: 150_000 },
      { role: "writer", ...deps, onError: (error) => errors.push(error) },
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

readingsSuite("sqlite, answered from the tail", () => openAt());
readingsSuite("sqlite, in partitions of three rows", () => openAt({ runRows: 3 }));
readingsSuite("sqlite, in partitions of three rows, every hour written at once", () =>
  openAt({ runRows: 3, hourAfterMs: -1e15 }),
);
