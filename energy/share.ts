import type { SiteModel, SiteNode } from "./model.ts";

const isSame = (a: unknown, b: unknown): boolean => {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const keys = Object.keys(a);
  if (keys.length !== Object.keys(b).length) return false;
  return keys.every(
    (key) => Object.hasOwn(b, key) && isSame((a as Record<string, unknown>)[key], (b as Record<string, unknown>)[key]),
  );
};

/**
 * Keeps one object for nodes that several sites describe alike: halls built to one plan have the same racks with the
 * same points a hundred times over.
 */
export const createNodePool = (): ((site: SiteModel) => SiteModel) => {
  const pool = new Map<string, SiteNode>();
  let last: readonly SiteNode[] = [];
  const share = (node: SiteNode): SiteNode => {
    const known = pool.get(node.id);
    if (known !== undefined && isSame(known, node)) return known;
    pool.set(node.id, node);
    return node;
  };
  return (site) => {
    const nodes = site.nodes.map(share);
    // Whoever indexes the nodes of a site may keep one index for one list.
    if (nodes.length !== last.length || nodes.some((node, index) => node !== last[index])) last = nodes;
    return { ...site, nodes: last };
  };
};
