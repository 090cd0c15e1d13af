import type { SiteModel } from "#energy";

/** How many subjects of each kind a site has. */
export const subjectsOf = ({ nodes }: SiteModel): Readonly<Record<"site" | "node" | "device", number>> => ({
  site: 1,
  node: nodes.length,
  device: new Set(nodes.flatMap(({ points }) => points.map(({ device }) => device))).size,
});
