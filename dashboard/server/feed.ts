import { setTimeout as wait } from "node:timers/promises";
import { type LedgerRow, StoreRefusedError } from "#store";
import type { Context } from "./app.ts";
import * as schema from "./schema.ts";
import type { LiveEvent } from "./wire.ts";

// Accounts come whole, 80 KB each of a site of four hundred racks.
const pageRows = 100;
const waitMs = 10_000;
const retryMs = 1000;
/** While history is loaded, minutes are accounted by the thousand: a screen needs the last ones only. */
const accountsPerPage = 10;

const accountEvent = ({ site, kind, ts, revision }: LedgerRow): LiveEvent => ({
  event: "account",
  data: { site, step: kind.slice("account/".length), start: ts, revision },
});

/** Follows the ledger from now on and emits alerts (all) and accounts (the newest of a burst) in commit order. */
export const createFeed = (
  { ledger, onError }: Pick<Context, "ledger" | "onError">,
  emit: (site: string | null, event: LiveEvent) => void,
): AsyncDisposable => {
  const stop = new AbortController();
  const { signal } = stop;

  const emitRow = (row: LedgerRow): void => {
    if (row.kind !== "alert") {
      emit(row.site, accountEvent(row));
      return;
    }
    const alert = schema.alert.safeParse(row.body);
    if (!alert.success)
      onError(new Error(`alert ${row.key} is not readable`, { cause: alert.error }), "DASHBOARD_LIVE_FAILED");
    else if (alert.data.shadow !== true) emit(row.site, { event: "alert", data: alert.data });
  };

  const emitPage = (rows: readonly LedgerRow[]): void => {
    const accounts = rows.filter(({ kind }) => kind !== "alert");
    const left = new Map<string, number>();
    for (const { site } of accounts) left.set(site, (left.get(site) ?? 0) + 1);
    const most = rows.length < pageRows ? accountsPerPage : 1;
    for (const row of rows) {
      if (row.kind !== "alert") {
        const after = (left.get(row.site) ?? 1) - 1;
        left.set(row.site, after);
        if (after >= most) continue;
      }
      emitRow(row);
    }
  };

  const recover = async (error: unknown, cursor: string | null): Promise<string | null> => {
    onError(error, "DASHBOARD_LIVE_FAILED");
    await wait(retryMs, undefined, { signal }).catch(() => undefined);
    if (!(error instanceof StoreRefusedError)) return cursor;
    // The place is gone for good: what was missed cannot be told any more.
    emit(null, { event: "reset", data: { reason: "the ledger no longer holds what came next: load afresh" } });
    return null;
  };

  const run = async (): Promise<void> => {
    let cursor: string | null = null;
    while (!signal.aborted) {
      try {
        cursor ??= await ledger.head();
        const page: { readonly rows: readonly LedgerRow[]; readonly cursor: string } = await ledger.follow({
          cursor,
          kinds: ["alert", "account/1m"],
          limit: pageRows,
          waitMs,
          signal,
        });
        cursor = page.cursor;
        emitPage(page.rows);
      } catch (error) {
        if (!signal.aborted) cursor = await recover(error, cursor);
      }
    }
  };

  const running = run();
  return {
    [Symbol.asyncDispose]: async () => {
      stop.abort();
      await running;
    },
  };
};
