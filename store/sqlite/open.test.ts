import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdir, open, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { expect, test } from "vitest";
import { storeSchema } from "../config.ts";
import { openStore } from "../open.ts";
import { timestamp } from "../unit.ts";
import { openSqliteLedger } from "./ledger.ts";
import { numbered, openIn, scratchFolder } from "./scratch.ts";

const digest = async (path: string) =>
  createHash("sha256")
    .update(await readFile(path))
    .digest("hex");
const refused = (code: string, ...words: string[]) =>
  expect.objectContaining({
    name: "StoreRefusedError",
    code,
    message: expect.stringMatching(new RegExp(words.join(".*"))),
  });

const expectLeftAlone = async (folder: string, code: string) => {
  const path = join(folder, "readings.db");
  const before = await digest(path);
  await expect(openIn(folder)).rejects.toThrow(refused(code, "readings.db"));
  await expect(openIn(folder, { role: "reader" })).rejects.toThrow(refused(code, "readings.db"));
  expect(await digest(path)).toBe(before);
};

const writeSome = async (folder: string) => {
  await using readings = await openIn(folder);
  await readings.write(Array.from({ length: 500 }, (_, index) => numbered(index)));
};

const overwrite = async (path: string, at: number, bytes: Uint8Array) => {
  await using file = await open(path, "r+");
  await file.write(bytes, 0, bytes.length, at);
};

test("a file of garbage is refused and left as it is", async () => {
  await using folder = await scratchFolder();
  await writeFile(join(folder.path, "readings.db"), "not a database at all ".repeat(500));
  await expectLeftAlone(folder.path, "STORE_CORRUPT");
});

test("a file shorter than a header is refused and left as it is", async () => {
  await using folder = await scratchFolder();
  await writeFile(join(folder.path, "readings.db"), "SQLite format 3");
  await expectLeftAlone(folder.path, "STORE_CORRUPT");
});

test("a flipped header is refused and left as it is", async () => {
  await using folder = await scratchFolder();
  await writeSome(folder.path);
  const path = join(folder.path, "readings.db");
  const [byte = 0] = (await readFile(path)).subarray(3, 4);
  await overwrite(path, 3, Uint8Array.of(byte ^ 0xff));
  await expectLeftAlone(folder.path, "STORE_CORRUPT");
});

test("a damaged page is found by whoever would write", async () => {
  await using folder = await scratchFolder();
  await writeSome(folder.path);
  const path = join(folder.path, "readings.db");
  const { size } = await stat(path);
  for (let page = 4096; page < size; page += 4096) await overwrite(path, page, new Uint8Array(64).fill(0xa5));
  const before = await digest(path);
  await expect(openIn(folder.path)).rejects.toThrow(refused("STORE_CORRUPT", "readings.db", "damaged"));
  expect(await digest(path)).toBe(before);
});

test("a database of somebody else is refused and left as it is", async () => {
  await using folder = await scratchFolder();
  const db = new DatabaseSync(join(folder.path, "readings.db"));
  db.exec("CREATE TABLE theirs(a)");
  db.close();
  await expectLeftAlone(folder.path, "STORE_CORRUPT");
});

test("a file of a later version is refused and left as it is", async () => {
  await using folder = await scratchFolder();
  await writeSome(folder.path);
  const db = new DatabaseSync(join(folder.path, "readings.db"));
  db.exec("PRAGMA user_version = 99");
  db.close();
  await expectLeftAlone(folder.path, "STORE_VERSION");
});

test("a damaged ledger is refused by name", async () => {
  await using folder = await scratchFolder();
  await writeFile(join(folder.path, "ledger.db"), "x".repeat(5000));
  const opening = openSqliteLedger({ DATA_DIR: folder.path }, { role: "reader", onError: () => {} });
  await expect(opening).rejects.toThrow(refused("STORE_CORRUPT", "ledger.db"));
});

test("a second writer in this process is refused until the first one closes", async () => {
  await using folder = await scratchFolder();
  const first = await openIn(folder.path);
  await expect(openIn(folder.path)).rejects.toThrow(refused("STORE_IN_USE", "DATA_DIR"));
  await first[Symbol.asyncDispose]();
  const second = await openIn(folder.path);
  await second[Symbol.asyncDispose]();
});

test("a second process is refused until the first one is killed", async () => {
  await using folder = await scratchFolder();
  const child = spawn(process.execPath, [
    fileURLToPath(new URL("./number.fixture.ts", import.meta.url)),
    folder.path,
    "0",
  ]);
  await once(child.stdout, "data");
  await expect(openIn(folder.path)).rejects.toThrow(refused("STORE_IN_USE", "DATA_DIR"));
  child.kill("SIGKILL");
  await once(child, "exit");
  const readings = await openIn(folder.path);
  await readings[Symbol.asyncDispose]();
});

test("a reader may come first, and sees what the writer writes", async () => {
  await using folder = await scratchFolder();
  await using reader = await openIn(join(folder.path, "deep", "data"), { role: "reader" });
  const waiting = reader.follow({ cursor: null, limit: 10, waitMs: 600_000 });
  await using writer = await openIn(join(folder.path, "deep", "data"));
  await writer.write([numbered(1)]);
  expect((await waiting).readings).toEqual([numbered(1)]);
  await expect(reader.write([numbered(2)])).rejects.toThrow(refused("STORE_IN_USE", "reading only"));
});

test("many instances may create the files at once", async () => {
  await using folder = await scratchFolder();
  const ledgers = await Promise.all(
    [1, 2, 3, 4].map(() => openSqliteLedger({ DATA_DIR: folder.path }, { role: "reader", onError: () => {} })),
  );
  const put = (key: number) =>
    ({ op: "put", kind: "k", key: String(key), site: "", ts: timestamp(1), body: 1 }) as const;
  await Promise.all(ledgers.map((ledger, index) => ledger.commit([put(index)])));
  const [first] = ledgers;
  expect((await first?.list({ kind: "k", limit: 10 }))?.items).toHaveLength(4);
  for (const ledger of ledgers) await ledger[Symbol.asyncDispose]();
});

test("a follower in another thread wakes at a commit, long before its time is over", async () => {
  await using folder = await scratchFolder();
  await using writer = await openIn(folder.path);
  const thread = new Worker(new URL("./follow.fixture.ts", import.meta.url), {
    workerData: folder.path,
    execArgv: [],
  });
  await once(thread, "message");
  const heard = once(thread, "message");
  await writer.write([numbered(5)]);
  const [readings] = await heard;
  expect(readings).toEqual([numbered(5)]);
  await once(thread, "exit");
});

test("an open store does not keep its process alive", async () => {
  await using folder = await scratchFolder();
  const child = spawn(process.execPath, [
    fileURLToPath(new URL("./number.fixture.ts", import.meta.url)),
    folder.path,
    "1",
  ]);
  const [code] = await once(child, "exit");
  expect(code).toBe(0);
});

test("the door opens readings and ledger from the settings", async () => {
  await using folder = await scratchFolder();
  await mkdir(join(folder.path, "data"));
  for (const url of ["sqlite:", "memory:"]) {
    const settings = storeSchema.parse({ STORE_URL: url, DATA_DIR: join(folder.path, "data") });
    await using store = await openStore(settings, { role: "writer", onError: () => {} });
    expect(await store.readings.write([numbered(1)])).toMatchObject({ accepted: 6 });
    expect(await store.ledger.list({ kind: "alert", limit: 1 })).toEqual({ items: [], next: null });
    expect((await store.readings.health()).adapter).toBe(url.slice(0, -1));
  }
});
