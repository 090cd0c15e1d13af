import type { Page } from "./readings.ts";
import type { Timestamp } from "./unit.ts";

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/**
 * The ledger port: transactional rows, always on this machine (SQLite in `DATA_DIR`; a memory twin for tests), shared by
 * all threads. What a row means belongs to the stage that writes it. Both adapters pass `ledger.suite.ts`.
 */
export interface Ledger extends AsyncDisposable {
  /** All changes or none, durable when it resolves. Throws `StoreRefusedError` `STORE_CONFLICT` when an `expect` fails. */
  commit(changes: readonly LedgerChange[]): Promise<readonly LedgerRow[]>;
  /** The newest revision, or the newest known at `asOf`. */
  get(kind: string, key: string, asOf?: Timestamp): Promise<LedgerRow | null>;
  /** The newest revision of each key, in the order of the keys; null where there is no row. At most some thousands. */
  getAll(kind: string, keys: readonly string[]): Promise<readonly (LedgerRow | null)[]>;
  /** Newest revisions by `(ts, key)`, keyset-paged. */
  list(query: LedgerQuery): Promise<Page<LedgerRow>>;
  /**
   * `list` with each body as it is kept, for whoever takes them by the ten thousand and looks at little of each (see
   * `createKeptReader`); absent in an adapter that keeps values.
   */
  listKept?(query: LedgerQuery): Promise<Page<KeptRow>>;
  /** Every revision of one row, oldest first. */
  history(kind: string, key: string): Promise<readonly LedgerRow[]>;
  /** Committed rows in commit order, as `Readings.follow`. */
  follow(query: LedgerFollow): Promise<{ readonly rows: readonly LedgerRow[]; readonly cursor: string }>;
  /** `follow` with each body as it is kept; absent in an adapter that keeps values. */
  followKept?(query: LedgerFollow): Promise<{ readonly rows: readonly KeptRow[]; readonly cursor: string }>;
  /** The cursor that stands after everything committed so far. */
  head(): Promise<string>;
  /** Removes whole rows (all revisions) whose `ts` is older. */
  prune(kind: string, before: Timestamp): Promise<{ readonly removed: number }>;
}

export type LedgerChange =
  | {
      readonly op: "put";
      readonly kind: string;
      readonly key: string;
      /** Empty when the row belongs to no site. */
      readonly site: string;
      /** What the row is about (window start, alert start), for ranges; not the commit time. */
      readonly ts: Timestamp;
      readonly body: Json;
      /** The revision this replaces: 0 says there must be none. Absent: whatever is there. */
      readonly expect?: number;
    }
  | { readonly op: "delete"; readonly kind: string; readonly key: string };

/** One revision of what is kept under `kind` and `key`; what `body` means is its writer's business. */
export interface LedgerRow {
  readonly kind: string;
  readonly key: string;
  readonly site: string;
  readonly ts: Timestamp;
  /** 1, 2, 3 … per key. */
  readonly revision: number;
  /** Commit time. */
  readonly at: Timestamp;
  readonly body: Json;
}

/** A row whose body is read when it is wanted, by `createKeptReader`. */
export interface KeptRow extends Omit<LedgerRow, "body"> {
  readonly kept: Uint8Array;
}

export interface LedgerQuery {
  readonly kind: string;
  readonly site?: string;
  /** `[from, to)` of the rows' `ts`. */
  readonly from?: Timestamp;
  readonly to?: Timestamp;
  readonly order?: "oldest-first" | "newest-first";
  readonly limit: number;
  readonly cursor?: string;
  /** Each row as it was known then, rows that came later left out; range and order stay those of the newest revisions. */
  readonly asOf?: Timestamp;
}

export interface LedgerFollow {
  readonly cursor: string | null;
  readonly kinds: readonly string[];
  /** Those of the kinds whose rows come without their bodies, which are null: they are not read at all. */
  readonly bare?: readonly string[];
  readonly limit: number;
  readonly waitMs: number;
  readonly signal?: AbortSignal;
}
