import type { Account, AccountStep, NodeAccount } from "./account.ts";
import type { SiteNode } from "./model.ts";
import { worstQuality } from "./node-account.ts";

// Received less event time is the error of a clock plus the way of the message, which is never negative: ahead is proof,
// behind is a clock only while it stays the same (kpi.md §9 R07).

// R07: a future time stamp by more than 2 s; a lag of more than 5 s.
const aheadMs = 2000;
const behindMs = 5000;
// What is older came as history, from a file or a long outage.
const longestLagMs = 3_600_000;
// A backlog shrinks with the time it is dated; a wrong clock stands beside ours.
const backlogShare = 0.2;
// Minutes of a window that have to agree.
const leastShare = 0.9;

/** Whether a lag, ms, says something of a clock. */
export const isOdd = (lagMs: number): boolean =>
  (lagMs > behindMs && lagMs < longestLagMs) || (lagMs < -aheadMs && lagMs > -longestLagMs);

/** The lag of a device's readings in a window, ms, when all of them are odd; null when one of them is right. */
export type LagOf = (device: string, window: { readonly start: number; readonly end: number }) => number | null;

const furthest = (lags: readonly number[]): number =>
  lags.reduce((most, lag) => (Math.abs(lag) > Math.abs(most) ? lag : most), 0);

const skewed = (account: NodeAccount, lagMs: number): NodeAccount => ({
  ...account,
  lagMs,
  quality: worstQuality([account.quality, "PARTLY_ESTIMATED"]),
  flags: account.flags.includes("CLOCK_SKEW") ? account.flags : [...account.flags, "CLOCK_SKEW"],
});

/** A minute of a node whose meters spoke with a wrong time: one ahead of ours is flagged at once. */
export const withLag = (
  node: SiteNode,
  account: NodeAccount,
  window: { readonly start: number; readonly end: number },
  lagOf: LagOf,
): NodeAccount => {
  const lags = node.points.map(({ device }) => lagOf(device, window)).filter((lag) => lag !== null);
  if (lags.length === 0) return account;
  const lagMs = furthest(lags);
  return lags.some((lag) => lag < 0) ? skewed(account, lagMs) : { ...account, lagMs };
};

/** The lag that the minutes of a quarter agree on; null when they do not, or while a backlog is worked off. */
const steadyLag = (minutes: readonly { readonly start: number; readonly node: NodeAccount }[]): number | null => {
  const spoken = minutes.filter(({ node }) => node.quality !== "INVALID");
  const late = spoken.filter(({ node }) => node.lagMs !== undefined);
  const [first, last] = [late[0], late.at(-1)];
  if (first === undefined || last === undefined || late.length < leastShare * spoken.length) return null;
  const shrunk = (first.node.lagMs ?? 0) - (last.node.lagMs ?? 0);
  if (late.length > 1 && shrunk > backlogShare * (last.start - first.start)) return null;
  return late.reduce((least, { node }) => Math.min(least, node.lagMs ?? least), Infinity);
};

/**
 * Flags nodes of a composed account whose meters' clocks were wrong: a quarter by its minutes, longer windows by their
 * parts. `odd`: nodes of which a part was dated wrong.
 */
export const markSkewed = (
  nodes: Readonly<Record<string, NodeAccount>>,
  accounts: readonly Account[],
  step: AccountStep,
  odd: ReadonlySet<string>,
): Readonly<Record<string, NodeAccount>> => {
  if (odd.size === 0) return nodes;
  const marked: Record<string, NodeAccount> = { ...nodes };
  for (const id of odd) {
    const parts = accounts.flatMap(({ start, nodes: own }) => {
      const node = Object.hasOwn(own, id) ? own[id] : undefined;
      return node === undefined ? [] : [{ start, node }];
    });
    const own = marked[id];
    if (own === undefined) continue;
    const flagged = parts.filter(({ node }) => node.flags.includes("CLOCK_SKEW"));
    const lagMs =
      flagged.length > 0
        ? furthest(flagged.map(({ node }) => node.lagMs ?? 0))
        : step === "15m"
          ? steadyLag(parts)
          : null;
    if (lagMs !== null) marked[id] = skewed(own, lagMs);
  }
  return marked;
};
