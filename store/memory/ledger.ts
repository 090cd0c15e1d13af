import { expiredCursor, formatCursor, parseCount, parseCursor } from "../cursor.ts";
import { StoreRefusedError } from "../errors.ts";
import type { Json, Ledger, LedgerFollow, LedgerRow } from "../ledger.ts";
import { timestamp } from "../unit.ts";
import { createWaiter, followWith } from "../waiter.ts";

/** The ledger in memory, for tests and `memory:`: nothing survives the process. */
export const createMemoryLedger = ({ now = Date.now }: { readonly now?: () => number } = {}): Ledger => {
  // Kind and key to revisions, oldest first; the log holds all of them in commit order.
  const rows = new Map<string, readonly LedgerRow[]>();
  const log: (LedgerRow | null)[] = [];
  const places = new Map<LedgerRow, number>();
  const waiter = createWaiter();

  const forget = (revisions: readonly LedgerRow[]) => {
    for (const row of revisions) {
      const place = places.get(row);
      if (place !== undefined) log[place] = null;
      places.delete(row);
    }
  };

  const look = (cursor: string | null, { kinds, bare = [], limit }: LedgerFollow) => {
    let place = cursor === null ? 0 : parseCount(parseCursor(cursor, 2)[1], cursor);
    if (place > log.length || (cursor !== null && !cursor.startsWith("memory~"))) throw expiredCursor(cursor ?? "");
    const found: LedgerRow[] = [];
    for (; place < log.length && found.length < limit; place++) {
      const row = log[place];
      if (row && kinds.includes(row.kind))
        found.push(bare.includes(row.kind) ? { ...row, body: null } : structuredClone(row));
    }
    return { rows: found, cursor: formatCursor(["memory", place]) };
  };

  return {
    commit: async (changes) => {
      const staged = new Map<string, readonly LedgerRow[]>();
      const written: LedgerRow[] = [];
      for (const change of changes) {
        const name = JSON.stringify([change.kind, change.key]);
        const revisions = staged.get(name) ?? rows.get(name) ?? [];
        if (change.op === "delete") {
          staged.set(name, []);
          continue;
        }
        const newest = revisions.at(-1);
        const revision = newest?.revision ?? 0;
        if (change.expect !== undefined && change.expect !== revision)
          throw new StoreRefusedError(
            `${change.kind} "${change.key}" is at revision ${revision}, expected ${change.expect}`,
            { code: "STORE_CONFLICT" },
          );
        const { kind, key, site, ts } = change;
        const body = JSON.parse(JSON.stringify(change.body)) as Json;
        const at = timestamp(Math.max(now(), newest?.at ?? 0));
        const row: LedgerRow = { kind, key, site, ts, revision: revision + 1, at, body };
        staged.set(name, [...revisions, row]);
        written.push(row);
      }
      for (const row of written) places.set(row, log.push(row) - 1);
      for (const [name, revisions] of staged) {
        forget((rows.get(name) ?? []).filter((row) => !revisions.includes(row)));
        if (revisions.length === 0) rows.delete(name);
        else rows.set(name, revisions);
      }
      for (const row of written) if (!rows.get(JSON.stringify([row.kind, row.key]))?.includes(row)) forget([row]);
      if (written.length > 0) waiter.wake();
      return structuredClone(written);
    },

    get: async (kind, key, asOf) => {
      const revisions = rows.get(JSON.stringify([kind, key])) ?? [];
      return structuredClone(revisions.findLast((row) => asOf === undefined || row.at <= asOf) ?? null);
    },

    getAll: async (kind, keys) =>
      keys.map((key) => structuredClone(rows.get(JSON.stringify([kind, key]))?.at(-1) ?? null)),

    list: async ({ kind, site, from, to, order = "oldest-first", limit, cursor, asOf }) => {
      const sign = order === "oldest-first" ? 1 : -1;
      const found = [...rows.values()]
        .flatMap((revisions) => revisions.at(-1) ?? [])
        .filter((row) => row.kind === kind && (site === undefined || row.site === site))
        .filter((row) => row.ts >= (from ?? Number.NEGATIVE_INFINITY) && row.ts < (to ?? Number.POSITIVE_INFINITY))
        .sort((a, b) => sign * byTsAndKey(a, b));
      const parts = cursor === undefined ? null : parseCursor(cursor, 2);
      const after = parts === null ? null : { ts: timestamp(parseCount(parts[0], cursor ?? "")), key: parts[1] ?? "" };
      const rest = after === null ? found : found.filter((row) => sign * byTsAndKey(row, after) > 0);
      const known = rest.flatMap((row) => {
        const then =
          asOf === undefined ? row : rows.get(JSON.stringify([kind, row.key]))?.findLast((r) => r.at <= asOf);
        return then === undefined ? [] : [{ place: row, then }];
      });
      const items = known.slice(0, limit);
      const last = items.at(-1)?.place;
      const next = last === undefined || items.length === known.length ? null : formatCursor([last.ts, last.key]);
      return { items: structuredClone(items.map(({ then }) => then)), next };
    },

    history: async (kind, key) => structuredClone(rows.get(JSON.stringify([kind, key])) ?? []),

    follow: (query) =>
      followWith(query, {
        waiter,
        look: async (cursor) => look(cursor, query),
        isEmpty: (found) => found.rows.length === 0,
        pollMs: 60_000,
      }),

    head: async () => formatCursor(["memory", log.length]),

    prune: async (kind, before) => {
      let removed = 0;
      for (const [name, revisions] of [...rows]) {
        const newest = revisions.at(-1);
        if (newest === undefined || newest.kind !== kind || newest.ts >= before) continue;
        rows.delete(name);
        forget(revisions);
        removed++;
      }
      return { removed };
    },

    [Symbol.asyncDispose]: async () => waiter.close(),
  };
};

const byTsAndKey = (a: Pick<LedgerRow, "ts" | "key">, b: Pick<LedgerRow, "ts" | "key">): number =>
  a.ts - b.ts || (a.key < b.key ? -1 : a.key > b.key ? 1 : 0);
