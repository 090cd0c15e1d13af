import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import fc from "fast-check";
import { afterEach, beforeEach, expect, test } from "vitest";
import { formatRecord, openJournal, parseRecords } from "./journal.ts";
import { until } from "./server.rig.ts";

let dir = "";
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "wattlas-journal-"));
});
afterEach(() => rm(dir, { recursive: true }));

test("records cut off at any byte are those before the cut", () => {
  const records = [
    ["r", "dc/demo/r-1/status", 1, "b24="],
    ["d", "client"],
    ["f", "ü\n", "#", 0],
  ];
  const lines = records.map(formatRecord);
  const bytes = Buffer.from(lines.join(""));
  for (let cut = 0; cut <= bytes.length; cut++) {
    let whole = 0;
    while (whole < lines.length && Buffer.from(lines.slice(0, whole + 1).join("")).length <= cut) whole += 1;
    expect(parseRecords(bytes.subarray(0, cut))).toEqual({ records: records.slice(0, whole), damaged: 0 });
  }
});

test("a damaged byte costs its own record and is counted", () => {
  const records = [
    ["d", "a"],
    ["d", "b"],
    ["d", "c"],
  ];
  const bytes = Buffer.from(records.map(formatRecord).join(""));
  fc.assert(
    fc.property(fc.nat({ max: bytes.length - 1 }), fc.integer({ min: 1, max: 255 }), (at, flip) => {
      const damaged = Buffer.from(bytes);
      damaged[at] = (damaged[at] ?? 0) ^ flip;
      const parsed = parseRecords(damaged);
      for (const record of parsed.records) expect(records).toContainEqual(record);
      // A line end that is damaged joins two lines, or leaves the last one without its end.
      expect(parsed.records.length).toBeGreaterThanOrEqual(1);
      expect(parsed.records.length).toBeLessThan(3);
    }),
  );
});

test("what was appended is there after opening again", async () => {
  const first = await opened();
  first.add("a");
  first.add("b");
  await first.journal.close();
  const second = await opened();
  expect([...second.state]).toEqual(["a", "b"]);
  second.add("c");
  await second.journal.close();
  const third = await opened();
  expect([...third.state]).toEqual(["a", "b", "c"]);
  await third.journal.close();
});

test("what was appended is in the file soon, without closing", async () => {
  const first = await opened();
  first.add("a");
  for (let text = ""; !text.includes('"a"'); ) {
    const files = await Promise.all((await readdir(dir)).map((name) => readFile(join(dir, name), "utf8")));
    text = files.join("");
  }
  await first.journal.close();
});

test("a journal cut off at any byte opens with what is whole", async () => {
  const first = await opened();
  for (const name of ["a", "b", "c", "d"]) first.add(name);
  await first.journal.close();
  const path = join(dir, (await journals()).at(-1) ?? "");
  const bytes = await readFile(path);
  const others = (await readdir(dir)).filter((name) => !path.endsWith(name));
  for (const name of others) await rm(join(dir, name));
  for (let cut = 0; cut <= bytes.length; cut++) {
    for (const name of await readdir(dir)) await rm(join(dir, name));
    await writeFile(path, bytes.subarray(0, cut));
    const again = await opened();
    expect([...again.state]).toEqual(["a", "b", "c", "d"].slice(0, again.state.size));
    expect(again.damaged).toBe(0);
    await again.journal.close();
  }
});

test("a grown journal gives way to a snapshot, and nothing is lost meanwhile", async () => {
  const first = await opened();
  await untilSnapshot();
  // 60 records of 100 KB are beyond the least size of a snapshot.
  for (let n = 0; n < 60; n++) first.add(`${n} ${"x".repeat(100_000)}`);
  await until(() => first.rounds > 1);
  first.add("last");
  await first.journal.close();
  expect(await journals()).toHaveLength(1);
  const second = await opened();
  expect(second.state.size).toBe(61);
  expect(second.state.has("last")).toBe(true);
  await second.journal.close();
});

test("an unfinished snapshot is ignored and cleared away", async () => {
  const first = await opened();
  first.add("a");
  await first.journal.close();
  await writeFile(join(dir, "99.snapshot.tmp"), formatRecord("b").slice(0, 5));
  const second = await opened();
  expect([...second.state]).toEqual(["a"]);
  await second.journal.close();
});

test("a folder that fails is told once, and made good when it works again", async () => {
  const first = await opened();
  await untilSnapshot();
  await rm(dir, { recursive: true });
  for (let n = 0; n < 60; n++) first.add(`${n} ${"x".repeat(100_000)}`);
  await until(() => first.errors.length > 0);
  const tried = first.rounds;
  first.add("last");
  await mkdir(dir);
  await until(() => first.rounds > tried);
  await first.journal.close();
  expect(first.errors).toHaveLength(1);
  const second = await opened();
  expect(second.state.size).toBe(61);
  await second.journal.close();
});

test("attempts that fail leave no files behind, and what comes meanwhile is not lost", async () => {
  const first = await opened();
  await untilSnapshot();
  for (let n = 2; n < 300; n++) await mkdir(join(dir, `${n}.snapshot.tmp`));
  for (let n = 0; n < 60; n++) first.add(`${n} ${"x".repeat(100_000)}`);
  await until(() => first.errors.length > 0);
  while ((await journals()).every((name) => Number.parseInt(name, 10) < 8)) await setImmediate();
  expect((await journals()).length).toBeLessThan(5);
  const tried = first.rounds;
  for (let n = 2; n < 300; n++) await rm(join(dir, `${n}.snapshot.tmp`), { recursive: true, force: true });
  await until(() => first.rounds > tried);
  first.add("last");
  await first.journal.close();
  expect(first.errors).toHaveLength(1);
  const second = await opened();
  expect(second.state.size).toBe(61);
  await second.journal.close();
});

test("a folder that cannot be one is an error at the start", async () => {
  await writeFile(join(dir, "file"), "");
  await expect(openJournal(join(dir, "file"), noDeps())).rejects.toThrow();
});

async function untilSnapshot(): Promise<void> {
  while (!(await readdir(dir)).some((name) => name.endsWith(".snapshot"))) await setImmediate();
}

async function journals(): Promise<string[]> {
  return (await readdir(dir)).filter((name) => name.endsWith(".journal"));
}

function noDeps() {
  return { apply: () => true, records: () => [], onDamage: () => {}, onError: () => {} };
}

/** A set of words, kept. */
async function opened() {
  const state = new Set<string>();
  const seen = { damaged: 0, rounds: 0 };
  const errors: unknown[] = [];
  const journal = await openJournal(dir, {
    apply: (record) => typeof record === "string" && state.add(record) !== undefined,
    records() {
      seen.rounds += 1;
      return state;
    },
    onDamage: (count) => {
      seen.damaged += count;
    },
    onError: (error) => errors.push(error),
    retryMs: 10,
  });
  return {
    journal,
    state,
    errors,
    get damaged() {
      return seen.damaged;
    },
    get rounds() {
      return seen.rounds;
    },
    add(word: string) {
      state.add(word);
      journal.append(() => word);
    },
  };
}
