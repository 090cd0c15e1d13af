import type { Account, SiteNode } from "#energy";
import { numberOf } from "./column.ts";
import type { Facts } from "./evaluate.ts";
import { type CounterEvents, countersOf, eventCount, intervalOf, resolutionOf } from "./node-facts.ts";
import type { NodeParts, PartField } from "./node-parts.ts";

/** What rules on nodes read of one closed minute, a column per name and a place per node. */
export interface NodeColumns {
  take(account: Account, parts: NodeParts, events: CounterEvents, factsOf: (node: SiteNode) => Facts): void;
  column(name: string): Float64Array;
}

const constants: Readonly<Record<string, (node: SiteNode) => Facts[string]>> = {
  node_kind: ({ kind }) => kind,
  has_rating: ({ ratingW }) => ratingW !== null,
  rating_w: ({ ratingW }) => ratingW,
  capacity_wh: ({ capacityWh }) => capacityWh,
  node_interval_s: intervalOf,
  resolution_wh: resolutionOf,
};
export const isConstant = (name: string): boolean => Object.hasOwn(constants, name);

const parts: Readonly<Record<string, PartField>> = {
  mean_w: "meanW",
  node_coverage: "coverage",
  min_w: "minW",
  max_w: "maxW",
  register_wh: "registerWh",
  gauge_wh: "gaugeWh",
  forward_wh: "forwardWh",
  reverse_wh: "reverseWh",
  node_soc_pct: "socPct",
  stored_wh: "storedWh",
};

/** `rare` says which nodes can have a value of a name that is none of the account's own. */
export const createNodeColumns = (
  nodes: readonly SiteNode[],
  names: readonly string[],
  rare: (name: string) => readonly SiteNode[],
): NodeColumns => {
  const places = new Map(nodes.map(({ id }, place) => [id, place]));
  const columns = new Map<string, Float64Array>(
    names.map((name) => [name, new Float64Array(nodes.length).fill(Number.NaN)]),
  );
  const fill = (name: string, of: (node: SiteNode) => Facts[string], some: readonly SiteNode[] = nodes): void => {
    const column = columns.get(name);
    for (const node of some) if (column !== undefined) column[places.get(node.id) ?? 0] = numberOf(of(node));
  };
  for (const name of names) {
    const of = Object.hasOwn(constants, name) ? constants[name] : undefined;
    if (of !== undefined) fill(name, of);
    // No node has children of its own kind unless it is listed.
    else if (name === "has_children") fill(name, () => false);
  }
  const read = names.flatMap((name) => {
    const field = Object.hasOwn(parts, name) ? parts[name] : undefined;
    return field === undefined ? [] : [{ name, field }];
  });
  const counted = names.flatMap((name) => {
    const flag = Object.hasOwn(countersOf, name) ? countersOf[name as keyof typeof countersOf] : undefined;
    const column = columns.get(name);
    return flag === undefined || column === undefined ? [] : [{ ...flag, column }];
  });
  const suspects = names.filter((name) => name === "is_suspect" || name === "suspect_factor");
  const listed = names
    .filter((name) => !isConstant(name) && !Object.hasOwn(parts, name) && !Object.hasOwn(countersOf, name))
    .filter((name) => name !== "is_suspect" && name !== "suspect_factor")
    .map((name) => ({ name, nodes: rare(name) }));

  const takeSuspect = ({ balance }: Account): void => {
    const isKnown = balance.residualW !== null;
    const suspect = balance.suspect;
    const place = suspect === undefined ? undefined : places.get(suspect.node);
    for (const name of suspects) {
      const column = columns.get(name);
      if (column === undefined) continue;
      column.fill(name === "is_suspect" && isKnown ? 0 : Number.NaN);
      if (place === undefined || suspect === undefined) continue;
      if (name === "suspect_factor") column[place] = suspect.factor;
      else if (isKnown) column[place] = 1;
    }
  };
  const takeCounters = (account: Account, events: CounterEvents): void => {
    for (const id in events) {
      const place = places.get(id);
      const mine = events[id];
      if (place === undefined || mine === undefined) continue;
      for (const { flag, withinMs, column } of counted)
        if (!Number.isNaN(column[place])) column[place] = eventCount(mine, flag, account.start - withinMs);
    }
  };

  return {
    take(account, given, events, factsOf) {
      for (const { name, field } of read) columns.set(name, given.columns[field]);
      // A register that did not speak this minute can neither raise nor clear.
      const { coverage } = given.columns;
      for (const { column } of counted)
        for (let place = 0; place < nodes.length; place++) column[place] = (coverage[place] ?? 0) > 0 ? 0 : Number.NaN;
      if (counted.length > 0) takeCounters(account, events);
      if (suspects.length > 0) takeSuspect(account);
      for (const { name, nodes: some } of listed) fill(name, (node) => factsOf(node)[name] ?? null, some);
    },
    column(name) {
      const column = columns.get(name);
      if (column === undefined) throw new Error(`BUG: no column of nodes was asked for as "${name}"`);
      return column;
    },
  };
};
