import { resolve } from "node:path";
import type { StoreSettings } from "../config.ts";
import type { Ledger } from "../ledger.ts";
import type { StoreDeps } from "../open.ts";
import { createWaiter, followWith } from "../waiter.ts";
import { joinChannel } from "./channel.ts";
import type { LedgerSettings } from "./ledger.worker.ts";
import type { LedgerCalls } from "./ledger-file.ts";
import { startRemote } from "./remote.ts";

// Commits of other processes make no sound here.
const pollMs = 1000;

/** The ledger in `DATA_DIR/ledger.db`. Any instance of any thread or process may commit. */
export const openSqliteLedger = async (
  settings: Pick<StoreSettings, "DATA_DIR">,
  { role, onError, now = Date.now }: StoreDeps,
): Promise<Ledger> => {
  const path = resolve(settings.DATA_DIR, "ledger.db");
  const remote = await startRemote<LedgerCalls>(
    new URL("./ledger.worker.ts", import.meta.url),
    { path, check: role === "writer" ? "deep" : "header" } satisfies LedgerSettings,
    (error) => onError(error, { stage: "store", code: "STORE_UNREACHABLE" }),
  );
  const waiter = createWaiter();
  const channel = joinChannel(path, waiter.wake);

  return {
    commit: (changes) => remote.call("commit", { changes, at: now() }),
    get: (kind, key, asOf) => remote.call("get", { kind, key, asOf: asOf ?? null }),
    list: (query) => remote.call("list", query),
    history: (kind, key) => remote.call("history", { kind, key }),
    follow: (query) =>
      followWith(query, {
        waiter,
        look: (cursor) => remote.call("follow", { cursor, kinds: query.kinds, limit: query.limit, waitMs: 0 }),
        isEmpty: (found) => found.rows.length === 0,
        pollMs,
      }),
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
