import type { Account, SiteNode } from "#energy";
import { type Ahead, type Bounds, noBounds } from "./ahead.ts";
import { numberOf } from "./column.ts";
import type { Facts } from "./evaluate.ts";
import { type CounterEvents, countersOf, eventCount, intervalOf, resolutionOf, uncertaintyAt } from "./node-facts.ts";
import type { NodeParts, PartField } from "./node-parts.ts";
import { oncePerPlan, placesOf } from "./node-plan.ts";

/** What rules on nodes read of one closed minute, a column per name and a place per node. */
export interface NodeColumns {
  take(
    account: Account,
    parts: NodeParts,
    events: CounterEvents,
    site: { readonly factsOf: (node: SiteNode) => Facts; readonly loadW: number },
  ): void;
  /** Of the minute that was taken last; what the model says is there before the first. */
  column(name: string): Float64Array;
  /** What the minutes of which it is one bring; null when they are not known. */
  outlook(): Outlook | null;
  /** Lets go of the minute once it is judged. */
  forget(): void;
  /** Whether the node has no value of that name, whatever comes. */
  isNever(name: string, node: SiteNode): boolean;
}

/** Facts of nodes in some minutes that are known before they are judged. The same while nothing else comes between. */
export interface Outlook {
  readonly ahead: Ahead;
  /** Of more minutes; the same for all their parts. */
  readonly wider: Outlook | null;
  /** What it can be, by node; null: anything, or missing. */
  bounds(name: string): Bounds | null;
  /** It in one of these minutes; null where only the judgement gives it. */
  column(name: string, minute: number): Float64Array | null;
}

const constants: Readonly<Record<string, (node: SiteNode) => Facts[string]>> = {
  node_kind: ({ kind }) => kind,
  has_rating: ({ ratingW }) => ratingW !== null,
  rating_w: ({ ratingW }) => ratingW,
  capacity_wh: ({ capacityWh }) => capacityWh,
  node_interval_s: intervalOf,
  resolution_wh: resolutionOf,
};
export const isConstant = (name: string): boolean => Object.hasOwn(constants, name) || name === "has_children";
// A version matters only where work is judged by it.
const ofWorkers = { work: true, work_wh: true, node_util_pct: true, software_version: true };

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

/** How nodes hang together: what some names are made of. */
export interface NodeRelations {
  /** The nodes under one of the same role. */
  readonly below: (node: SiteNode) => readonly SiteNode[];
  /** The metered node above it; null: the site. */
  readonly above: (node: SiteNode) => string | null;
  /** Whether work is declared of it. */
  readonly works: (node: SiteNode) => boolean;
}

interface Minute {
  readonly account: Account;
  readonly parts: NodeParts;
  readonly events: CounterEvents;
  readonly factsOf: (node: SiteNode) => Facts;
  readonly loadW: number;
}

interface Hanging {
  readonly parents: readonly { readonly place: number; readonly children: readonly number[] }[];
  /** -1: the site. */
  readonly abovePlaces: Int32Array;
}

const hangingKnown = new WeakMap<readonly SiteNode[], Hanging>();

const hangingOf = (
  nodes: readonly SiteNode[],
  below: NodeRelations["below"],
  above: NodeRelations["above"],
): Hanging => {
  const known = hangingKnown.get(nodes);
  if (known !== undefined) return known;
  const places = placesOf(nodes);
  const hanging = {
    parents: nodes.flatMap((node, place) => {
      const children = below(node).map(({ id }) => places.get(id) ?? -1);
      return children.length > 0 ? [{ place, children }] : [];
    }),
    abovePlaces: Int32Array.from(nodes, (node) => places.get(above(node) ?? "") ?? -1),
  };
  hangingKnown.set(nodes, hanging);
  return hanging;
};

const emptyColumn = oncePerPlan((nodes) => new Float64Array(nodes.length).fill(Number.NaN));
const sharedColumns = oncePerPlan(() => new Map<string, Float64Array>());

/** Held once for all sites of a plan: what the model says, and what each minute writes whole before it is read. */
const columnFor = (nodes: readonly SiteNode[], name: string, below: NodeRelations["below"]): Float64Array => {
  if (Object.hasOwn(parts, name)) return emptyColumn(nodes);
  const of =
    name === "has_children"
      ? (node: SiteNode) => below(node).length > 0
      : Object.hasOwn(constants, name)
        ? constants[name]
        : undefined;
  if (of === undefined && !wholes.has(name)) return new Float64Array(nodes.length).fill(Number.NaN);
  const shared = sharedColumns(nodes);
  const column = shared.get(name) ?? Float64Array.from(nodes, (node) => numberOf(of?.(node) ?? null));
  shared.set(name, column);
  return column;
};

const wholes: ReadonlySet<string> = new Set([
  ...Object.keys(countersOf),
  ...["above_w", "node_u_w", "is_suspect", "suspect_factor"],
]);

/** A column is worked out when it is asked for: of rules on a few kinds of nodes most sites have none. */
export const createNodeColumns = (
  nodes: readonly SiteNode[],
  names: readonly string[],
  { below, above, works }: NodeRelations,
): NodeColumns => {
  const places = placesOf(nodes);
  const { parents, abovePlaces } = hangingOf(nodes, below, above);
  const columns = new Map<string, Float64Array>(names.map((name) => [name, columnFor(nodes, name, below)]));
  const workers = nodes.filter(works);
  const meanOf = ({ parts }: Minute, place: number): number => parts.columns.meanW[place] ?? Number.NaN;
  const uncertainty = (minute: Minute, place: number): number => {
    const node = nodes[place];
    return node === undefined ? Number.NaN : numberOf(uncertaintyAt(node, known(meanOf(minute, place))));
  };

  const takeAbove = (minute: Minute, column: Float64Array): void => {
    for (let place = 0; place < nodes.length; place++) {
      const at = abovePlaces[place] ?? -1;
      column[place] = at < 0 ? minute.loadW : meanOf(minute, at);
    }
  };
  const takeBelow = (minute: Minute, column: Float64Array): void => {
    for (const { place, children } of parents)
      column[place] = children.reduce((sum, child) => sum + meanOf(minute, child), 0);
  };
  const takeBelowUncertainty = (minute: Minute, column: Float64Array): void => {
    for (const { place, children } of parents)
      column[place] = Math.hypot(...children.map((child) => uncertainty(minute, child)));
  };
  const takeUncertainty = (minute: Minute, column: Float64Array): void => {
    for (let place = 0; place < nodes.length; place++) column[place] = uncertainty(minute, place);
  };
  const takeSuspect = ({ account: { balance } }: Minute, column: Float64Array): void => {
    column.fill(balance.residualW === null ? Number.NaN : 0);
    const place = places.get(balance.suspect?.node ?? "");
    if (place !== undefined && balance.residualW !== null) column[place] = 1;
  };
  const takeFactor = ({ account: { balance } }: Minute, column: Float64Array): void => {
    column.fill(Number.NaN);
    const { suspect } = balance;
    const place = suspect === undefined ? undefined : places.get(suspect.node);
    if (suspect !== undefined && place !== undefined) column[place] = suspect.factor;
  };
  const counterOf =
    ({ flag, withinMs }: (typeof countersOf)[keyof typeof countersOf]): Take =>
    ({ account, parts, events }, column) => {
      // A register that did not speak this minute can neither raise nor clear.
      const { coverage } = parts.columns;
      for (let place = 0; place < nodes.length; place++) column[place] = (coverage[place] ?? 0) > 0 ? 0 : Number.NaN;
      for (const id in events) {
        const place = places.get(id);
        const mine = events[id];
        if (place === undefined || mine === undefined || Number.isNaN(column[place])) continue;
        column[place] = eventCount(mine, flag, account.start - withinMs);
      }
    };
  const takes: Readonly<Record<string, Take>> = {
    above_w: takeAbove,
    children_w: takeBelow,
    children_u_w: takeBelowUncertainty,
    node_u_w: takeUncertainty,
    is_suspect: takeSuspect,
    suspect_factor: takeFactor,
    ...Object.fromEntries(Object.entries(countersOf).map(([name, counter]) => [name, counterOf(counter)])),
  };
  const takeOf = (name: string): Take => {
    const field = Object.hasOwn(parts, name) ? parts[name] : undefined;
    if (field !== undefined) return (minute) => void columns.set(name, minute.parts.columns[field]);
    if (Object.hasOwn(takes, name)) return takes[name] ?? takeNothing;
    if (isConstant(name)) return takeNothing;
    const some = Object.hasOwn(ofWorkers, name) ? workers : nodes;
    return ({ factsOf }, column) => {
      for (const node of some) column[places.get(node.id) ?? 0] = numberOf(factsOf(node)[name]);
    };
  };
  const byName = new Map(names.map((name) => [name, takeOf(name)]));

  const boundsOf = (name: string, { ahead, events }: { readonly ahead: Ahead; readonly events: CounterEvents }) => {
    const field = Object.hasOwn(parts, name) ? parts[name] : undefined;
    if (field !== undefined) return ahead.bounds(field);
    if (isConstant(name)) return constantBoundsOf(name);
    if (Object.hasOwn(countersOf, name)) return counterBounds(nodes, ahead, events);
    if (name === "is_suspect") return suspectBounds(nodes, ahead);
    const { low, high } = ahead.bounds("meanW");
    const bounds = anyBounds(nodes.length);
    if (name === "above_w") {
      for (let place = 0; place < nodes.length; place++) {
        const at = abovePlaces[place] ?? -1;
        if (at >= 0) setBounds(bounds, place, low[at] ?? 0, high[at] ?? 0);
      }
      return bounds;
    }
    if (name !== "children_w") return null;
    for (const { place, children } of parents) {
      const sum = (from: Float64Array): number => children.reduce((sum, child) => sum + (from[child] ?? Number.NaN), 0);
      setBounds(bounds, place, sum(low), sum(high));
    }
    return bounds;
  };
  const fixed = new Map<string, Bounds>();
  const constantBoundsOf = (name: string): Bounds => {
    const bounds = fixed.get(name) ?? constantBounds(columns.get(name) ?? emptyColumn(nodes));
    fixed.set(name, bounds);
    return bounds;
  };
  const outlookOf = (ahead: Ahead, events: CounterEvents, wider: Outlook | null): Outlook => {
    const known = new Map<string, Bounds | null>();
    return {
      ahead,
      wider,
      bounds(name) {
        const before = known.get(name);
        if (before !== undefined) return before;
        const bounds = boundsOf(name, { ahead, events });
        known.set(name, bounds);
        return bounds;
      },
      column(name, at) {
        const field = Object.hasOwn(parts, name) ? parts[name] : undefined;
        if (field !== undefined) return ahead.minutes[at]?.nodes.columns[field] ?? null;
        return isConstant(name) ? (columns.get(name) ?? null) : null;
      },
    };
  };

  let minute: Minute | null = null;
  let outlook: Outlook | null = null;
  const stale = new Set<string>();
  return {
    take(account, given, events, { factsOf, loadW }) {
      minute = { account, parts: given, events, factsOf, loadW };
      const { ahead = null } = given;
      if (ahead === null) outlook = null;
      else if (outlook?.ahead !== ahead) {
        const { wider } = ahead;
        const known = outlook?.wider?.ahead === wider ? (outlook?.wider ?? null) : null;
        outlook = outlookOf(ahead, events, known ?? (wider === null ? null : outlookOf(wider, events, null)));
      }
      for (const name of byName.keys()) stale.add(name);
    },
    outlook: () => outlook,
    forget() {
      minute = null;
      stale.clear();
      for (const name of byName.keys()) if (Object.hasOwn(parts, name)) columns.set(name, emptyColumn(nodes));
    },
    column(name) {
      const column = columns.get(name);
      if (column === undefined) throw new Error(`BUG: no column of nodes was asked for as "${name}"`);
      if (minute === null || !stale.delete(name)) return column;
      byName.get(name)?.(minute, column);
      return columns.get(name) ?? column;
    },
    isNever: (name, node) => {
      if (name === "children_w" || name === "children_u_w") return below(node).length === 0;
      return Object.hasOwn(ofWorkers, name) && !works(node);
    },
  };
};

const anyBounds = (count: number): Bounds => {
  const { low, high, lacks } = noBounds(count);
  return { low: low.fill(Number.NEGATIVE_INFINITY), high: high.fill(Number.POSITIVE_INFINITY), lacks: lacks.fill(1) };
};
const setBounds = ({ low, high }: Bounds, place: number, from: number, to: number): void => {
  low[place] = Number.isNaN(from) ? Number.NEGATIVE_INFINITY : from;
  high[place] = Number.isNaN(to) ? Number.POSITIVE_INFINITY : to;
};
const constantBounds = (column: Float64Array): Bounds => {
  const bounds = noBounds(column.length);
  for (let place = 0; place < column.length; place++) {
    const value = column[place] ?? Number.NaN;
    if (Number.isNaN(value)) bounds.lacks[place] = 1;
    else setBounds(bounds, place, value, value);
  }
  return bounds;
};
/** Nothing is counted of a register about which nothing is or will be noted. */
const counterBounds = (nodes: readonly SiteNode[], { minutes }: Ahead, events: CounterEvents): Bounds => {
  const bounds = anyBounds(nodes.length);
  bounds.low.fill(0);
  bounds.high.fill(0);
  for (const [place, { id }] of nodes.entries())
    if (Object.hasOwn(events, id)) bounds.high[place] = Number.POSITIVE_INFINITY;
  for (const { nodes } of minutes)
    for (const place of nodes.flags.keys()) bounds.high[place] = Number.POSITIVE_INFINITY;
  return bounds;
};
const suspectBounds = (nodes: readonly SiteNode[], { minutes }: Ahead): Bounds => {
  const bounds = anyBounds(nodes.length);
  const places = placesOf(nodes);
  bounds.low.fill(0);
  bounds.high.fill(0);
  for (const { account } of minutes) bounds.high[places.get(account.balance.suspect?.node ?? "") ?? -1] = 1;
  return bounds;
};

type Take = (minute: Minute, column: Float64Array) => void;
const takeNothing: Take = () => undefined;
const known = (value: number): number | null => (Number.isNaN(value) ? null : value);
