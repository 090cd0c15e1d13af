import type { Account, AccountStep, NodeAccount } from "./account.ts";
import type { SiteModel, SiteNode } from "./model.ts";
import { worstQuality } from "./node-account.ts";

const hourMs = 3_600_000;
// R05, kpi.md §9: a register that stands while more than this passes; a gauge that shows more than this and never moves.
const registerShare = 0.02;
const gaugeShare = 0.01;
const movedShare = 0.02;
// Thirty samples in the hour that a gauge is judged over.
const slowestMs = 120_000;

const registerStands = (node: SiteNode, { check }: NodeAccount, ratingW: number, ms: number): boolean => {
  if (check === undefined || check.registerWh !== 0) return false;
  const resolutionWh = node.points.reduce((widest, { register }) => Math.max(widest, register.resolutionWh), 0);
  return Math.abs(check.powerWh) > Math.max((registerShare * ratingW * ms) / hourMs, 2 * resolutionWh);
};

const gaugeStands = (node: SiteNode, { minW, maxW }: NodeAccount, ratingW: number): boolean =>
  minW !== null &&
  minW === maxW &&
  Math.abs(minW) > gaugeShare * ratingW &&
  node.points.every(({ power, intervalMs }) => power !== null && intervalMs <= slowestMs);

/** Whether what the site draws moved within the window: a constant load at a constant site is no fault. */
const siteMoved = (accounts: readonly Account[]): boolean => {
  let least = Infinity;
  let most = -Infinity;
  for (const { balance, nodes } of accounts) {
    const watts = balance.supplyW ?? Object.values(nodes).reduce((sum, { meanW }) => sum + (meanW ?? 0), 0);
    least = Math.min(least, watts);
    most = Math.max(most, watts);
  }
  return most - least > movedShare * Math.abs(most);
};

/**
 * Flags nodes whose register stands while power flows (from a quarter of an hour on), or whose gauge shows one value
 * for an hour while the site moves. Their energy stays as it was read, and is no longer called measured.
 */
export const markFrozen = (
  model: SiteModel,
  nodes: Readonly<Record<string, NodeAccount>>,
  accounts: readonly Account[],
  window: { readonly step: AccountStep; readonly ms: number },
): Record<string, NodeAccount> => {
  const marked: Record<string, NodeAccount> = { ...nodes };
  let moved: boolean | null = null;
  for (const node of model.nodes) {
    const account = Object.hasOwn(nodes, node.id) ? nodes[node.id] : undefined;
    if (account === undefined || node.points.length === 0) continue;
    const ratingW = node.ratingW ?? model.busRatingW;
    let stands = registerStands(node, account, ratingW, window.ms);
    if (!stands && window.step === "1h" && gaugeStands(node, account, ratingW)) stands = moved ??= siteMoved(accounts);
    if (!stands) continue;
    const quality = worstQuality([account.quality, "ESTIMATED"]);
    marked[node.id] = { ...account, quality, flags: [...new Set([...account.flags, "DATA_FROZEN" as const])] };
  }
  return marked;
};
