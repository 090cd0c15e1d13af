// Time and power: a wall clock that is set, and a power cut that leaves any part of the write-ahead log.
import { cpSync, readdirSync, rmSync, statSync, truncateSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as wait } from "node:timers/promises";
import { openStore, storeSchema, timestamp } from "#store";
import { startProduct, temporaryFolder } from "../product.ts";
import { type Fault, isWhole, judge, quiet, storeHealth, survive, whole } from "./fault.ts";
import { startLoad } from "./load.ts";
import { numberOf } from "./packets.ts";

const minuteMs = 60_000;

export const clockJump: Fault = {
  name: "wall clock set half an hour on and back",
  run: async (short) => {
    await using folder = await temporaryFolder();
    const file = join(folder.path, "clock");
    await writeFile(file, "0");
    const survived = await survive({
      dataDir: join(folder.path, "data"),
      settings: {
        NODE_OPTIONS: `--import ${join(import.meta.dirname, "clock-shift.ts")}`,
        BENCH_CLOCK_FILE: file,
      },
      flags: { rate: 1000, seconds: short ? 4 : 10 },
      act: async (product) => {
        const step = short ? 700 : 2000;
        for (const shift of [0, 30 * minuteMs, 0, -30 * minuteMs, 0]) {
          await writeFile(file, String(shift));
          await wait(step);
        }
        return (await storeHealth(product)).state;
      },
    });
    return judge(isWhole(survived) && survived.acted === "ok", { ...whole(survived), state: survived.acted });
  },
};

export const walCut: Fault = {
  name: "write-ahead log cut at every byte",
  run: async (short) => {
    await using folder = await temporaryFolder();
    const data = join(folder.path, "data");
    const product = await startProduct(data, { DEPLOY_LOG: "silent" });
    const load = startLoad({
      ...quiet,
      rate: 1000,
      seconds: 1.5,
      port: new URL(product.mqttUrl).port,
    });
    try {
      await load.result;
    } finally {
      load.end();
      await product.end("SIGKILL");
    }
    const journal = await load.journal();
    const wal = readdirSync(data)
      .filter((name) => name.endsWith("-wal") && !name.startsWith("ledger"))
      .toSorted((a, b) => statSync(join(data, b)).size - statSync(join(data, a)).size)[0];
    if (wal === undefined) return judge(false, { why: "the product left no write-ahead log" });
    const length = statSync(join(data, wal)).size;

    // Every byte of the last frames with SQLite alone, which leaves the files as they are; some through the store.
    const scratch = join(folder.path, "scratch");
    cpSync(data, scratch, { recursive: true });
    const deepest = Math.min(length, short ? 600 : 9000);
    let damaged = 0;
    for (let cut = 0; cut <= deepest; cut++) {
      truncateSync(join(scratch, wal), length - cut);
      rmSync(join(scratch, wal.replace(/-wal$/, "-shm")), { force: true });
      const db = new DatabaseSync(join(scratch, wal.replace(/-wal$/, "")), { readOnly: true });
      if (db.prepare("PRAGMA quick_check").get()?.quick_check !== "ok") damaged += 1;
      db.close();
    }
    const opens = short ? 4 : 40;
    let notPrefix = 0;
    let fewest = Number.POSITIVE_INFINITY;
    for (let open = 0; open < opens; open++) {
      const copy = join(folder.path, `copy-${open}`);
      cpSync(data, copy, { recursive: true });
      truncateSync(join(copy, wal), Math.floor((length * open) / opens));
      const found = await readPrefixes(
        copy,
        journal.map(({ device }) => device),
      );
      notPrefix += found.notPrefix;
      fewest = Math.min(fewest, found.readings);
      rmSync(copy, { recursive: true });
    }
    return judge(damaged === 0 && notPrefix === 0, {
      bytesCut: deepest,
      damaged,
      openedByStore: opens,
      notPrefix,
      fewestReadings: fewest,
    });
  },
};

/** Opens the store for writing, as a start does, and looks whether each device's numbers are 0, 1, 2 … without a hole. */
async function readPrefixes(
  dataDir: string,
  devices: readonly string[],
): Promise<{ readonly notPrefix: number; readonly readings: number }> {
  await using store = await openStore(storeSchema.parse({ DATA_DIR: dataDir }), {
    role: "writer",
    onError: () => undefined,
  });
  let notPrefix = 0;
  let readings = 0;
  for (const device of devices) {
    const page = await store.readings.read({
      site: "sim-1",
      device,
      from: timestamp(0),
      to: timestamp(9e12),
      limit: 10_000,
    });
    readings += page.items.length;
    if (page.items.some(({ quantities }, index) => numberOf(quantities.voltage_l1_v ?? Number.NaN) !== index))
      notPrefix += 1;
  }
  return { notPrefix, readings };
}
