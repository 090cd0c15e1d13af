import type { Balance } from "./account.ts";
import type { CtClass, NodeRole, Point, SiteNode } from "./model.ts";

/** A counted node's power with what its uncertainty needs. */
export interface BusPower {
  readonly role: NodeRole;
  /** Signed by kpi.md §1.2. */
  readonly powerW: number | null;
  readonly ratingW: number | null;
  readonly meters: readonly Chain[];
  readonly slopeWPerS: number;
  /** Clock skew of the meter, s. */
  readonly skewS: number;
}

/** Meters and gateways keep time to about two seconds (R01). */
export const defaultSkewS = 2;

// IEC 61869-2: limit of error in per cent at per cent of rated current, highest load first.
const ctLimits: Readonly<Record<CtClass, readonly (readonly [load: number, limit: number])[]>> = {
  "0.2": [
    [100, 0.2],
    [20, 0.35],
    [5, 0.75],
  ],
  "0.2S": [
    [20, 0.2],
    [5, 0.35],
    [1, 0.75],
  ],
  "0.5": [
    [100, 0.5],
    [20, 0.75],
    [5, 1.5],
  ],
  "0.5S": [
    [20, 0.5],
    [5, 0.75],
    [1, 1.5],
  ],
  "1": [
    [100, 1],
    [20, 1.5],
    [5, 3],
  ],
};

/** Limit of error of a current transformer at the actual load; without a rating, at its name plate. */
export const ctLimit = (ctClass: CtClass | null, powerW: number, ratingW: number | null): number => {
  if (ctClass === null) return 0;
  const points = ctLimits[ctClass];
  const load = ratingW === null ? 100 : (Math.abs(powerW) / ratingW) * 100;
  let aboveLoad = points[0]?.[0] ?? 100;
  let aboveLimit = points[0]?.[1] ?? 1;
  if (load >= aboveLoad) return aboveLimit;
  for (const point of points) {
    const pointLoad = point[0];
    const limit = point[1];
    if (load >= pointLoad) return limit + ((aboveLimit - limit) * (load - pointLoad)) / (aboveLoad - pointLoad);
    aboveLoad = pointLoad;
    aboveLimit = limit;
  }
  return aboveLimit;
};

/** What decides the error of a meter. */
export type Chain = Pick<Point, "meterClass" | "ctClass" | "ctRatingW">;

/** Class limit of meter and transformer together, per cent of the value (R01: c = √(class² + CT(load)²)). */
export const chainLimit = (meter: Chain, powerW: number, ratingW: number | null): number =>
  Math.hypot(meter.meterClass, ctLimit(meter.ctClass, powerW, meter.ctRatingW ?? ratingW));

/** The widest chain of a node: its points share the node's power in unknown parts. */
export const nodeLimit = (node: Pick<SiteNode, "points" | "ratingW">, powerW: number): number =>
  node.points.reduce((widest, point) => Math.max(widest, chainLimit(point, powerW, node.ratingW)), 0);

/** What a residual may be whatever its uncertainty (R01): half a per cent of the bus, and 2 kW. */
export const balanceFloor = (busRatingW: number): number => Math.max(0.005 * busRatingW, 2000);

const unknown: Balance = { supplyW: null, loadW: null, residualW: null, uncertaintyW: null, toleranceW: null };

/**
 * Supplied less consumed over the counted nodes of a bus (kpi.md §1.2, R01). Limits are rectangular: u = a/√3. One
 * missing power leaves everything null.
 */
export const balance = (buses: readonly BusPower[], busRatingW: number): Balance => {
  let supplyW = 0;
  let loadW = 0;
  let variance = 0;
  for (const { role, powerW, ratingW, meters, slopeWPerS, skewS } of buses) {
    if (powerW === null) return unknown;
    if (role === "load") loadW += powerW;
    else supplyW += powerW;
    const limit = meters.reduce((widest, meter) => Math.max(widest, chainLimit(meter, powerW, ratingW)), 0);
    variance += ((limit * powerW) / 100) ** 2 / 3 + (slopeWPerS * skewS) ** 2 / 3;
  }
  if (buses.length === 0) return unknown;
  const uncertaintyW = Math.sqrt(variance);
  const toleranceW = Math.max(3 * uncertaintyW, balanceFloor(busRatingW));
  return { supplyW, loadW, residualW: supplyW - loadW, uncertaintyW, toleranceW };
};
