import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, expect, test } from "vitest";
import { createMemoryLedger, openStore, storeSchema, timestamp } from "#store";
import { alertOf } from "../notify/alert.fixture.ts";
import { putAlert, putAudit } from "../record.ts";
import { formatHead, parseHead } from "./chain.ts";
import { openEvidence } from "./evidence.ts";
import { verifyEvidence } from "./verify.ts";

const folders: string[] = [];
afterEach(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
});

const open = async (folder?: string) => {
  const path = folder ?? (await mkdtemp(join(tmpdir(), "wattlas-evidence-")));
  if (folder === undefined) folders.push(path);
  const store = await openStore(storeSchema.parse({ DATA_DIR: path }), { role: "writer", onError: () => undefined });
  return { path, store };
};
const write = async (path: string): Promise<string[]> => {
  const { store } = await open(path);
  const said: string[] = [];
  const { ledger } = await openEvidence({
    ledger: store.ledger,
    publish: ({ payload }) => said.push(payload),
    now: () => 1000,
  });
  const alert = alertOf();
  await ledger.commit([putAlert(alert), { op: "put", kind: "cursor", key: "c", site: "", ts: timestamp(1), body: 1 }]);
  await ledger.commit([
    putAlert({ ...alert, assignee: "Li" }),
    putAudit(alert, { who: "Li", what: "alert.assign", said: "", at: 5 }),
  ]);
  await ledger.commit([putAlert({ ...alert, id: "a2" })]);
  await store[Symbol.asyncDispose]();
  return said;
};
const verify = async (path: string, outside: string | null = null) => {
  const { store } = await open(path);
  try {
    return await verifyEvidence(store.ledger, outside === null ? null : parseHead(outside));
  } finally {
    await store[Symbol.asyncDispose]();
  }
};
/** Does to the database what somebody with a shell might. */
const tamper = (path: string, sql: string): void => {
  const db = new DatabaseSync(join(path, "ledger.db"));
  db.exec(sql);
  db.close();
};

test("an untouched log is proved, and its head is told after every change", async () => {
  const { path, store } = await open();
  await store[Symbol.asyncDispose]();
  const said = await write(path);
  expect(said.map((head) => head.split(":")[0])).toEqual(["0", "1", "3", "4"]);
  const verdict = await verify(path, said.at(-1));
  expect(verdict).toMatchObject({ links: 3, faults: [], head: { count: 4 } });
  expect(formatHead(verdict.head)).toBe(said.at(-1));
});

test("deleting or changing any one line of the log is detected", async () => {
  const { path, store } = await open();
  await store[Symbol.asyncDispose]();
  const said = await write(path);
  const db = new DatabaseSync(join(path, "ledger.db"));
  const kinds = "('alert','audit','evidence')";
  const table = String(
    db.prepare("select name from sqlite_master where type='table' and sql like '%kind%' and sql like '%body%'").get()
      ?.name,
  );
  const ids = db.prepare(`select rowid as id, kind from ${table} where kind in ${kinds}`).all();
  db.close();
  expect(ids).toHaveLength(7);
  for (const { id, kind } of ids) {
    const copy = await mkdtemp(join(tmpdir(), "wattlas-evidence-"));
    folders.push(copy);
    await write(copy);
    tamper(copy, `delete from ${table} where rowid = ${id}`);
    expect([kind, id, (await verify(copy, said.at(-1))).faults.length > 0]).toEqual([kind, id, true]);
  }
  tamper(path, `update ${table} set body = replace(body, 'feed-a', 'feed-b') where kind = 'alert' and key = 'a2'`);
  expect((await verify(path, said.at(-1))).faults).toEqual(["alert a2: revision 1 is not what was written"]);
});

test("a missing end shows against a head that was kept outside, and only then", async () => {
  const { path, store } = await open();
  await store[Symbol.asyncDispose]();
  const said = await write(path);
  const db = new DatabaseSync(join(path, "ledger.db"));
  const table = String(
    db.prepare("select name from sqlite_master where type='table' and sql like '%kind%' and sql like '%body%'").get()
      ?.name,
  );
  db.close();
  tamper(path, `delete from ${table} where (kind = 'evidence' and key like '%3') or (kind = 'alert' and key = 'a2')`);
  expect((await verify(path)).faults).toEqual([]);
  expect((await verify(path, said.at(-1))).faults).toEqual([
    "the chain ends at 3 rows, the head kept outside says 4: its end is missing",
  ]);
  expect((await verify(path, said.at(-2))).faults).toEqual([]);
});

test("a row that was slipped in past the chain is detected", async () => {
  const ledger = createMemoryLedger();
  const evidence = await openEvidence({ ledger, publish: () => undefined, now: () => 1 });
  await evidence.ledger.commit([putAlert(alertOf())]);
  await ledger.commit([putAlert(alertOf({ id: "forged" })), putAlert(alertOf({ assignee: "x" }))]);
  expect((await verifyEvidence(ledger)).faults).toEqual([
    "alert a1: 1 revisions were added past the chain",
    "alert forged: 1 revisions were added past the chain",
  ]);
});

test("a log from before the chain is taken into it, and a restart goes on where it ended", async () => {
  const ledger = createMemoryLedger();
  await ledger.commit([putAlert(alertOf())]);
  await openEvidence({ ledger, publish: () => undefined, now: () => 1 });
  const evidence = await openEvidence({ ledger, publish: () => undefined, now: () => 0 });
  await evidence.ledger.commit([putAlert(alertOf({ id: "a2" }))]);
  expect(await verifyEvidence(ledger)).toMatchObject({ links: 2, faults: [], head: { count: 2 } });
});

test("commits that come at once are chained one after the other", async () => {
  const ledger = createMemoryLedger();
  const evidence = await openEvidence({ ledger, publish: () => undefined, now: () => 1 });
  await Promise.all(
    Array.from({ length: 50 }, (_, index) => evidence.ledger.commit([putAlert(alertOf({ id: `a${index}` }))])),
  );
  expect(await verifyEvidence(ledger)).toMatchObject({ links: 50, faults: [], head: evidence.head() });
});
