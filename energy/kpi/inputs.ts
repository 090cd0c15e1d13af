import type { Account, AccountFlag, Quality } from "../account.ts";
import { alikeOf } from "../alike.ts";
import type { SiteModel, SiteNode } from "../model.ts";
import { worstQuality } from "../node-account.ts";
import type { KpiEntry, Variant } from "./entry.ts";

// Models, variants and accounts never change, and many KPIs of a site ask for the same nodes: what follows from them is
// found once.

const absent: Variant = { id: "", numerator: [], denominator: [] };
const variants = new WeakMap<SiteModel, Map<KpiEntry, readonly Variant[]>>();

/** At least one: a KPI that a site has no part for says so and is never left out. */
export const variantsOf = (entry: KpiEntry, site: SiteModel): readonly Variant[] => {
  const model = alikeOf(site);
  let known = variants.get(model);
  if (known === undefined) {
    known = new Map();
    variants.set(model, known);
  }
  let found = known.get(entry);
  if (found === undefined) {
    const own = entry.variants(model);
    found = own.length > 0 ? own : [absent];
    known.set(entry, found);
  }
  return found;
};

interface Places {
  readonly byId: ReadonlyMap<string, SiteNode>;
  /** One array for each set of nodes. */
  readonly sets: Map<string, readonly string[]>;
}
const places = new WeakMap<SiteModel["nodes"], Places>();
const placesOf = ({ nodes }: SiteModel): Places => {
  let known = places.get(nodes);
  if (known === undefined) {
    known = { byId: new Map(nodes.map((node) => [node.id, node])), sets: new Map() };
    places.set(nodes, known);
  }
  return known;
};

/** Each node of some lists once; the same array for the same nodes. */
const oneSet = (model: SiteModel, lists: readonly (readonly string[])[]): readonly string[] => {
  const ids = [...new Set(lists.flat())];
  const key = ids.join(" ");
  const { sets } = placesOf(model);
  const known = sets.get(key);
  if (known !== undefined) return known;
  sets.set(key, ids);
  return ids;
};

/** The nodes of some ids, each once. */
export const nodesOf = (model: SiteModel, ids: readonly string[]): readonly SiteNode[] => {
  const { byId } = placesOf(model);
  return [...new Set(ids)].map((id) => byId.get(id)).filter((node) => node !== undefined);
};

const inputSets = new WeakMap<Variant, { readonly nodes: SiteModel["nodes"]; readonly ids: readonly string[] }>();
/** The nodes that a variant looks at, each once; the same array for the same nodes. */
export const inputIds = (variant: Variant, model: SiteModel): readonly string[] => {
  const known = inputSets.get(variant);
  if (known?.nodes === model.nodes) return known.ids;
  const ids = oneSet(model, [variant.numerator, variant.denominator]);
  inputSets.set(variant, { nodes: model.nodes, ids });
  return ids;
};

/** What the inputs of a variant were worth in one account. */
export interface Inputs {
  readonly coverage: number;
  readonly quality: Quality | null;
  readonly flags: readonly AccountFlag[];
}
const states = new WeakMap<Account, Map<readonly string[], Inputs>>();

export const inputsOf = (account: Account, variant: Variant, model: SiteModel): Inputs => {
  const ids = inputIds(variant, model);
  let known = states.get(account);
  if (known === undefined) {
    known = new Map();
    states.set(account, known);
  }
  const found = known.get(ids);
  if (found !== undefined) return found;
  const flags = new Set<AccountFlag>();
  const qualities = new Set<Quality>();
  let coverage: number | null = null;
  for (const id of ids) {
    const node = Object.hasOwn(account.nodes, id) ? account.nodes[id] : undefined;
    if (node === undefined) continue;
    coverage = Math.min(coverage ?? node.coverage, node.coverage);
    for (const flag of node.flags) flags.add(flag);
    if (node.quality !== "INVALID") qualities.add(node.quality);
  }
  const quality = qualities.size === 0 ? null : worstQuality(qualities);
  const inputs = { coverage: coverage ?? account.coverage, quality, flags: [...flags] };
  known.set(ids, inputs);
  return inputs;
};

/** `inputsOf(…).coverage` of the nodes that `inputIds` names, without keeping it. */
export const coverageOf = (account: Account, ids: readonly string[]): number => {
  let least = Infinity;
  for (const id of ids) {
    const node = Object.hasOwn(account.nodes, id) ? account.nodes[id] : undefined;
    if (node !== undefined && node.coverage < least) least = node.coverage;
  }
  return least === Infinity ? account.coverage : least;
};

const resolutions = new WeakMap<Variant, { readonly nodes: SiteModel["nodes"]; readonly wh: number }>();

/** The coarsest register under a variant's denominator, Wh. */
export const resolutionOf = (variant: Variant, model: SiteModel): number => {
  const known = resolutions.get(variant);
  if (known?.nodes === model.nodes) return known.wh;
  const wh = nodesOf(model, variant.denominator)
    .flatMap(({ points }) => points)
    .filter((point) => point.energyForward !== null)
    .reduce((widest, point) => Math.max(widest, point.register.resolutionWh), 0);
  resolutions.set(variant, { nodes: model.nodes, wh });
  return wh;
};
