import type { Account, Balance, NodeAccount } from "./account.ts";
import { balanceFloor, chainLimit, nodeLimit } from "./balance.ts";
import { countedNodes, leastCoverage } from "./counted.ts";
import type { Point, SiteModel, SiteNode } from "./model.ts";
import { estimatedPower } from "./node-account.ts";
import { type Closure, findSuspect, type MeterSeen, type Suspect } from "./suspect.ts";

const hourMs = 3_600_000;

/** Points of a node that measure power or energy. */
export const measuringPoints = (node: SiteNode): readonly Point[] =>
  node.points.filter(
    ({ power, energyForward, energyReverse }) => power !== null || energyForward !== null || energyReverse !== null,
  );

const netOf = (account: NodeAccount | undefined): number | null =>
  account === undefined || account.forwardWh === null || account.reverseWh === null
    ? null
    : account.forwardWh - account.reverseWh;

interface EnergyResidual {
  readonly residualWh: number;
  readonly uncertaintyWh: number;
}

/** Supplied less consumed, Wh, over the counted nodes; u by class limits at the mean load, and by the registers' steps. */
export const energyResidual = (model: SiteModel, nodes: Account["nodes"], ms: number): EnergyResidual | null => {
  let residualWh = 0;
  let variance = 0;
  const counted = countedNodes(model);
  for (const node of counted) {
    const account = nodes[node.id];
    const wh = netOf(account);
    if (account === undefined || wh === null) return null;
    residualWh += node.role === "load" ? -wh : wh;
    // Import and export have errors of their own that do not cancel.
    const moved = (account.forwardWh ?? 0) + (account.reverseWh ?? 0);
    variance += ((nodeLimit(node, (moved * hourMs) / ms) * moved) / 100) ** 2 / 3;
    for (const { register } of node.points) variance += register.resolutionWh ** 2 / 6;
  }
  return counted.length === 0 ? null : { residualWh, uncertaintyWh: Math.sqrt(variance) };
};

type Measure = "power" | "energy";

const meterFigures = (node: SiteNode, account: NodeAccount, measure: Measure, ms: number): readonly number[] | null => {
  const points = measuringPoints(node);
  const watts = ({ meanW, netWh }: { readonly meanW: number | null; readonly netWh: number | null }) =>
    measure === "power" ? meanW : netWh === null ? null : (netWh * hourMs) / ms;
  const parts = points.length === 1 ? [{ meanW: account.meanW, netWh: netOf(account) }] : (account.meters ?? []);
  const figures = parts.map(watts).filter((figure) => figure !== null);
  return figures.length === points.length ? figures : null;
};

/** Whether a meter of this node may show a flow of either direction; one of several meters of a loss is its output. */
const turns = (node: SiteNode): boolean =>
  node.role === "grid" ||
  node.role === "storage" ||
  ((node.kind === "ups" || node.kind === "power-chain") && measuringPoints(node).length > 1);

const metersOf = (model: SiteModel, account: Account, measure: Measure, ms: number): readonly MeterSeen[] | null => {
  const meters: MeterSeen[] = [];
  for (const node of countedNodes(model)) {
    const own = account.nodes[node.id];
    // An estimate is no meter that could be wrong.
    if (estimatedPower(node) !== null) continue;
    const figures = own === undefined ? null : meterFigures(node, own, measure, ms);
    if (figures === null) return null;
    for (const [index, point] of measuringPoints(node).entries()) {
      const powerW = figures[index] ?? 0;
      meters.push({
        node: node.id,
        point: point.code,
        device: point.device,
        side: node.role === "load" ? -1 : 1,
        powerW,
        limitPct: chainLimit(point, powerW, node.ratingW),
        ratingW: node.ratingW ?? model.busRatingW,
        bothWays: turns(node),
      });
    }
  }
  return meters;
};

const closureOf = (model: SiteModel, account: Account, measure: Measure): Closure | null => {
  const ms = account.end - account.start;
  const { balance } = account;
  const [residualW, uncertaintyW] =
    measure === "power"
      ? [balance.residualW, balance.uncertaintyW]
      : [balance.residualWh, balance.uncertaintyWh].map((wh) =>
          wh === null || wh === undefined ? null : (wh * hourMs) / ms,
        );
  const meters = account.coverage < leastCoverage ? null : metersOf(model, account, measure, ms);
  if (meters === null || typeof residualW !== "number" || typeof uncertaintyW !== "number") return null;
  return { meters, residualW, uncertaintyW, floorW: balanceFloor(model.busRatingW) };
};

/** Whether power or energy of an account do not close. */
export const isOpenBalance = (balance: Balance, busRatingW: number, ms: number): boolean => {
  const { residualW, toleranceW, residualWh, uncertaintyWh } = balance;
  if (residualW !== null && toleranceW !== null && Math.abs(residualW) > toleranceW) return true;
  if (typeof residualWh !== "number" || typeof uncertaintyWh !== "number") return false;
  return Math.abs(residualWh) > Math.max(3 * uncertaintyWh, (balanceFloor(busRatingW) * ms) / hourMs);
};

/** Over time residuals add up where they are known; errors of meters stay what they are, so they add up too. */
const addResiduals = (parts: readonly Account[]): EnergyResidual | null =>
  parts.reduce<EnergyResidual | null>((sum, { balance: { residualWh, uncertaintyWh } }) => {
    if (typeof residualWh !== "number" || typeof uncertaintyWh !== "number") return sum;
    return {
      residualWh: (sum?.residualWh ?? 0) + residualWh,
      uncertaintyWh: (sum?.uncertaintyWh ?? 0) + uncertaintyWh,
    };
  }, null);

/** The energy residual of a window longer than an account, kpi.md §9 R01. */
export interface ResidualOver {
  readonly start: number;
  readonly end: number;
  readonly residualWh: number;
  readonly uncertaintyWh: number;
  /** 3u, at least what the balance's floor is over the time that is known. */
  readonly toleranceWh: number;
  /** Share of the window of which the residual is known, 0..1. */
  readonly coverage: number;
}

/** Accounts of a window put together; null when none of them knows its residual. */
export const residualOver = (
  accounts: readonly Account[],
  window: { readonly start: number; readonly end: number },
  busRatingW: number,
): ResidualOver | null => {
  const known = accounts.filter(({ balance }) => typeof balance.residualWh === "number");
  const sum = addResiduals(known);
  if (sum === null) return null;
  const knownMs = known.reduce((ms, { start, end, coverage }) => ms + coverage * (end - start), 0);
  const floorWh = (balanceFloor(busRatingW) * knownMs) / hourMs;
  return {
    ...{ start: window.start, end: window.end },
    ...sum,
    toleranceWh: Math.max(3 * sum.uncertaintyWh, floorWh),
    coverage: Math.min(1, knownMs / (window.end - window.start)),
  };
};

/** The balance of an account with its energy residual and, while it is open, the meter most likely wrong. */
export const closedBalance = (model: SiteModel, account: Account, parts: readonly Account[]): Balance => {
  const ms = account.end - account.start;
  const { suspect: _before, ...own } = account.balance;
  const energy = parts.length > 0 ? addResiduals(parts) : energyResidual(model, account.nodes, ms);
  const balance = { ...own, residualWh: energy?.residualWh ?? null, uncertaintyWh: energy?.uncertaintyWh ?? null };
  if (!isOpenBalance(balance, model.busRatingW, ms)) return balance;
  const suspect = suspectOf(model, parts.length > 0 ? parts : [{ ...account, balance }]);
  return suspect === null ? balance : { ...balance, suspect };
};

/** The meter that would close the balance of these accounts, by its gauge, by its register or by both. */
export const suspectOf = (model: SiteModel, accounts: readonly Account[]): Suspect | null => {
  // Meters are compared with themselves: not across a change of the model.
  const last = accounts.at(-1)?.model;
  const own = accounts.filter((account) => account.model === last && last === model.revision);
  const named = (measure: Measure) =>
    findSuspect(own.map((account) => closureOf(model, account, measure)).filter((closure) => closure !== null));
  const power = named("power");
  const energy = named("energy");
  if (power === null) return energy === null ? null : { ...energy, measure: "energy" };
  const same = energy !== null && energy.device === power.device && energy.point === power.point;
  return { ...power, measure: same && energy.signature === power.signature ? "both" : "power" };
};
