import { setTimeout as wait } from "node:timers/promises";
import { type LedgerRow, StoreRefusedError } from "#store";
import type { Context } from "./app.ts";
import * as schema from "./schema.ts";
import type { LiveEvent } from "./wire.ts";

const accountKind = "account/1m";
const pageRows = 100;
const waitMs = 10_000;
const retryMs = 1000;
/** While history is loaded, minutes are accounted by the thousand: a screen needs the last ones only. */
const accountsPerPage = 10;
/** Nobody reads more one by one: of a flood a client hears how many more there are, and lists them. */
const alertsPerS = 200;

const accountEvent = ({ site, kind, ts, revision }: LedgerRow): LiveEvent => ({
  event: "account",
  data: { site, step: kind.slice("account/".length), start: ts, revision },
});

/** Follows the ledger from now on and emits alerts (all) and accounts (the newest of a burst) in commit order. */
export const createFeed = (
  { ledger, now, onError }: Pick<Context, "ledger" | "now" | "onError">,
  emit: (site: string | null, event: LiveEvent) => void,
): AsyncDisposable => {
  const stop = new AbortController();
  const { signal } = stop;

  const told = new Map<string, { second: number; count: number }>();
  const isFlood = (site: string): boolean => {
    const second = Math.floor(now() / 1000);
    const known = told.get(site);
    if (known?.second !== second) {
      told.set(site, { second, count: 1 });
      return false;
    }
    known.count += 1;
    return known.count > alertsPerS;
  };

  const emitRow = (row: LedgerRow): "told" | "left out" => {
    if (row.kind !== "alert") {
      emit(row.site, accountEvent(row));
      return "told";
    }
    const alert = schema.alert.safeParse(row.body);
    if (!alert.success)
      onError(new Error(`alert ${row.key} is not readable`, { cause: alert.error }), "DASHBOARD_LIVE_FAILED");
    else if (alert.data.shadow !== true) {
      if (isFlood(row.site)) return "left out";
      emit(row.site, { event: "alert", data: alert.data });
    }
    return "told";
  };

  const emitPage = (rows: readonly LedgerRow[]): void => {
    const accounts = rows.filter(({ kind }) => kind !== "alert");
    const left = new Map<string, number>();
    for (const { site } of accounts) left.set(site, (left.get(site) ?? 0) + 1);
    const most = rows.length < pageRows ? accountsPerPage : 1;
    const leftOut = new Map<string, number>();
    for (const row of rows) {
      if (row.kind !== "alert") {
        const after = (left.get(row.site) ?? 1) - 1;
        left.set(row.site, after);
        if (after >= most) continue;
      }
      if (emitRow(row) === "left out") leftOut.set(row.site, (leftOut.get(row.site) ?? 0) + 1);
    }
    for (const [site, count] of leftOut) emit(site, { event: "alerts", data: { site, leftOut: count } });
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
          kinds: ["alert", accountKind],
          // 95 KB each of a site of four hundred racks, of which nobody is told more than that they are there.
          bare: [accountKind],
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
