// start:  ledger.list, newest first, page by page ─┐
// then:   ledger.follow, in commit order ──────────┴─▶ index ─▶ places ─▶ ledger.getAll ─▶ a page
import { setTimeout as delay, setImmediate as turn } from "node:timers/promises";
import { type Ledger, type LedgerRow, type Page, StoreRefusedError } from "#store";
import type { Alert } from "../alert.ts";
import type { RulesCode } from "../codes.ts";
import { createQueue } from "../queue.ts";
import { alertKind, readAlert } from "../record.ts";
import type { AlertQuery } from "../rules.ts";
import { type AlertFilter, createAlertIndex, type Place } from "./alert-index.ts";
import { type Loss, lossOf, type WasteKey } from "./rank.ts";

/** What was lost while an alert lasted: ledger kind `alert-waste`, key and `ts` of the alert. */
export const wasteKind = "alert-waste";

export interface PastDeps {
  readonly ledger: Ledger;
  readonly fail: (error: unknown, code: RulesCode) => void;
  /** Every alert and loss as it is read or changes: history newest first, then in commit order. */
  readonly onAlert?: (alert: Alert) => void;
  readonly onWaste?: (row: LedgerRow) => void;
}

/** Every alert that ever was, found by what it is. */
export interface Past extends AsyncDisposable {
  list(query: AlertQuery): Promise<Page<Alert>>;
  /** Those whose loss was worked out, the dearest first; waits until all history is known. */
  dearest(filter: AlertFilter, limit: number, by: WasteKey): Promise<readonly (Place & Loss)[]>;
  /** Of the given places, newest first; waits until all history is known. */
  find(filter: AlertFilter, limit: number): Promise<readonly Place[]>;
  /** Resolves when all history is known. */
  readonly loaded: Promise<void>;
  readonly size: () => number;
}

const maxPage = 1000;
// Some 10 ms of this thread; then everybody else has a turn.
const pageRows = 500;
const waitMs = 30_000;
const retryMs = 1000;

/** Starts to read all alerts of the ledger; a page that lies in what is read already does not wait for the rest. */
export const openPast = async ({ ledger, fail, onAlert, onWaste }: PastDeps): Promise<Past> => {
  const stop = new AbortController();
  const { signal } = stop;
  const index = createAlertIndex();
  const queue = createQueue();
  const kinds = [alertKind, wasteKind];
  let cursor = await ledger.head();
  // Of what is newer than this everything is known; null: of nothing.
  let reach: Place | null = null;
  let isWhole = false;
  let more = Promise.withResolvers<void>();
  const loaded = Promise.withResolvers<void>();

  const take = (row: LedgerRow): void => {
    if (row.kind === wasteKind) {
      index.price({ start: row.ts, id: row.key }, lossOf(row.body as Parameters<typeof lossOf>[0]));
      onWaste?.(row);
      return;
    }
    const alert = readAlert(row);
    if (alert === null) fail(new Error(`alert "${row.key}" is not readable`), "RULES_ROW_INVALID");
    else {
      index.put(alert);
      onAlert?.(alert);
    }
  };

  const catchUp = async (): Promise<void> => {
    for (;;) {
      const page = await ledger.follow({ cursor, kinds, limit: pageRows, waitMs: 0 });
      cursor = page.cursor;
      for (const row of page.rows) take(row);
      if (page.rows.length < pageRows) return;
    }
  };

  const loadKind = async (kind: string, onPage: (last: LedgerRow) => void): Promise<void> => {
    for (let at: string | null | undefined; at !== null && !signal.aborted; ) {
      const from: { readonly cursor?: string } = at === undefined ? {} : { cursor: at };
      // In the queue: what is followed meanwhile is not older than what is listed.
      at = await queue.run(async () => {
        const page = await ledger.list({ kind, order: "newest-first", limit: pageRows, ...from });
        for (const row of page.items) take(row);
        const last = page.items.at(-1);
        if (last !== undefined) onPage(last);
        return page.next;
      });
      await turn();
    }
  };

  const load = async (): Promise<void> => {
    await loadKind(alertKind, (last) => {
      reach = { start: last.ts, id: last.key };
      more.resolve();
      more = Promise.withResolvers();
    });
    await loadKind(wasteKind, () => undefined);
    if (signal.aborted) return;
    isWhole = true;
    more.resolve();
    loaded.resolve();
  };

  const keepOn = async (work: () => Promise<unknown>): Promise<void> => {
    try {
      await work();
    } catch (error) {
      if (signal.aborted) return;
      fail(error, "RULES_FOLLOW_FAILED");
      if (error instanceof StoreRefusedError && error.code === "STORE_CURSOR_EXPIRED") cursor = await ledger.head();
      await delay(retryMs, undefined, { signal }).catch(() => undefined);
    }
  };
  const run = async (): Promise<void> => {
    while (!isWhole && !signal.aborted) await keepOn(load);
    while (!signal.aborted)
      await keepOn(async () => {
        const { rows } = await ledger.follow({ cursor, kinds, limit: 1, waitMs, signal });
        if (rows.length > 0) await queue.run(catchUp);
      });
  };

  const isKnown = (place: Place): boolean =>
    isWhole || (reach !== null && (place.start > reach.start || (place.start === reach.start && place.id >= reach.id)));

  /** The places of a page and one more; waits while what is missing may be in what is not read yet. */
  const placesOf = async (filter: AlertFilter, after: Place | null, limit: number): Promise<readonly Place[]> => {
    await queue.run(catchUp);
    for (;;) {
      const next = more.promise;
      const places = index.page(filter, after, limit).filter(isKnown);
      const isOlder = filter.from !== undefined && reach !== null && reach.start < filter.from;
      if (isWhole || isOlder || places.length === limit) return places;
      if (signal.aborted) throw new Error("the rules are stopping");
      await next;
    }
  };

  const running = run();
  return {
    async list({ limit: wanted, cursor: after, ...filter }) {
      const limit = Math.max(1, Math.min(maxPage, Math.trunc(wanted)));
      const places = await placesOf(filter, after === undefined ? null : parsePlace(after), limit + 1);
      const shown = places.slice(0, limit);
      const last = shown.at(-1);
      const rows =
        shown.length === 0
          ? []
          : await ledger.getAll(
              alertKind,
              shown.map(({ id }) => id),
            );
      const items: Alert[] = [];
      for (const [at, row] of rows.entries()) {
        const alert = row === null ? null : readAlert(row);
        const place = shown[at];
        if (alert !== null) items.push(alert);
        else if (place !== undefined) index.drop(place);
      }
      return { items, next: places.length > limit && last !== undefined ? formatPlace(last) : null };
    },
    async dearest(filter, limit, by) {
      await loaded.promise;
      await queue.run(catchUp);
      return index.dearest(filter, limit, by);
    },
    async find(filter, limit) {
      await loaded.promise;
      await queue.run(catchUp);
      return index.page(filter, null, limit);
    },
    loaded: loaded.promise,
    size: () => index.size,
    async [Symbol.asyncDispose]() {
      stop.abort();
      more.resolve();
      loaded.resolve();
      await running;
    },
  };
};

const formatPlace = ({ start, id }: Place): string => `${start}~${id}`;
const parsePlace = (cursor: string): Place => {
  const [, start, id] = /^(\d{1,16})~([A-Za-z0-9._-]{1,128})$/.exec(cursor) ?? [];
  if (start === undefined || id === undefined)
    throw new StoreRefusedError(`cursor "${cursor.slice(0, 80)}" does not belong to a list of alerts`, {
      code: "STORE_CURSOR_EXPIRED",
    });
  return { start: Number(start), id };
};
