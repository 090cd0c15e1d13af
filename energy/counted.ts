import type { SiteModel, SiteNode } from "./model.ts";

/** Nodes that the site balance adds up: counted and metered. */
export const countedNodes = (model: SiteModel): readonly SiteNode[] =>
  model.nodes.filter((node) => node.counting === "counted" && node.points.length > 0);

/** Coverage below which figures of a window are flagged (kpi.md §1.5, 15 minutes). */
export const leastCoverage = 0.9;
