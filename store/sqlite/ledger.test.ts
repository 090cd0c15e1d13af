import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { zstdCompressSync } from "node:zlib";
import { expect, test } from "vitest";
import { createKeptReader } from "../kept.ts";
import { ledgerSuite } from "../ledger.suite.ts";
import { timestamp } from "../unit.ts";
import { openSqliteLedger } from "./ledger.ts";

ledgerSuite("sqlite", async (now) => {
  const folder = await mkdtemp(join(tmpdir(), "wattlas-ledger-"));
  const open = () =>
    openSqliteLedger(
      { DATA_DIR: join(folder, "data") },
      {
        role: "writer",
        now,
        onError: (error) => {
          throw error;
        },
      },
    );
  let ledger = await open();
  return {
    ledger,
    reopen: async () => {
      await ledger[Symbol.asyncDispose]();
      ledger = await open();
      return ledger;
    },
    dispose: async () => {
      await ledger[Symbol.asyncDispose]();
      await rm(folder, { recursive: true });
    },
  };
});

const nodes = Object.fromEntries(
  Array.from({ length: 400 }, (_, index) => [
    `r-${index}`,
    { forwardWh: Math.sqrt(index) * 71, meanW: Math.sqrt(index) * 4260, coverage: 1, quality: "MEASURED", flags: [] },
  ]),
);
const change = { op: "put", kind: "account/1m", key: "s/0", site: "s", ts: timestamp(0) } as const;

test("a long body is packed in the file, and a file from before is taken over", async () => {
  const folder = await mkdtemp(join(tmpdir(), "wattlas-ledger-"));
  const open = () =>
    openSqliteLedger(
      { DATA_DIR: folder },
      { role: "writer", now: () => timestamp(1), onError: (error) => expect(error).toBeUndefined() },
    );
  const edit = (sql: string) => {
    using db = new DatabaseSync(join(folder, "ledger.db"));
    return sql.startsWith("SELECT") ? db.prepare(sql).get() : db.exec(sql);
  };
  try {
    {
      await using ledger = await open();
      await ledger.commit([{ ...change, key: "s/1", body: { small: true } }]);
    }
    edit("ALTER TABLE row DROP COLUMN packed; PRAGMA user_version = 1");
    {
      await using ledger = await open();
      await ledger.commit([{ ...change, body: { nodes } }]);
      expect((await ledger.get("account/1m", "s/0"))?.body).toEqual({ nodes });
      expect((await ledger.get("account/1m", "s/1"))?.body).toEqual({ small: true });
    }
    const bytes = edit("SELECT length(body) AS body, length(packed) AS packed FROM row WHERE key = 's/0'");
    expect(bytes).toMatchObject({ body: 0 });
    expect(Number(bytes?.packed)).toBeLessThan(JSON.stringify(nodes).length / 2);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test("a text that was packed without its size, of whatever length and alphabet, comes back as it was", async () => {
  const folder = await mkdtemp(join(tmpdir(), "wattlas-ledger-"));
  await using stack = new AsyncDisposableStack();
  stack.defer(() => rm(folder, { recursive: true }));
  const ledger = stack.use(
    await openSqliteLedger(
      { DATA_DIR: folder },
      { role: "writer", now: () => timestamp(1), onError: (error) => expect(error).toBeUndefined() },
    ),
  );
  const lengths = [1, 4093, 4094, 5000, 30_000, 70_000, 200_000];
  const bodies = lengths.flatMap((length) => ["W", "瓦"].map((letter) => letter.repeat(length)));
  await ledger.commit(bodies.map((body, index) => ({ ...change, key: String(index), body })));
  using db = new DatabaseSync(join(folder, "ledger.db"));
  const pack = db.prepare("UPDATE row SET body = '', packed = ? WHERE key = ?");
  const cursor = await ledger.head();
  await ledger.commit(bodies.map((body, index) => ({ ...change, key: `old ${index}`, body })));
  for (const [index, body] of bodies.entries()) pack.run(zstdCompressSync(JSON.stringify(body)), `old ${index}`);
  for (const from of [null, cursor]) {
    const page = await ledger.followKept?.({ cursor: from, kinds: [change.kind], limit: bodies.length, waitMs: 0 });
    expect(page?.rows.map(({ kept }) => createKeptReader().body(kept))).toEqual(bodies);
  }
  const rows = await ledger.getAll(change.kind, [...bodies.keys()].map(String));
  expect(rows.map((row) => row?.body)).toEqual(bodies);
});

test("a table that a version before packed as text is read, and written anew as a table", async () => {
  const folder = await mkdtemp(join(tmpdir(), "wattlas-ledger-"));
  const open = () =>
    openSqliteLedger({ DATA_DIR: folder }, { role: "writer", onError: (error) => expect(error).toBeUndefined() });
  try {
    {
      await using ledger = await open();
      await ledger.commit([{ ...change, body: { nodes } }]);
    }
    {
      using db = new DatabaseSync(join(folder, "ledger.db"));
      const packed = zstdCompressSync(JSON.stringify({ nodes }));
      db.prepare("UPDATE row SET packed = ?").run(packed);
      db.exec("PRAGMA user_version = 2");
    }
    await using ledger = await open();
    expect((await ledger.get("account/1m", "s/0"))?.body).toEqual({ nodes });
    const [row] = await ledger.commit([{ ...change, body: { nodes, more: 1 } }]);
    expect(JSON.stringify(row?.body)).toBe(JSON.stringify({ nodes, more: 1 }));
    const bodies = (await ledger.history("account/1m", "s/0")).map(({ body }) => JSON.stringify(body));
    expect(bodies).toEqual([JSON.stringify({ nodes }), JSON.stringify({ nodes, more: 1 })]);
    const page = await ledger.listKept?.({ kind: "account/1m", limit: 10 });
    expect(page?.items.map(({ kept }) => createKeptReader().body(kept))).toEqual([{ nodes, more: 1 }]);
  } finally {
    await rm(folder, { recursive: true });
  }
});
