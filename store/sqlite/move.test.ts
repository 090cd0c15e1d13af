import { cpSync, existsSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { gunzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { readingsOf } from "../columns.ts";
import type { Reading } from "../reading.ts";
import type { FollowColumnsPage, Readings } from "../readings.ts";
import { timestamp } from "../unit.ts";
import { createCatalogue, hourOf, partitionPath } from "./catalogue.ts";
import { openFile, transact } from "./file.ts";
import { createLog } from "./log.ts";
import { createMover } from "./mover.ts";
import { createPlaceFinder } from "./places.ts";
import { createPruner } from "./pruner.ts";
import { readingsKind } from "./readings-file.ts";
import { createShapes } from "./row.ts";
import { numbered, openIn, scratchFolder } from "./scratch.ts";
import { createSealer } from "./sealer.ts";
import { createSorter } from "./sorter.ts";
import { createWriter } from "./writer.ts";

const runRows = 64;
const gapMs = 150_000;
// A busy machine takes its time.
const patient = { timeout: 60_000 };
const start = 1_795_219_200_000;
const everything = { site: "demo", from: timestamp(0), to: timestamp(9e12), limit: 10_000 };
const forever = { "1m": null, "15m": null, "1h": null };
const byTime = (a: Reading, b: Reading) => a.ts - b.ts || (a.device < b.device ? -1 : 1);

/** The parts of a writer's thread, in this one, so that a test can stop between any two steps. */
const openParts = (folder: string, rows = runRows) => {
  const path = join(folder, "readings.db");
  const db = openFile({ path, kind: readingsKind, check: "deep" });
  const shapes = createShapes(db);
  const log = createLog(db, shapes, 16);
  const catalogue = createCatalogue(db, path, (shape) => shapes.names(shape).length);
  const sealer = createSealer(rows);
  const places = createPlaceFinder(db, catalogue, log);
  const writer = createWriter(db, { shapes, log, sealer, places, catalogue });
  const mover = createMover(db, { path, log, catalogue, sealer, keepRows: 0 });
  const pruner = createPruner(db, { gapMs, log, catalogue });
  const sorter = createSorter(db, { path, gapMs, log, shapes, catalogue });
  const roll = () => {
    const rolled = String(catalogue.sealed());
    db.prepare("UPDATE meta SET value = ? WHERE name = 'rolled'").run(rolled);
    db.prepare("UPDATE device SET seq = ?").run(rolled);
    catalogue.setHour(hourOf(start), 0);
    catalogue.refresh();
  };
  const write = (batch: readonly Reading[]) => writer.write([{ kind: "readings", readings: batch }]);
  return {
    ...{ path, db, log, catalogue, sealer, mover, pruner, sorter, roll, write },
    [Symbol.dispose]: () => {
      catalogue[Symbol.dispose]();
      db.close();
    },
  };
};

const followed = async (readings: Readings): Promise<Reading[]> => {
  const found: Reading[] = [];
  for (let cursor: string | null = null; ; ) {
    const page = await readings.follow({ cursor, limit: 37, waitMs: 0 });
    if (page.readings.length === 0) return found;
    found.push(...page.readings);
    ({ cursor } = page);
  }
};

const expectWhole = async (folder: string, expected: readonly Reading[]) => {
  await using readings = await openIn(folder, { runRows });
  expect((await readings.read(everything)).items).toEqual(expected.toSorted(byTime));
  expect(await followed(readings)).toEqual(expected);
  for (const reading of expected.slice(0, 3))
    expect(await readings.write([reading])).toMatchObject({ accepted: 0, duplicates: 6 });
  const { bytes } = await readings.health();
  expect(bytes).toBeGreaterThanOrEqual(bytesIn(join(folder, "readings")));
};

const bytesIn = (folder: string): number =>
  existsSync(folder) ? readdirSync(folder).reduce((sum, name) => sum + statSync(join(folder, name)).size, 0) : 0;

test("a crash at any step of moving rows loses none and doubles none", async () => {
  await using folder = await scratchFolder();
  const live = join(folder.path, "live");
  const all = Array.from({ length: 200 }, (_, index) => numbered(index));
  const steps = new Map<string, readonly Reading[]>();
  {
    using parts = openParts(live);
    const freeze = (step: string, expected = all) => {
      steps.set(step, expected);
      cpSync(live, join(folder.path, step), { recursive: true });
    };
    for (let index = 0; index < 200; index += 20) parts.write(all.slice(index, index + 20));
    freeze("nothing moved");
    const seal = () =>
      parts.mover.seal((stretch) => {
        const info = parts.sorter.seal(stretch);
        const path = partitionPath(parts.path, info);
        freeze(`named ${info.first}`);
        const half = join(folder.path, `draft ${info.first}`);
        freeze(`draft ${info.first}`);
        cpSync(path, join(half, "readings", `${info.first}-${info.last}.db.draft`));
        truncateSync(join(half, "readings", `${info.first}-${info.last}.db.draft`), Math.floor(info.bytes / 2));
        return info;
      });
    while (await seal()) freeze(`adopted ${parts.catalogue.sealed()}`);
    transact(parts.db, "IMMEDIATE", () => parts.log.trim(parts.catalogue.sealed(), 2));
    freeze("trimmed in part");
    while (parts.mover.trim());
    freeze("trimmed");
    parts.roll();
    freeze("rolled");
    transact(parts.db, "IMMEDIATE", () => parts.pruner.prune(start + 100, 10));
    freeze("out of the catalogue", all.slice(100));
    parts.catalogue.refresh();
    expect(parts.mover.sweep()).toBe(1);
    freeze("unlinked", all.slice(100));
  }
  expect([...steps.keys()].filter((step) => step.startsWith("adopted"))).toHaveLength(3);
  for (const [step, expected] of steps) {
    await expectWhole(join(folder.path, step), expected);
    const left = readdirSync(join(folder.path, step), { recursive: true }).filter((name) =>
      String(name).includes("draft"),
    );
    expect([step, left]).toEqual([step, []]);
  }
}, 120_000);

const file = (folder: string) => join(folder, "readings");

const writeMany = async (readings: Readings, count: number) => {
  for (let index = 0; index < count; index += 100)
    await readings.write(Array.from({ length: 100 }, (_, row) => numbered(index + row)));
};

test("rows leave the main file for partitions while it is open, and readers see no difference", async () => {
  await using folder = await scratchFolder();
  await using readings = await openIn(folder.path, { runRows });
  await using reader = await openIn(folder.path, { role: "reader" });
  await writeMany(readings, 1000);
  await expect
    .poll(() => readdirSync(file(folder.path)).filter((name) => name.endsWith(".db")), patient)
    .toHaveLength(15);
  const all = Array.from({ length: 1000 }, (_, index) => numbered(index));
  expect((await reader.read(everything)).items).toEqual(all);
  expect(await followed(reader)).toEqual(all);
  const db = new DatabaseSync(join(folder.path, "readings.db"), { readOnly: true });
  const rowsLeft = () => Number(db.prepare("SELECT sum(rows) AS rows FROM chunk").get()?.rows);
  await expect.poll(rowsLeft, patient).toBeLessThan(300);
  db.close();
  expect(await followed(reader)).toEqual(all);
  const inColumns: Reading[] = [];
  const head = await reader.head();
  for (let cursor: string | null = null, rows = 1; rows > 0; ) {
    const page: FollowColumnsPage | undefined = await reader.followColumns?.({ cursor, limit: 37, waitMs: 0 });
    if (page === undefined) break;
    // Another follower, who has caught up, asks in between.
    expect((await reader.followColumns?.({ cursor: head, limit: 37, waitMs: 0 }))?.columns.device).toHaveLength(0);
    inColumns.push(...readingsOf(page.columns));
    [cursor, rows] = [page.cursor, page.columns.device.length];
  }
  expect(inColumns).toEqual(all);
  expect(await readings.write([{ ...numbered(7), quantities: { power_w: 8 } }])).toMatchObject({ corrections: 1 });
  expect((await reader.corrections(everything)).items).toMatchObject([{ was: 7, quantity: "power_w" }]);
  expect((await reader.read({ ...everything, to: timestamp(start + 8) })).items[7]?.quantities.power_w).toBe(8);
});

test("pruning gives the bytes back by unlinking, at once, also under a reader's hands", async () => {
  await using folder = await scratchFolder();
  await using readings = await openIn(folder.path, { runRows });
  await using reader = await openIn(folder.path, { role: "reader" });
  await writeMany(readings, 1000);
  const names = () => readdirSync(file(folder.path)).filter((name) => /^\d+-\d+\.db$/.test(name));
  await expect.poll(names, patient).toHaveLength(15);
  await reader.read(everything);
  const [before, bytesBefore] = [bytesIn(file(folder.path)), (await readings.health()).bytes];
  await readings.prune({ now: timestamp(start + 900), rawMs: 0, rollup: forever });
  expect(names()).toHaveLength(1);
  expect(bytesIn(file(folder.path))).toBeLessThan(before / 2);
  expect((await readings.health()).bytes).toBeLessThan(bytesBefore - before / 2);
  expect((await reader.read(everything)).items.map((item) => item.ts - start)).toEqual(
    Array.from({ length: 100 }, (_, index) => 900 + index),
  );
  expect((await followed(reader)).length).toBe(100);
});

test("a partition that is missing or cut short is refused by name", async () => {
  await using folder = await scratchFolder();
  {
    await using readings = await openIn(folder.path, { runRows });
    await writeMany(readings, 200);
    await expect.poll(() => existsSync(join(file(folder.path), "129-192.db")), patient).toBe(true);
    await readings.health();
  }
  truncateSync(join(file(folder.path), "1-64.db"), 1000);
  await expect(openIn(folder.path)).rejects.toMatchObject({
    code: "STORE_CORRUPT",
    message: expect.stringContaining("1-64.db has 1000 bytes"),
  });
});

test("a damaged page of a partition is told by name, and the others are read", async () => {
  await using folder = await scratchFolder();
  const told: unknown[] = [];
  await using readings = await openIn(folder.path, { runRows, onError: (error) => told.push(error) });
  await writeMany(readings, 200);
  await expect.poll(() => existsSync(join(file(folder.path), "129-192.db")), patient).toBe(true);
  const path = join(file(folder.path), "65-128.db");
  const bytes = readFileSync(path);
  writeFileSync(path, bytes.fill(0x5a, bytes.length - 600));
  await expect(readings.read(everything)).rejects.toMatchObject({
    code: "STORE_CORRUPT",
    message: expect.stringContaining("65-128.db is damaged"),
  });
  expect((await readings.read({ ...everything, to: timestamp(start + 60) })).items).toHaveLength(60);
  for (const error of told) expect(error).toMatchObject({ code: "STORE_CORRUPT" });
});

test("a file of version 2 is taken over with everything in it", async () => {
  await using folder = await scratchFolder();
  const old = gunzipSync(readFileSync(new URL("./version-2.db.gz", import.meta.url)));
  writeFileSync(join(folder.path, "readings.db"), old);
  const tick = (number: number, power_w = number): Reading => ({
    site: "demo",
    device: `r-${number % 3}`,
    ts: timestamp(start + Math.floor(number / 3) * 20_000),
    received: timestamp(start + Math.floor(number / 3) * 20_000 + 7),
    quantities: { power_w, inlet_c: 21.5 },
    flags: [],
  });
  await expect(openIn(folder.path, { role: "reader" })).rejects.toMatchObject({ code: "STORE_VERSION" });
  await using readings = await openIn(folder.path, { runRows });
  const all = Array.from({ length: 300 }, (_, index) => tick(index));
  const corrected = { ...tick(5), received: timestamp(start + 9_000_000), quantities: { power_w: 500, inlet_c: 21.5 } };
  const late = { ...tick(0), ts: timestamp(start + 5000), flags: ["LATE" as const] };
  const expected = all.with(5, corrected).concat(late).sort(byTime);
  expect((await readings.read(everything)).items).toEqual(expected);
  expect((await readings.corrections(everything)).items).toMatchObject([{ device: "r-2", was: 5 }]);
  expect((await readings.devices()).reduce((sum, device) => sum + device.readings, 0)).toBe(301);
  expect(await readings.write(all)).toMatchObject({ accepted: 0, duplicates: 599, corrections: 1 });
  const hours = await readings.series({
    ...{ site: "demo", device: "r-1", quantity: "power_w", step: "1h" },
    ...{ from: timestamp(start), to: timestamp(start + 3_600_000) },
  });
  expect(hours).toMatchObject({ count: [100], first: [1], last: [298], goodMs: [99 * 20_000] });
  expect(readdirSync(file(folder.path)).length).toBeGreaterThanOrEqual(4);
});
