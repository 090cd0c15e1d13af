import type { SiteModel, SiteNode } from "#energy";

type Nodes = SiteModel["nodes"];

/** What follows from a list of nodes alone, found once for all sites of one plan: they share the list. */
export const oncePerPlan = <Found>(find: (nodes: Nodes) => Found): ((nodes: Nodes) => Found) => {
  const known = new WeakMap<Nodes, { readonly found: Found }>();
  return (nodes) => {
    const before = known.get(nodes);
    if (before !== undefined) return before.found;
    const found = find(nodes);
    known.set(nodes, { found });
    return found;
  };
};

const ofMetered = oncePerPlan((nodes) => nodes.filter((node) => node.points.length > 0));

/** Nodes with meters of their own, which a rule on nodes is about. */
export const meteredNodes = ({ nodes }: Pick<SiteModel, "nodes">): readonly SiteNode[] => ofMetered(nodes);

/** The place of each node in its list. */
export const placesOf = oncePerPlan(
  (nodes): ReadonlyMap<string, number> => new Map(nodes.map(({ id }, place) => [id, place])),
);

export const idsOf = oncePerPlan((nodes): readonly string[] => nodes.map(({ id }) => id));

export const devicesOf = oncePerPlan(
  (nodes): ReadonlySet<string> => new Set(nodes.flatMap(({ points }) => points.map(({ device }) => device))),
);

/** Of the metered nodes of a list: those below each, and the next one above each. */
export const treeOf = oncePerPlan((nodes) => {
  const metered = ofMetered(nodes);
  const children = new Map<string, SiteNode[]>();
  for (const node of metered)
    if (node.parent !== null) children.set(node.parent, [...(children.get(node.parent) ?? []), node]);
  const isMetered = placesOf(metered);
  const parents = new Map(nodes.map(({ id, parent }) => [id, parent]));
  const above = new Map<string, string | null>();
  for (const { id } of metered) {
    let at = parents.get(id) ?? null;
    while (at !== null && !isMetered.has(at)) at = parents.get(at) ?? null;
    above.set(id, at);
  }
  return {
    children: children as ReadonlyMap<string, readonly SiteNode[]>,
    above: above as ReadonlyMap<string, string | null>,
  };
});
