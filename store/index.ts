export {
  type ColumnBuilder,
  createColumnBuilder,
  createLendingBuilder,
  createNameBook,
  eachReading,
  flagBits,
  type NameBook,
  type ReadingColumns,
  readingAt,
  readingsOf,
  sitesOf,
  startsOf,
} from "./columns.ts";
export { keepMs, type StoreSettings, storeSchema } from "./config.ts";
export { type StoreCode, StoreRefusedError, StoreUnavailableError, storeCodes } from "./errors.ts";
export { type FollowColumns, followColumnsOf, shareFollow } from "./follow-columns.ts";
export { giveWay } from "./give-way.ts";
export { createKeptReader, type KeptReader, type KeptTable } from "./kept.ts";
export type { Json, KeptRow, Ledger, LedgerChange, LedgerFollow, LedgerQuery, LedgerRow } from "./ledger.ts";
export { createMemoryLedger, createMemoryReadings } from "./memory/index.ts";
export { openStore, type Store, type StoreDeps } from "./open.ts";
export { findQuantity, type Quantity, type QuantityKind, quantities } from "./quantity.ts";
export { readColumnsOf } from "./read-columns.ts";
export { identifierPattern, quantityPattern, type Reading, type ReadingFlag, readingFlags } from "./reading.ts";
export {
  type Correction,
  type DeviceSeen,
  type FollowColumnsPage,
  type FollowPage,
  type FollowQuery,
  type LatestQuery,
  type LatestReading,
  type Page,
  type ReadColumnsQuery,
  type Readings,
  type ReadQuery,
  type Retention,
  type RollupColumns,
  type RollupStep,
  type Series,
  type SeriesQuery,
  type StoreHealth,
  steps,
  type WriteResult,
} from "./readings.ts";
export { type RetentionDeps, retentionAt, startRetention } from "./retention.ts";
export {
  composeRollups,
  composeWindow,
  type RollupRow,
  rollup,
  rollupColumns,
  rollWindow,
  type Samples,
  windowStart,
} from "./rollup.ts";
export type { Layout } from "./table.ts";
export {
  type Celsius,
  celsius,
  type GramsCO2e,
  gramsCO2e,
  type Timestamp,
  timestamp,
  type WattHours,
  type Watts,
  wattHours,
  watts,
} from "./unit.ts";
