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
