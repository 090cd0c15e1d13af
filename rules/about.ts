import type { SiteModel, SiteNode } from "#energy";
import type { Value } from "./expression.ts";
import { type Rule, readsValues } from "./rule.ts";
import type { modelConstants } from "./vocabulary.ts";

/** Which rules on the values of devices are about a device, by what the site model says of it. */
export type About = (device: string) => ReadonlySet<Rule>;

// Sites of one plan share their list of nodes, and most sites the rules: one answer for hundreds of them.
const known = new WeakMap<SiteModel["nodes"], WeakMap<readonly Rule[], About>>();

export const aboutOf = (nodes: SiteModel["nodes"], rules: readonly Rule[]): About => {
  const mine = known.get(nodes) ?? new WeakMap<readonly Rule[], About>();
  known.set(nodes, mine);
  const about = mine.get(rules) ?? createAbout(nodes, rules);
  mine.set(rules, about);
  return about;
};

type Point = SiteNode["points"][number];

const createAbout = (nodes: SiteModel["nodes"], rules: readonly Rule[]): About => {
  const onValues = rules.filter((rule) => readsValues(rule) && rule.subject === "device");
  // Most devices are alike: who is chosen by the same rules shares one set.
  const shared = new Map<string, ReadonlySet<Rule>>();
  const chosenBy = (node: SiteNode | null, point: Point | null): ReadonlySet<Rule> => {
    const chosen = onValues.filter((rule) => isAbout(rule, node, point));
    const key = chosen.map(({ id }) => id).join(" ");
    const set = shared.get(key) ?? new Set(chosen);
    shared.set(key, set);
    return set;
  };
  const byDevice = new Map<string, ReadonlySet<Rule>>();
  if (onValues.some(({ where }) => where !== null))
    for (const node of nodes)
      for (const point of node.points)
        if (!byDevice.has(point.device)) byDevice.set(point.device, chosenBy(node, point));
  const others = chosenBy(null, null);
  return (device) => byDevice.get(device) ?? others;
};

/** A condition that cannot be told leaves nobody out. */
const isAbout = (rule: Rule, node: SiteNode | null, point: Point | null): boolean => {
  if (rule.where === null) return true;
  const said: Readonly<Record<keyof typeof modelConstants, Value | null>> = {
    interval_s: point === null ? null : point.intervalMs / 1000,
    node_kind: node?.kind ?? null,
    has_rating: node !== null && node.ratingW !== null,
    rating_w: node?.ratingW ?? null,
    declared_v: point?.nominalV ?? null,
  };
  const context: Record<string, Value> = { ...rule.parameters };
  for (const [name, value] of Object.entries(said)) {
    context[`${name}_absent`] = value === null;
    if (value !== null) context[name] = value;
  }
  return rule.where.run(context) !== false;
};
