import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Reading } from "../reading.ts";
import { timestamp } from "../unit.ts";
import { openSqliteReadings, type SqliteReadingsDeps } from "./readings.ts";

/** A folder of its own for one test, gone afterwards. */
export const scratchFolder = async (): Promise<AsyncDisposable & { readonly path: string }> => {
  const path = await mkdtemp(join(tmpdir(), "wattlas-store-"));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
};

export const openIn = (folder: string, deps: Partial<SqliteReadingsDeps> = {}) =>
  openSqliteReadings(
    { DATA_DIR: folder, STORE_GAP_MS: 150_000 },
    {
      role: "writer",
      onError: (error) => {
        throw error;
      },
      ...deps,
    },
  );

export const numbered = (number: number): Reading => ({
  site: "demo",
  device: `r-${number % 7}`,
  ts: timestamp(1_795_219_200_000 + number),
  received: timestamp(1_795_219_200_000 + number),
  quantities: { power_w: number, voltage_l1_v: 230, current_l1_a: 1.5, inlet_c: 21, energy_import_wh: 5, util_pct: 50 },
  flags: [],
});
