import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import type { Readings } from "../readings.ts";
import { timestamp } from "../unit.ts";
import { numbered, openIn, scratchFolder } from "./scratch.ts";

const unavailable = expect.objectContaining({ name: "StoreUnavailableError", retryAfterMs: expect.any(Number) });
const perBatch = 500;
const batch = (index: number) => Array.from({ length: perBatch }, (_, row) => numbered(index * perBatch + row));

// Batches that were acknowledged before the first that was not.
const fill = async (readings: Readings): Promise<number> => {
  for (let index = 0; index < 10_000; index++) {
    try {
      await readings.write(batch(index));
    } catch (error) {
      expect(error).toEqual(unavailable);
      return index;
    }
  }
  throw new Error("BUG: the disk never got full");
};

const countOf = async (readings: Readings): Promise<number> =>
  (await readings.devices()).reduce((sum, device) => sum + device.readings, 0);

const expectSound = (path: string) => {
  const db = new DatabaseSync(path, { readOnly: true });
  expect(db.prepare("PRAGMA integrity_check").get()).toEqual({ integrity_check: "ok" });
  db.close();
};

test("a full file is said, keeps what was acknowledged, and takes readings again when there is room", async () => {
  await using folder = await scratchFolder();
  const readings = await openIn(folder.path, { maxPages: 200 });
  const kept = await fill(readings);
  expect(kept).toBeGreaterThan(2);
  expect(await readings.health()).toMatchObject({
    adapter: "sqlite",
    state: "full",
    reason: expect.stringMatching(/no room to write .*readings\.db.*free space/),
  });
  expect(await countOf(readings)).toBe(kept * perBatch);
  await readings[Symbol.asyncDispose]();
  expectSound(join(folder.path, "readings.db"));

  await using roomier = await openIn(folder.path, { maxPages: 1000 });
  await roomier.write(batch(kept));
  expect(await roomier.health()).toMatchObject({ state: "ok", reason: "" });
  expect(await countOf(roomier)).toBe((kept + 1) * perBatch);
});

test("other threads learn that the file is full", async () => {
  await using folder = await scratchFolder();
  await using writer = await openIn(folder.path, { maxPages: 100 });
  await using reader = await openIn(folder.path, { role: "reader" });
  await fill(writer);
  await expect.poll(async () => (await reader.health()).state).toBe("full");
});

test("a full disk is survived without restart", async (context) => {
  await using folder = await scratchFolder();
  using mount = mountSmall(folder.path);
  if (mount === null) return context.skip("SKIPPED: a small tmpfs needs root; the full file above ran instead");
  const readings = await openIn(join(folder.path, "data"));
  const ballast = join(folder.path, "ballast");
  await writeFile(ballast, new Uint8Array(2 * 1024 * 1024));
  const kept = await fill(readings);
  expect((await readings.health()).state).toBe("full");
  await expect(readings.write(batch(kept))).rejects.toEqual(unavailable);
  await rm(ballast);
  await readings.write(batch(kept));
  expect(await readings.health()).toMatchObject({ state: "ok", reason: "" });
  expect(await countOf(readings)).toBe((kept + 1) * perBatch);
  expect((await readings.read({ site: "demo", from: timestamp(0), to: timestamp(9e12), limit: 1 })).items).toEqual([
    numbered(0),
  ]);
  await readings[Symbol.asyncDispose]();
  expectSound(join(folder.path, "data", "readings.db"));
});

test("a limit on the size of files is a full disk, too", async (context) => {
  await using folder = await scratchFolder();
  if (process.platform !== "linux") return context.skip("SKIPPED: prlimit is Linux");
  const child = spawn("prlimit", [
    "--fsize=1000000",
    process.execPath,
    fileURLToPath(new URL("./full.fixture.ts", import.meta.url)),
    folder.path,
  ]);
  let told = "";
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
    told += chunk;
  });
  await once(child, "close");
  const { kept, state, name } = JSON.parse(told);
  expect([state, name]).toEqual(["full", "StoreUnavailableError"]);
  await using readings = await openIn(folder.path);
  expect(await countOf(readings)).toBe(kept);
});

const mountSmall = (path: string): Disposable | null => {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return null;
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=4m", "tmpfs", path], { stdio: "ignore" });
  } catch {
    return null;
  }
  return { [Symbol.dispose]: () => execFileSync("umount", ["--lazy", path]) };
};
