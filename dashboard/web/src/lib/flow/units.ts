// Nodes become the units of the picture: what flows, which way, how old. Positive is import, generation, discharge, consumption.
import type { NodeNow, NodeRole, Origin, Text } from "#lib/wire.ts";

export type FlowWord =
  | "importing"
  | "exporting"
  | "generating"
  | "standby"
  | "discharging"
  | "charging"
  | "consuming"
  | "returning"
  | "idle"
  | "unknown";

export interface FlowUnit {
  readonly id: string;
  readonly role: NodeRole;
  readonly kind: NodeNow["kind"];
  readonly name: Text | null;
  /** How many nodes stand behind it. */
  readonly count: number;
  /** Signed; the picture shows its size and says the direction in a word. */
  readonly powerW: number | null;
  readonly ts: number | null;
  readonly freshness: NodeNow["freshness"];
  readonly origins: readonly Origin[];
  readonly socPct: number | null;
  readonly word: FlowWord;
  /** Into the site bus, out of it, or not at all. */
  readonly toward: "bus" | "node" | "none";
}

const words: Readonly<Record<NodeRole, readonly [positive: FlowWord, negative: FlowWord]>> = {
  grid: ["importing", "exporting"],
  source: ["generating", "standby"],
  storage: ["discharging", "charging"],
  load: ["consuming", "returning"],
};

// Below one watt, or a thousandth of the rating, a meter shows noise and not a flow.
const idleW = (ratingW: number | null): number => Math.max(1, (ratingW ?? 0) / 1000);

const directed = (role: NodeRole, powerW: number | null, ratingW: number | null): Pick<FlowUnit, "word" | "toward"> => {
  if (powerW === null) return { word: "unknown", toward: "none" };
  if (Math.abs(powerW) < idleW(ratingW)) return { word: "idle", toward: "none" };
  const positive = powerW > 0;
  const inward = role === "load" ? !positive : positive;
  return { word: words[role][positive ? 0 : 1], toward: inward ? "bus" : "node" };
};

const ranks: readonly NodeNow["freshness"][] = ["fresh", "stale", "missing"];
const worst = (nodes: readonly NodeNow[]): NodeNow["freshness"] =>
  ranks[Math.max(...nodes.map(({ freshness }) => ranks.indexOf(freshness)))] ?? "missing";

const oldest = (nodes: readonly NodeNow[]): number | null =>
  nodes.reduce<number | null>((ts, node) => (node.ts === null ? ts : Math.min(ts ?? node.ts, node.ts)), null);

const single = (node: NodeNow): FlowUnit => ({
  id: node.id,
  role: node.role,
  kind: node.kind,
  name: node.name,
  count: 1,
  powerW: node.powerW,
  ts: node.ts,
  freshness: node.freshness,
  origins: [node.origin],
  socPct: node.socPct,
  ...directed(node.role, node.powerW, node.ratingW),
});

/** One unit for several nodes. A part that is missing makes the sum unknown, never smaller. */
const merged = (id: string, nodes: readonly NodeNow[], first: NodeNow): FlowUnit => {
  const known = nodes.every(({ powerW }) => powerW !== null);
  const powerW = known ? nodes.reduce((sum, node) => sum + (node.powerW ?? 0), 0) : null;
  return {
    ...single(first),
    id,
    name: null,
    count: nodes.length,
    powerW,
    ts: oldest(nodes),
    freshness: worst(nodes),
    origins: [...new Set(nodes.map(({ origin }) => origin))],
    socPct: null,
    ...directed(first.role, powerW, null),
  };
};

/** At most `limit` units of one role: the last ones become one unit when there are more. */
export const unitsOf = (nodes: readonly NodeNow[], role: NodeRole, limit: number): FlowUnit[] => {
  const all = nodes.filter((node) => node.role === role && node.parent === null);
  if (all.length <= limit) return all.map(single);
  const rest = all.slice(limit - 1);
  const [first] = rest;
  return [...all.slice(0, limit - 1).map(single), ...(first === undefined ? [] : [merged(`${role}+`, rest, first)])];
};

/** Length of one run of the dots: quicker when more of the largest flow passes here, in three steps so that it seldom restarts. */
export const dotSeconds = (powerW: number, largestW: number): number => {
  const share = largestW === 0 ? 0 : Math.abs(powerW) / largestW;
  if (share > 0.5) return 2;
  return share > 0.1 ? 3.5 : 6;
};
