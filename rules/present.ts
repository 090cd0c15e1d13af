import type { SiteModel, SiteNode } from "#energy";
import type { Reading } from "#store";
import { aboutOf } from "./about.ts";
import type { Facts } from "./evaluate.ts";
import type { Value } from "./expression.ts";
import { type Rule, readsValues } from "./rule.ts";
import { derivedValue, typeOfValue } from "./vocabulary.ts";

/** The newest values that rules on readings need beyond the reading at hand. */
export interface Present {
  /** `now`: the site's clock. */
  note(reading: Reading, now: number): void;
  /** What `note` keeps of a reading of the device with these quantities. */
  keeps(device: string, quantities: readonly string[]): Keeps;
  /** `note` of a reading whose values begin at `start`, for a device of which the quantities at these places are kept. */
  noteAt(device: string, kept: Kept, row: ValueRow, now: number): void;
  /** Changes with whatever may change the vote on the supply, but for the age of what was said. */
  signs(): number;
  /** What a rule on the values of a device may read. */
  deviceFacts(rule: Rule, reading: Reading, now: number): Facts;
  /** Nodes of several meters that have one of this device. */
  nodesOf(device: string): readonly SiteNode[];
  nodeFacts(node: SiteNode, now: number): Facts;
  /** Whether a site's present power or a rule's points depend on this device. */
  concernsSite(device: string): boolean;
  siteFacts(now: number): Facts;
  pointFacts(rule: Rule, now: number): Facts;
  newest(device: string, quantity: string, now: number, maxAgeMs: number): number | null;
  /** When that value was so; null when there is none. */
  newestAt(device: string, quantity: string): number | null;
  save(): SavedPresent;
}

/** By device and quantity: the value, when it was so, and since when it is. */
export type SavedPresent = Readonly<Record<string, Readonly<Record<string, Seen>>>>;
type Seen = readonly [value: number, at: number, since: number, perMin?: number];

/** Nothing whatever the reading; by the places among its quantities, from its first reading on; or as `note` finds. */
export type Keeps = "nothing" | "asked" | Kept;
export type Kept = readonly { readonly quantity: string; readonly at: number }[];

/** A reading in columns. */
export interface ValueRow {
  readonly value: ArrayLike<number>;
  readonly start: number;
  readonly ts: number;
  readonly received: number;
}

// A value older than this says nothing about now, unless its rule or its device's rhythm says otherwise.
export const valueAgeMs = 300_000;
const minuteMs = 60_000;

/** Quantities by which a device tells the state of a supply. */
export const supplyQuantities = [
  "mains_present",
  "ups_on_battery",
  "genset_running",
  "ats_on_genset",
  "voltage_v",
  "voltage_l1_v",
  "voltage_l2_v",
  "voltage_l3_v",
] as const;
const signQuantities: ReadonlySet<string> = new Set(supplyQuantities);
export const supplyKinds: readonly string[] = ["grid", "genset", "battery", "ups", "pv", "wind", "power-chain"];

/** A and A2 are one side. Without a feed in the site file the end of the code says it. */
const sideOf = ({ feed, code }: SiteNode["points"][number]): string | null =>
  feed?.charAt(0) ?? /\.([AB])$/i.exec(code)?.[1]?.toUpperCase() ?? null;

/** The points of the two sides of a node; none when it has fewer or more. */
const sidesOf = ({ points }: SiteNode): readonly [SiteNode["points"], SiteNode["points"]] => {
  const names = [...new Set(points.map(sideOf))].filter((side) => side !== null).sort();
  const of = (name: string | undefined) => points.filter((point) => name !== undefined && sideOf(point) === name);
  return names.length === 2 ? [of(names[0]), of(names[1])] : [[], []];
};

/** What is wanted of whom, by the rules and the nodes alone. */
interface PresentPlan {
  /** Quantities that are wanted of every device that a rule is about. */
  readonly everywhere: ReadonlySet<string>;
  /** Quantities whose change a minute is wanted. */
  readonly changing: ReadonlySet<string>;
  /** Quantities by which a device becomes one that a rule is about. */
  readonly keys: (device: string) => ReadonlySet<string>;
  readonly wanted: ReadonlyMap<string, ReadonlySet<string>>;
  readonly siteDevices: ReadonlySet<string>;
  /** Devices whose power says what carries the site. */
  readonly gensets: ReadonlySet<string>;
  readonly nodesByDevice: ReadonlyMap<string, readonly SiteNode[]>;
  readonly ownNode: ReadonlyMap<string, SiteNode>;
  readonly peers: ReadonlyMap<SiteNode, readonly string[]>;
}

// Sites of one plan share their list of nodes, and most sites the rules: one plan for hundreds of them.
const plans = new WeakMap<SiteModel["nodes"], WeakMap<readonly Rule[], PresentPlan>>();

const planFor = (nodes: SiteModel["nodes"], rules: readonly Rule[]): PresentPlan => {
  const mine = plans.get(nodes) ?? new WeakMap<readonly Rule[], PresentPlan>();
  plans.set(nodes, mine);
  const plan = mine.get(rules) ?? planOf(nodes, rules);
  mine.set(rules, plan);
  return plan;
};

const planOf = (nodes: SiteModel["nodes"], rules: readonly Rule[]): PresentPlan => {
  const readingRules = rules.filter((rule) => rule.on === "reading");
  const hasNodeRules = readingRules.some((rule) => rule.subject === "node");
  const hasSiteRules = readingRules.some((rule) => rule.subject === "site");
  const everywhere = new Set<string>();
  const past = readingRules.filter((one) => readsValues(one) && needsPast(one));
  for (const rule of past)
    for (const input of rule.inputs) if (typeOfValue(input) !== undefined) everywhere.add(quantityOf(input));
  const changing = new Set(
    past.flatMap(({ inputs }) =>
      inputs.flatMap((input) => {
        const derived = derivedValue(input);
        return derived?.how === "per_min" ? [derived.quantity] : [];
      }),
    ),
  );
  const about = aboutOf(nodes, rules);
  const keysOf = new Map<ReadonlySet<Rule>, ReadonlySet<string>>();
  const keys = (device: string): ReadonlySet<string> => {
    const mine = about(device);
    const found = keysOf.get(mine) ?? new Set(past.filter((rule) => mine.has(rule)).flatMap((rule) => rule.needs));
    keysOf.set(mine, found);
    return found;
  };
  const wanted = new Map<string, Set<string>>();
  const want = (device: string, quantity: string): void => {
    const mine = wanted.get(device) ?? new Set();
    wanted.set(device, mine.add(quantity));
  };
  const siteDevices = new Set<string>();
  const nodesByDevice = new Map<string, SiteNode[]>();
  const ownNode = new Map<string, SiteNode>();
  const peers = new Map<SiteNode, readonly string[]>();
  for (const node of nodes) {
    peers.set(node, [...new Set(node.points.map(({ device }) => device))]);
    const isSupply = hasSiteRules && supplyKinds.includes(node.kind);
    const isSided = hasNodeRules && node.points.length > 1;
    for (const { device, power } of node.points) {
      if (!ownNode.has(device)) ownNode.set(device, node);
      if (isSupply) {
        siteDevices.add(device);
        for (const quantity of supplyQuantities) want(device, quantity);
      }
      if (power !== null && (isSupply || isSided)) want(device, power);
      if (isSided) {
        const mine = nodesByDevice.get(device) ?? [];
        if (!mine.includes(node)) mine.push(node);
        nodesByDevice.set(device, mine);
      }
    }
  }
  for (const { device, quantity } of readingRules.flatMap((rule) => rule.points)) {
    siteDevices.add(device);
    want(device, quantity);
  }
  const gensets = new Set(
    nodes.filter(({ kind }) => kind === "genset").flatMap(({ points }) => points.map(({ device }) => device)),
  );
  return { everywhere, changing, keys, wanted, siteDevices, gensets, nodesByDevice, ownNode, peers };
};

export const createPresent = (model: SiteModel, rules: readonly Rule[], saved: SavedPresent = {}): Present => {
  const seen = new Map<string, Record<string, Seen>>();
  for (const [device, values] of Object.entries(saved)) seen.set(device, { ...values });

  const plan = planFor(model.nodes, rules);
  const { everywhere, changing, keys, wanted, siteDevices, gensets, nodesByDevice, ownNode, peers } = plan;
  // Only devices that some rule is about are remembered: there may be 345,400 that none is.
  const concerned = new Set<string>(seen.keys());

  let signs = 0;

  const keep = (device: string, quantity: string, value: number, when: number, now: number): void => {
    let values = seen.get(device);
    if (values === undefined) {
      values = {};
      seen.set(device, values);
    }
    const before = Object.hasOwn(values, quantity) ? values[quantity] : undefined;
    if (before !== undefined && before[1] > when) return;
    const isNews = before === undefined || before[0] !== value || now - before[1] > valueAgeMs;
    if (isNews && (signQuantities.has(quantity) || gensets.has(device))) signs++;
    const since = before !== undefined && before[0] === value ? before[2] : when;
    const elapsedMs = before !== undefined && changing.has(quantity) ? when - before[1] : 0;
    values[quantity] =
      before === undefined || elapsedMs <= 0
        ? [value, when, since]
        : [value, when, since, ((value - before[0]) / elapsedMs) * minuteMs];
  };

  const at = (device: string, quantity: string): Seen | null => {
    const values = seen.get(device);
    return values !== undefined && Object.hasOwn(values, quantity) ? (values[quantity] ?? null) : null;
  };
  const newest = (device: string, quantity: string, now: number, maxAgeMs: number): number | null => {
    const value = at(device, quantity);
    return value === null || now - value[1] > maxAgeMs ? null : value[0];
  };
  const powerOf = (point: SiteNode["points"][number], now: number): number | null =>
    point.power === null ? null : newest(point.device, point.power, now, Math.max(valueAgeMs, 3 * point.intervalMs));
  /** Null when one is missing; null for none. */
  const sum = (points: SiteNode["points"], now: number, unsigned: boolean): number | null => {
    let total: number | null = points.length === 0 ? null : 0;
    for (const point of points) {
      const value = powerOf(point, now);
      total = total === null || value === null ? null : total + (unsigned ? value : point.sign * value);
    }
    return total;
  };
  const peerValue = (device: string, { how, quantity }: ReturnType<typeof derivedValue> & object, now: number) => {
    const node = ownNode.get(device);
    const values = (node === undefined ? [] : (peers.get(node) ?? []))
      .map((peer) => newest(peer, quantity, now, valueAgeMs))
      .filter((value) => value !== null)
      .sort((a, b) => a - b);
    if (values.length < 2) return null;
    if (how === "peer_mean") return values.reduce((total, value) => total + value, 0) / values.length;
    const middle = values.length / 2;
    const [low, high] = [values[Math.ceil(middle) - 1] ?? 0, values[Math.floor(middle)] ?? 0];
    return (low + high) / 2;
  };
  const gridPoints = model.nodes
    .filter(({ kind, counting }) => kind === "grid" && counting === "counted")
    .flatMap((node) => node.points)
    .filter(({ power }) => power !== null);
  const nodeConstants = (node: SiteNode | undefined): Facts =>
    node === undefined
      ? { has_rating: false }
      : { node_kind: node.kind, has_rating: node.ratingW !== null, rating_w: node.ratingW };

  return {
    keeps(device, quantities) {
      const mine = wanted.get(device);
      const kept = quantities.flatMap((quantity, place) =>
        everywhere.has(quantity) || mine?.has(quantity) ? [{ quantity, at: place }] : [],
      );
      if (kept.length === 0) return "nothing";
      const known = keys(device);
      return mine !== undefined || quantities.some((quantity) => known.has(quantity)) ? kept : "asked";
    },
    noteAt(device, kept, { value, start, ts, received }, now) {
      const when = Math.min(ts, received);
      for (const { quantity, at } of kept) keep(device, quantity, value[start + at] ?? Number.NaN, when, now);
    },
    signs: () => signs,
    note({ device, ts, received, quantities }, now) {
      const mine = wanted.get(device);
      if (!concerned.has(device)) {
        let isNew = mine !== undefined;
        const known = keys(device);
        if (known.size > 0) for (const quantity in quantities) isNew ||= known.has(quantity);
        if (!isNew) return;
        concerned.add(device);
      }
      const when = Math.min(ts, received);
      for (const [quantity, value] of Object.entries(quantities))
        if (everywhere.has(quantity) || mine?.has(quantity)) keep(device, quantity, value, when, now);
    },
    deviceFacts(rule, { device, ts, received, quantities }, now) {
      const facts: Record<string, Value | null> = {};
      let constants: Facts | null = null;
      for (const input of rule.inputs) {
        if (Object.hasOwn(quantities, input)) facts[input] = quantities[input] ?? null;
        else if (everywhere.has(input))
          facts[input] = newest(device, input, now, (rule.maxAgeS[input] ?? valueAgeMs / 1000) * 1000);
        else if (input === "lag_s") facts[input] = (received - ts) / 1000;
        else if (input === "interval_s") {
          const point = ownNode.get(device)?.points.find((one) => one.device === device);
          facts[input] = point === undefined ? null : point.intervalMs / 1000;
        } else {
          const derived = derivedValue(input);
          if (derived === null) {
            constants ??= nodeConstants(ownNode.get(device));
            facts[input] = constants[input] ?? null;
          } else if (derived.how === "per_min") {
            // What it was before says nothing of a reading without it.
            const isTold = Object.hasOwn(quantities, derived.quantity);
            facts[input] = isTold ? (at(device, derived.quantity)?.[3] ?? null) : null;
          } else if (derived.how !== "steady") facts[input] = peerValue(device, derived, now);
          else {
            const value = at(device, derived.quantity);
            facts[input] = value === null ? null : Math.max(0, now - value[2]) / 1000;
          }
        }
      }
      return facts;
    },
    nodesOf: (device) => nodesByDevice.get(device) ?? [],
    nodeFacts(node, now) {
      const [a, b] = sidesOf(node);
      return {
        ...nodeConstants(node),
        in_w: sum(
          node.points.filter(({ sign }) => sign === 1),
          now,
          true,
        ),
        out_w: sum(
          node.points.filter(({ sign }) => sign === -1),
          now,
          true,
        ),
        has_sides: a.length > 0 && b.length > 0,
        side_a_w: sum(a, now, false),
        side_b_w: sum(b, now, false),
      };
    },
    concernsSite: (device) => siteDevices.has(device),
    siteFacts(now) {
      const gridW = sum(gridPoints, now, false);
      return {
        grid_w: gridW,
        grid_export_w: gridW === null ? null : Math.max(0, -gridW),
        grid_interval_s:
          gridPoints.length === 0 ? null : Math.max(...gridPoints.map(({ intervalMs }) => intervalMs)) / 1000,
      };
    },
    pointFacts: (rule, now) =>
      Object.fromEntries(
        rule.points.map(({ name, device, quantity, maxAgeS }) => [name, newest(device, quantity, now, maxAgeS * 1000)]),
      ),
    newest,
    newestAt: (device, quantity) => at(device, quantity)?.[1] ?? null,
    save: () => Object.fromEntries([...seen].map(([device, values]) => [device, { ...values }])),
  };
};

const quantityOf = (input: string): string => derivedValue(input)?.quantity ?? input;

/** One quantity of the reading at hand needs no past. */
const needsPast = (rule: Rule): boolean => {
  const read = rule.inputs.filter((input) => typeOfValue(input) !== undefined);
  return read.length > 1 || read.some((input) => derivedValue(input) !== null);
};
