import type { Timestamp } from "./unit.ts";

/** What the collector wants remembered beside a reading; kept as bits in this order, so that a new one goes to the end. */
export const readingFlags = ["TS_MISSING", "TS_FUTURE", "LATE", "QUANTITY_UNKNOWN", "VALUE_REFUSED"] as const;
export type ReadingFlag = (typeof readingFlags)[number];

/**
 * One message of one device at one time. A value is identified by site, device, `ts` and quantity: readings that
 * share the first three merge, an equal value again is a duplicate, a different one is a correction.
 */
export interface Reading {
  readonly site: string;
  readonly device: string;
  /** Event time. */
  readonly ts: Timestamp;
  /** When this process took it in. */
  readonly received: Timestamp;
  /** Quantity name (unit in the name) to finite value. Look names up with `Object.hasOwn`: they come from outside. */
  readonly quantities: Readonly<Record<string, number>>;
  readonly flags: readonly ReadingFlag[];
}

/** Sites, devices, gateways, rules: what a name in a topic may look like. */
export const identifierPattern = /^[A-Za-z0-9._-]{1,64}$/;
/** Quantity names: lower-case words, the unit last. */
export const quantityPattern = /^[a-z][a-z0-9_]{0,63}$/;
