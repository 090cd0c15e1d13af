import type { SiteModel } from "./model.ts";

const first = new WeakMap<SiteModel["nodes"], Map<string, SiteModel>>();
const known = new WeakMap<SiteModel, SiteModel>();

/**
 * One model for all sites that share their nodes and say the same of everything but their names: what follows from the
 * rest is found and held once for hundreds of sites.
 */
export const alikeOf = (model: SiteModel): SiteModel => {
  if (model.versions !== undefined) return model;
  const before = known.get(model);
  if (before !== undefined) return before;
  const terms = JSON.stringify({ ...model, id: "", name: "", revision: "", nodes: [] });
  const mine = first.get(model.nodes) ?? new Map<string, SiteModel>();
  first.set(model.nodes, mine);
  const one = mine.get(terms) ?? model;
  mine.set(terms, one);
  known.set(model, one);
  return one;
};
