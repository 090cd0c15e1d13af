import type { SiteModel, SiteNode } from "#energy";
import type { Facts } from "./evaluate.ts";
import { meteredNodes, placesOf } from "./node-plan.ts";

/** Nodes whose minutes the site's facts are made of, and where those stand in columns; -1 for one that is not there. */
export interface Units {
  readonly nodes: readonly SiteNode[];
  readonly places: readonly number[];
  readonly devices: readonly (readonly string[])[];
  readonly ratingW: number | null;
  readonly capacityWh: number | null;
}

/** What the model alone says of a site: the same every minute while the same nodes stand. */
export interface SitePlan {
  readonly grids: Units;
  /** Counted storage with a capacity. */
  readonly storages: Units;
  /** Counted photovoltaics and wind. */
  readonly renewables: Units;
  /** Batteries and UPSs, counted or not. */
  readonly backups: Units;
  readonly gensets: Units;
  readonly facts: Facts;
}

const plans = new WeakMap<SiteModel["nodes"], SitePlan>();

/** Of the nodes that stand; the columns are of the metered ones among `all`. */
export const sitePlanOf = (nodes: SiteModel["nodes"], all: SiteModel["nodes"] = nodes): SitePlan => {
  const known = plans.get(nodes);
  if (known !== undefined) return known;
  const plan = newPlan(nodes, placesOf(meteredNodes({ nodes: all })));
  plans.set(nodes, plan);
  return plan;
};

const newPlan = (nodes: SiteModel["nodes"], places: ReadonlyMap<string, number>): SitePlan => {
  const units = (of: readonly SiteNode[]): Units => ({
    nodes: of,
    places: of.map(({ id }) => places.get(id) ?? -1),
    devices: of.map(({ points }) => [...new Set(points.map(({ device }) => device))]),
    ratingW: sumOf(of.map(({ ratingW }) => ratingW)),
    capacityWh: sumOf(of.map(({ capacityWh }) => capacityWh)),
  });
  const counted = nodes.filter((node) => node.counting === "counted" && node.points.length > 0);
  const grids = units(counted.filter(({ role }) => role === "grid"));
  const storages = units(counted.filter(({ role, capacityWh }) => role === "storage" && capacityWh !== null));
  const renewables = units(counted.filter(({ kind }) => kind === "pv" || kind === "wind"));
  const ratingOf = (kind: SiteNode["kind"]): number | null =>
    sumOf(counted.filter((node) => node.kind === kind).map(({ ratingW }) => ratingW));
  return {
    ...{ grids, storages, renewables },
    backups: units(nodes.filter(({ kind }) => kind === "battery" || kind === "ups")),
    gensets: units(nodes.filter(({ kind }) => kind === "genset")),
    facts: {
      grid_rating_w: grids.ratingW,
      grid_count: grids.nodes.length,
      grid_firm_w: firmOf(grids),
      renewable_rating_w: renewables.ratingW,
      cooling_rating_w: ratingOf("cooling"),
      it_rating_w: ratingOf("it"),
      has_storage: storages.nodes.length > 0,
      storage_rating_w: storages.ratingW,
      storage_capacity_wh: storages.capacityWh,
    },
  };
};

/** What is left when the largest fails; null when a rating is missing. */
const firmOf = ({ nodes, ratingW }: Units): number | null =>
  ratingW === null ? null : ratingW - Math.max(0, ...nodes.map((node) => node.ratingW ?? 0));

/** Null when a part is missing: never smaller for it. */
export const sumOf = (parts: readonly (number | null)[]): number | null => {
  let sum = 0;
  for (const part of parts) {
    if (part === null) return null;
    sum += part;
  }
  return sum;
};
