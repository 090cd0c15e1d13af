import type { ReadingColumns } from "./columns.ts";
import type { Reading } from "./reading.ts";
import type { Timestamp } from "./unit.ts";

/**
 * The readings port. Adapters: `sqlite/`, `influx/`, `memory/`; all pass `readings.suite.ts`.
 * Every call throws `StoreUnavailableError` when the store cannot answer now. Any thread may open its own instance on
 * the same place; one instance (the collector's) writes.
 */
export interface Readings extends AsyncDisposable {
  /** Resolves when the batch is durable. Idempotent: equal values again change nothing and are counted. */
  write(batch: readonly Reading[]): Promise<WriteResult>;
  /** `write` for readings in columns, in an adapter that keeps columns; elsewhere `readingsOf` them is written. */
  writeColumns?(batch: ReadingColumns): Promise<WriteResult>;
  /** Stored readings in event-time order, merged, keyset-paged. */
  read(query: ReadQuery): Promise<Page<Reading>>;
  /**
   * What `read` gives of a whole range, in columns, in an adapter that keeps them: those of one device in event-time order.
   * There are no pages: whoever asks knows how much there may be. Elsewhere
   * `readColumnsOf` makes it of `read`.
   */
  readColumns?(query: ReadColumnsQuery): Promise<ReadingColumns>;
  /** One quantity of one device over time, as raw samples or rolled up. */
  series(query: SeriesQuery): Promise<Series>;
  /** Newest reading (merged newest value of each quantity) of each named device, or of all devices of a site. */
  latest(query: LatestQuery): Promise<readonly LatestReading[]>;
  /** Old values that a later message replaced. */
  corrections(query: ReadQuery): Promise<Page<Correction>>;
  /** Every device ever seen, with its quantities. */
  devices(site?: string): Promise<readonly DeviceSeen[]>;
  /**
   * Committed readings in commit order, each once per commit (a reading that merged or was corrected comes again,
   * whole). `cursor: null` is the beginning; keep the returned cursor. Waits up to `waitMs` when there is nothing.
   * An aborted `signal` ends the wait with an empty page. Who was away may see such a reading once, as it stands now.
   * Throws `StoreRefusedError` `STORE_CURSOR_EXPIRED` for a cursor that is not of this store.
   */
  follow(query: FollowQuery): Promise<FollowPage>;
  /**
   * `follow` in columns, in an adapter that keeps them: the same rows in the same order, for whoever takes them by the
   * hundred thousand. A page may end before the limit. Elsewhere `followColumnsOf` makes it of `follow`.
   */
  followColumns?(query: FollowQuery): Promise<FollowColumnsPage>;
  /** The cursor that stands after everything committed so far. */
  head(): Promise<string>;
  /**
   * A cursor before the first commit that may have a reading of event time `ts` or later, in an adapter that knows
   * without looking: whoever follows from there misses none of them, and meets older ones among them.
   */
  placeBefore?(ts: Timestamp): Promise<string>;
  /** Deletes raw readings and roll-ups older than their class allows. */
  prune(retention: Retention): Promise<{ readonly removed: number }>;
  health(): Promise<StoreHealth>;
}

/** What became of a batch, counted in values; a batch may be stored in part. */
export interface WriteResult {
  /** Values (not messages) newly stored. */
  readonly accepted: number;
  /** Values that were there already, equal. */
  readonly duplicates: number;
  /** Values that replaced a different one. */
  readonly corrections: number;
  /** Readings the store will never take; everything else of the batch is stored. */
  readonly rejected: readonly { readonly reading: Reading; readonly code: string; readonly reason: string }[];
}

/** `[from, to)` of event time. `device` absent means all devices of the site. */
export interface ReadQuery {
  readonly site: string;
  readonly device?: string;
  readonly from: Timestamp;
  readonly to: Timestamp;
  /** At most 10,000. */
  readonly limit: number;
  readonly cursor?: string;
}

/** `[from, to)` of event time. `devices` absent means all devices of the site. */
export interface ReadColumnsQuery extends Pick<ReadQuery, "site" | "from" | "to"> {
  readonly devices?: readonly string[];
}

export interface Page<Item> {
  readonly items: readonly Item[];
  readonly next: string | null;
}

/** Lengths of roll-up windows, ms. */
export const steps = { "1m": 60_000, "15m": 900_000, "1h": 3_600_000 } as const;
export type RollupStep = keyof typeof steps;

export interface SeriesQuery {
  readonly site: string;
  readonly device: string;
  readonly quantity: string;
  readonly from: Timestamp;
  readonly to: Timestamp;
  readonly step: "raw" | RollupStep;
}

/** Columns of equal length, oldest first. An empty window has no row: a gap is a gap. */
export type Series =
  | { readonly step: "raw"; readonly ts: readonly number[]; readonly value: readonly number[] }
  | ({ readonly step: RollupStep } & RollupColumns);

/**
 * Windows are half-open and tagged by start; a series has those that begin in `[from, to)`, whole. Everything composes:
 * 1m into 15m into 1h. A window without a sample that a line between two samples crosses has `count` 0, that line's
 * integral, and its values at the window's borders as `first`, `last`, `min` and `max`.
 */
export interface RollupColumns {
  readonly start: readonly number[];
  readonly count: readonly number[];
  readonly sum: readonly number[];
  readonly min: readonly number[];
  readonly max: readonly number[];
  readonly first: readonly number[];
  readonly firstTs: readonly number[];
  readonly last: readonly number[];
  readonly lastTs: readonly number[];
  /** Trapezoid over event time in unit × milliseconds; gaps longer than the gap limit are left out. */
  readonly integral: readonly number[];
  /** Milliseconds that the integral covers. */
  readonly goodMs: readonly number[];
}

export interface LatestQuery {
  readonly site: string;
  readonly devices?: readonly string[];
}

export interface LatestReading {
  readonly site: string;
  readonly device: string;
  readonly ts: Timestamp;
  readonly received: Timestamp;
  readonly quantities: Readonly<Record<string, { readonly value: number; readonly ts: Timestamp }>>;
}

export interface Correction {
  readonly site: string;
  readonly device: string;
  readonly ts: Timestamp;
  readonly quantity: string;
  readonly was: number;
  /** When the value that replaced it arrived. */
  readonly replaced: Timestamp;
}

export interface DeviceSeen {
  readonly site: string;
  readonly device: string;
  readonly quantities: readonly string[];
  readonly firstSeen: Timestamp;
  readonly lastSeen: Timestamp;
  readonly readings: number;
}

export interface FollowQuery {
  readonly cursor: string | null;
  readonly sites?: readonly string[];
  /** At most 10,000 readings. */
  readonly limit: number;
  readonly waitMs: number;
  /** `followColumns` only: goes no further than this cursor. */
  readonly until?: string;
  readonly signal?: AbortSignal;
}

export interface FollowPage {
  readonly readings: readonly Reading[];
  readonly cursor: string;
}

export interface FollowColumnsPage {
  /** Numbers of devices and shapes are those of one book as long as the store is open. */
  readonly columns: ReadingColumns;
  readonly cursor: string;
  /** More was committed after the cursor when this was read. */
  readonly behind: boolean;
}

/** Milliseconds to keep, per class of data; `null` keeps for ever. */
export interface Retention {
  readonly now: Timestamp;
  readonly rawMs: number | null;
  readonly rollup: Readonly<Record<RollupStep, number | null>>;
}

/** How the store is, for people and probes. */
export interface StoreHealth {
  readonly adapter: "sqlite" | "influx" | "memory";
  readonly state: "ok" | "degraded" | "full" | "unreachable";
  /** One sentence for a person, empty when ok. */
  readonly reason: string;
  /** Server version where there is one. */
  readonly version: string;
  /** Acknowledged but not yet in the final store (InfluxDB spool); 0 otherwise. */
  readonly pendingReadings: number;
  readonly bytes: number;
}
