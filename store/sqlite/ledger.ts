import { resolve } from "node:path";
import type { StoreSettings } from "../config.ts";
import { createBodyWriter, createKeptReader } from "../kept.ts";
import type { Json, Ledger, LedgerChange, LedgerFollow, LedgerRow } from "../ledger.ts";
import type { StoreDeps } from "../open.ts";
import { createWaiter, followWith } from "../waiter.ts";
import { joinChannel } from "./channel.ts";
import type { LedgerSettings } from "./ledger.worker.ts";
import { givenWith, type LedgerCalls, type Place, type WrittenChange, type WrittenRow } from "./ledger-file.ts";
import { startRemote } from "./remote.ts";
import { startResting } from "./resting.ts";

// Commits of other processes make no sound here.
const pollMs = 1000;
// The collector asks for a dead letter now and then; whoever keeps accounts asks every second.
const restMs = 30_000;

/** The ledger in `DATA_DIR/ledger.db`. Any instance of any thread or process may commit. */
export const openSqliteLedger = async (
  settings: Pick<StoreSettings, "DATA_DIR">,
  { role, onError, now = Date.now }: StoreDeps,
): Promise<Ledger> => {
  const path = resolve(settings.DATA_DIR, "ledger.db");
  const start = () =>
    startRemote<LedgerCalls>(
      new URL("./ledger.worker.ts", import.meta.url),
      { path, check: role === "writer" ? "deep" : "header" } satisfies LedgerSettings,
      (error) => onError(error, { stage: "store", code: "STORE_UNREACHABLE" }),
    );
  const remote = await startResting(start, restMs);
  const waiter = createWaiter();
  const channel = joinChannel(path, waiter.wake);
  const write = createBodyWriter();
  const read = createKeptReader();
  const readRow = ({ body, ...row }: WrittenRow): LedgerRow => ({
    ...row,
    body: typeof body === "string" ? (JSON.parse(body) as Json) : read.body(body),
  });

  const followedBy = <Row>(
    query: LedgerFollow,
    look: (asked: Omit<LedgerFollow, "signal">) => Promise<{ readonly rows: readonly Row[]; readonly cursor: string }>,
  ) =>
    followWith(query, {
      waiter,
      look: (cursor) => look({ cursor, kinds: query.kinds, bare: query.bare ?? [], limit: query.limit, waitMs: 0 }),
      isEmpty: (found) => found.rows.length === 0,
      pollMs,
    });

  return {
    commit: async (changes) => {
      const written = changes.map(
        (change): WrittenChange => (change.op === "delete" ? change : { ...change, body: write(change.body) }),
      );
      const given = givenWith(written);
      return committedRows(changes, await remote.call("commit", { changes: written, at: now() }, given));
    },
    get: async (kind, key, asOf) => {
      const row = await remote.call("get", { kind, key, asOf: asOf ?? null });
      return row === null ? null : readRow(row);
    },
    getAll: async (kind, keys) =>
      (await remote.call("getAll", { kind, keys })).map((row) => (row === null ? null : readRow(row))),
    list: async (query) => {
      const { items, next } = await remote.call("list", query);
      return { items: items.map(readRow), next };
    },
    listKept: (query) => remote.call("listKept", query),
    history: async (kind, key) => (await remote.call("history", { kind, key })).map(readRow),
    follow: (query) =>
      followedBy(query, async (asked) => {
        const found = await remote.call("follow", asked);
        return { rows: found.rows.map(readRow), cursor: found.cursor };
      }),
    followKept: (query) => followedBy(query, (asked) => remote.call("followKept", asked)),
    head: () => remote.call("head", null),
    prune: async (kind, before) => {
      let removed = 0;
      for (;;) {
        const count = await remote.call("prune", { kind, before });
        if (count === 0) return { removed };
        removed += count;
      }
    },
    [Symbol.asyncDispose]: async () => {
      waiter.close();
      channel[Symbol.dispose]();
      await remote[Symbol.asyncDispose]();
    },
  };
};

/** The rows of a commit. Few ask for the body they have just written, so it is read when somebody does. */
const committedRows = (changes: readonly LedgerChange[], places: readonly Place[]): readonly LedgerRow[] => {
  let next = 0;
  return changes.flatMap((change): readonly LedgerRow[] => {
    if (change.op === "delete") return [];
    const place = places[next++];
    if (place === undefined) throw new Error("BUG: a commit gave fewer places than it had rows");
    const { kind, key, site, ts } = change;
    let body: Json | undefined;
    return [
      {
        ...{ kind, key, site, ts, ...place },
        get body(): Json {
          body ??= JSON.parse(JSON.stringify(change.body)) as Json;
          return body;
        },
      },
    ];
  });
};
