import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { Account } from "#energy";
import { type Json, openStore, storeSchema, timestamp } from "#store";
import { partFields, partsOfAccount } from "../node-parts.ts";
import { accountOf } from "../specimen.ts";
import { createScanner } from "./scan.ts";
import { startScanThread } from "./scan-thread.ts";

const minutes = 12;
const known = Array.from({ length: 60 }, (_, index) => `rack ${index}`);
// Of nodes as they are wanted some were not there yet, and the order is their own.
const ids = [...known.filter((_, index) => index % 5 > 0).toReversed(), "later"];

/** Gaps, flags, checks and fields come and go. */
const nodeOf = (index: number, minute: number) => ({
  ...{ forwardWh: index % 9 === 0 && minute % 2 === 0 ? null : 60 + ((index * minute) % 11), reverseWh: 0 },
  ...{ meanW: Math.sqrt(index * 97 + minute) * 60, minW: index / 10, maxW: -index - 0.05 },
  socPct: index === 4 ? 50 + minute / 8 : null,
  ...(index === 4 ? { storedWh: minute % 3 === 0 ? null : 1e-7 } : {}),
  ...(index % 7 === minute % 7 ? {} : { check: { registerWh: 60 + index, powerWh: Math.sqrt(index) } }),
  ...(minute > 6 && index % 20 === 0 ? { meters: [{ meanW: 1, netWh: null }], strange: { a: [1, "}"] } } : {}),
  ...{ coverage: index === minute ? 0 : 1, quality: index === minute ? "ESTIMATED" : "MEASURED" },
  flags: index === minute * 3 ? ["COUNTER_RESET", "DATA_FROZEN"] : [],
});

test("accounts that a store keeps are scanned as they are read, here and in a thread", async () => {
  const folder = await mkdtemp(join(tmpdir(), "wattlas-scan-"));
  const onError = (error: unknown): void => {
    throw error;
  };
  try {
    await using store = await openStore(storeSchema.parse({ DATA_DIR: folder }), { role: "writer", onError });
    const { ledger } = store;
    await ledger.commit(
      Array.from({ length: minutes }, (_, minute) => {
        const nodes = Object.fromEntries(known.slice(minute % 3).map((id, index) => [id, nodeOf(index, minute)]));
        const [start, end] = [minute * 60_000, (minute + 1) * 60_000];
        const account = accountOf({ site: "hall", start, end, nodes: nodes as unknown as Account["nodes"] });
        return {
          ...{ op: "put" as const, kind: "account/1m", key: `hall/${start}`, site: "hall", ts: timestamp(start) },
          body: account as unknown as Json,
        };
      }),
    );
    const whole = (await ledger.list({ kind: "account/1m", limit: 100 })).items.map(
      ({ body }) => body as unknown as Account,
    );
    const kept = (await ledger.listKept?.({ kind: "account/1m", limit: 100 }))?.items.map((row) => row.kept) ?? [];
    expect(kept.map(([mark]) => mark)).toEqual(new Array(minutes).fill(1));
    const { scan } = createScanner(ids);
    await using thread = startScanThread(ids);
    const here = kept.map(scan);
    const there = await thread.scan(kept);
    for (const [minute, account] of whole.entries()) {
      const expected = partsOfAccount(account, ids);
      for (const scanned of [here[minute], there[minute]]) {
        expect(scanned?.account).toEqual({ ...account, nodes: {} });
        for (const field of partFields)
          expect([field, ...(scanned?.nodes.columns[field] ?? [])]).toEqual([field, ...expected.columns[field]]);
        expect(scanned?.nodes.flags).toEqual(expected.flags);
        expect(scanned?.nodes.part("later")).toBeUndefined();
      }
    }
    expect(whole).toHaveLength(minutes);
  } finally {
    await rm(folder, { recursive: true });
  }
});
