import type { NodeAccount } from "./account.ts";
import type { SiteNode } from "./model.ts";

// What 32 bits hold at their ends, and nothing measures: 0x80000000, 0x7FFFFFFF and 0xFFFFFFFF. Those of 16 bits, and
// others such as -9999, may be real powers: the site file names them where a meter means them.
const ends: readonly number[] = [-2_147_483_648, 2_147_483_647, 4_294_967_295];

/** Whether a value says "no value" (kpi.md R06). A register of 32 bits passes its ends, so only a meter's own word counts. */
export const isSentinel = (kind: "gauge" | "register" | "factor", own: readonly number[], value: number): boolean =>
  // Nearly every value of every meter comes by here.
  (own.length > 0 && own.includes(value)) ||
  ((value >= 2_147_483_647 || value <= -2_147_483_648) && kind !== "register" && ends.includes(value));

/** Whether a device said "no value" in a window. */
export type SentinelsIn = (device: string, window: { readonly start: number; readonly end: number }) => boolean;

/** A node of which a meter said "no value": what it said was left out. */
export const withSentinels = (
  node: SiteNode,
  account: NodeAccount,
  window: { readonly start: number; readonly end: number },
  saidIn: SentinelsIn,
): NodeAccount =>
  node.points.some(({ device }) => saidIn(device, window))
    ? { ...account, flags: [...account.flags, "SENTINEL"] }
    : account;
