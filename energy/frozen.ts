import type { Account, AccountStep, NodeAccount } from "./account.ts";
import { windowOf } from "./calendar.ts";
import type { NodeKind, SiteModel, SiteNode } from "./model.ts";
import { worstQuality } from "./node-account.ts";

const hourMs = 3_600_000;
// R05, kpi.md §9: a register that stands while more than this passes; a gauge that shows more than this and never moves.
const registerShare = 0.02;
const gaugeShare = 0.01;
const movedShare = 0.02;
// R02 over a quarter of an hour.
const agreeShare = 0.03;
// They hold the power that they are told to hold.
const followsSetPoint: ReadonlySet<NodeKind> = new Set(["battery", "genset"]);
// Thirty samples in the hour that a gauge is judged over.
const slowestMs = 120_000;

const registerStands = (node: SiteNode, { check }: NodeAccount, ratingW: number, ms: number): boolean => {
  if (check === undefined || check.registerWh !== 0) return false;
  const resolutionWh = node.points.reduce((widest, { register }) => Math.max(widest, register.resolutionWh), 0);
  return Math.abs(check.powerWh) > Math.max((registerShare * ratingW * ms) / hourMs, 2 * resolutionWh);
};

/** Whether the register of the same meter bears its gauge out: a load that is really constant is no fault (R02). */
const isBorneOut = (node: SiteNode, { check }: Shown): boolean => {
  if (check === undefined) return false;
  const resolutionWh = node.points.reduce((widest, { register }) => Math.max(widest, register.resolutionWh), 0);
  const tolerance = Math.max(agreeShare * Math.abs(check.registerWh), 2 * resolutionWh);
  return check.registerWh !== 0 && Math.abs(check.registerWh - check.powerWh) <= tolerance;
};

type Shown = Pick<NodeAccount, "minW" | "maxW" | "check">;

const gaugeStands = (node: SiteNode, account: Shown, ratingW: number): boolean =>
  account.minW !== null &&
  account.minW === account.maxW &&
  Math.abs(account.minW) > gaugeShare * ratingW &&
  node.points.every(({ power, intervalMs }) => power !== null && intervalMs <= slowestMs) &&
  !followsSetPoint.has(node.kind) &&
  !isBorneOut(node, account);

const varied = (watts: readonly number[]): boolean => {
  const most = Math.max(...watts);
  return most - Math.min(...watts) > movedShare * Math.abs(most);
};

/** Whether what is around a node moved within the window: its parent or its siblings, for a bus of the site all of it. */
const othersMoved = (model: SiteModel, node: SiteNode, accounts: readonly Account[]): boolean => {
  const siblings = model.nodes.filter(({ id, parent }) => parent === node.parent && id !== node.id);
  const watts = accounts.map(({ balance, nodes }) => {
    const meanOf = (id: string): number | null => (Object.hasOwn(nodes, id) ? (nodes[id]?.meanW ?? null) : null);
    const above = node.parent === null ? balance.supplyW : meanOf(node.parent);
    return above ?? siblings.reduce((sum, { id }) => sum + (meanOf(id) ?? 0), 0);
  });
  return watts.length > 1 && varied(watts);
};

/** Whether a part moved by itself: then so did the whole. */
const hasMoved = (id: string, accounts: readonly Account[]): boolean => {
  for (const { nodes } of accounts) {
    const part = Object.hasOwn(nodes, id) ? nodes[id] : undefined;
    if (part !== undefined && part.minW !== null && part.maxW !== null && part.minW !== part.maxW) return true;
  }
  return false;
};

/** What a node showed over several accounts. */
const shownOver = (id: string, accounts: readonly Account[]): Shown => {
  const parts = accounts.map(({ nodes }) => (Object.hasOwn(nodes, id) ? nodes[id] : undefined));
  const known = parts.filter((part) => part !== undefined && part.minW !== null && part.maxW !== null);
  if (known.length === 0) return { minW: null, maxW: null };
  const checks = known.map((part) => part?.check).filter((check) => check !== undefined);
  const sum = (of: "registerWh" | "powerWh"): number => checks.reduce((total, check) => total + check[of], 0);
  return {
    minW: Math.min(...known.map((part) => part?.minW ?? Infinity)),
    maxW: Math.max(...known.map((part) => part?.maxW ?? -Infinity)),
    ...(checks.length === 0 ? {} : { check: { registerWh: sum("registerWh"), powerWh: sum("powerWh") } }),
  };
};

/** A gauge is judged hour by hour; a day holds several. */
const hoursOf = (accounts: readonly Account[], timeZone: string): readonly (readonly Account[])[] => {
  const hours = new Map<number, Account[]>();
  for (const account of accounts) {
    const { start } = windowOf("1h", account.start, timeZone);
    hours.set(start, [...(hours.get(start) ?? []), account]);
  }
  return [...hours.values()];
};

const frozen = (account: NodeAccount): NodeAccount => ({
  ...account,
  quality: worstQuality([account.quality, "ESTIMATED"]),
  flags: [...new Set([...account.flags, "DATA_FROZEN" as const])],
});

/**
 * Flags nodes whose register stands while power flows (from a quarter of an hour on), or whose gauge shows one value
 * for an hour while what is around it moves and no register of its own bears it out. Their energy stays as it was read, and is no longer called measured.
 */
export const markFrozen = (
  model: SiteModel,
  nodes: Readonly<Record<string, NodeAccount>>,
  accounts: readonly Account[],
  window: { readonly step: AccountStep; readonly ms: number },
): Record<string, NodeAccount> => {
  const marked: Record<string, NodeAccount> = { ...nodes };
  const hours = window.step === "1h" ? [accounts] : window.step === "1d" ? hoursOf(accounts, model.timeZone) : [];
  for (const node of model.nodes) {
    const account = Object.hasOwn(nodes, node.id) ? nodes[node.id] : undefined;
    if (account === undefined || node.points.length === 0) continue;
    const ratingW = node.ratingW ?? model.busRatingW;
    const stands =
      registerStands(node, account, ratingW, window.ms) ||
      hours.some(
        (hour) =>
          !hasMoved(node.id, hour) &&
          gaugeStands(node, hour === accounts ? account : shownOver(node.id, hour), ratingW) &&
          othersMoved(model, node, hour),
      );
    if (stands) marked[node.id] = frozen(account);
  }
  return marked;
};
