import type { SiteModel, SiteNode } from "./model.ts";

const known = new WeakMap<SiteModel["nodes"], readonly SiteNode[]>();

/** Nodes that the site balance adds up: counted and metered. */
export const countedNodes = ({ nodes }: SiteModel): readonly SiteNode[] => {
  let counted = known.get(nodes);
  if (counted === undefined) {
    counted = nodes.filter((node) => node.counting === "counted" && node.points.length > 0);
    known.set(nodes, counted);
  }
  return counted;
};

/** Coverage below which figures of a window are flagged (kpi.md §1.5, 15 minutes). */
export const leastCoverage = 0.9;

const dayMs = 86_400_000;

/** Coverage below which a figure over so long a window is flagged (kpi.md §1.5); civil days have 23 hours at least. */
export const leastCoverageOf = (windowMs: number): number => {
  if (windowMs >= 365 * dayMs) return 0.99;
  if (windowMs >= 28 * dayMs - 3_600_000) return 0.98;
  return windowMs >= dayMs - 3_600_000 ? 0.95 : leastCoverage;
};
