import type { AccountFlag, NodeAccount, Quality } from "./account.ts";
import { countedNodes } from "./counted.ts";
import type { SiteModel, SiteNode } from "./model.ts";
import { worstQuality } from "./node-account.ts";

/** What is only seen over a longer window, and is of a meter, not of one of its readings. */
const marks = ["DATA_FROZEN", "CLOCK_SKEW"] as const;
const isMark = (flag: AccountFlag): boolean => flag === "DATA_FROZEN" || flag === "CLOCK_SKEW";

/** The marks that stand on any node. */
export const marksOn = (nodes: Readonly<Record<string, NodeAccount>>): readonly AccountFlag[] =>
  marks.filter((mark) => Object.values(nodes).some(({ flags }) => flags.includes(mark)));

/** A group without a meter is its children: what of them is marked, marks it. */
export const markGroups = (
  model: SiteModel,
  nodes: Readonly<Record<string, NodeAccount>>,
  flag: (typeof marks)[number],
  quality: "ESTIMATED" | "PARTLY_ESTIMATED",
): Readonly<Record<string, NodeAccount>> => {
  if (!Object.values(nodes).some(({ flags }) => flags.includes(flag))) return nodes;
  const marked: Record<string, NodeAccount> = { ...nodes };
  const mark = (node: SiteNode): boolean => {
    const own = Object.hasOwn(marked, node.id) ? marked[node.id] : undefined;
    if (own === undefined || node.points.length > 0) return own?.flags.includes(flag) ?? false;
    const children = model.nodes.filter((child) => child.parent === node.id && child.role === node.role);
    if (!children.map(mark).includes(true)) return false;
    const flags = [...new Set([...own.flags, flag])];
    marked[node.id] = { ...own, quality: worstQuality([own.quality, quality]), flags };
    return true;
  };
  for (const node of model.nodes) if (node.points.length === 0) mark(node);
  return marked;
};

/** The quality of an account with marked nodes: theirs where they are counted; a part of one is at least no whole measurement. */
export const qualityWithMarks = (
  model: SiteModel,
  quality: Quality,
  nodes: Readonly<Record<string, NodeAccount>>,
): Quality => {
  const found = Object.entries(nodes).filter(([, { flags }]) => flags.some(isMark));
  if (found.length === 0) return quality;
  const counted = new Set(countedNodes(model).map(({ id }) => id));
  return worstQuality([
    quality,
    ...found.map(([id, node]) => (counted.has(id) ? node.quality : ("PARTLY_ESTIMATED" as const))),
  ]);
};
