import { type Account, type AccountFlag, nodeLimit, type SiteNode } from "#energy";
import type { Facts } from "./evaluate.ts";
import type { NodeParts, Part } from "./node-parts.ts";

/** What a node's registers did within a day: `[start of the minute, flag]`, oldest first; plain data, saved as it is. */
export type CounterEvents = Readonly<Record<string, readonly CounterEvent[]>>;
export type CounterEvent = readonly [start: number, flag: AccountFlag];

const dayMs = 86_400_000;
const quarterMs = 900_000;
// Enough to know that it is more than one; a broken register must not fill the saved state.
const mostEvents = 60;
const watched: readonly AccountFlag[] = ["COUNTER_ROLLOVER", "COUNTER_RESET", "COUNTER_FAULT", "COUNTER_SPIKE"];

/** What is counted by which name, and over which time. */
export const countersOf = {
  rollovers: { flag: "COUNTER_ROLLOVER", withinMs: dayMs },
  resets: { flag: "COUNTER_RESET", withinMs: dayMs },
  faults: { flag: "COUNTER_FAULT", withinMs: dayMs },
  spikes: { flag: "COUNTER_SPIKE", withinMs: quarterMs },
} as const satisfies Record<string, { readonly flag: AccountFlag; readonly withinMs: number }>;

export const eventCount = (events: readonly CounterEvent[], flag: AccountFlag, after: number): number =>
  events.filter(([start, seen]) => seen === flag && start > after).length;

const none: readonly never[] = [];

/** The events of a day up to this minute, its own included. */
export const eventsAfter = (
  nodes: readonly SiteNode[],
  account: Account,
  { flags }: NodeParts,
  before: CounterEvents,
): CounterEvents => {
  const after: Record<string, readonly CounterEvent[]> = {};
  for (const id in before) {
    const kept = (before[id] ?? none).filter(([start]) => start > account.start - dayMs);
    if (kept.length > 0) after[id] = kept;
  }
  for (const [place, mine] of flags) {
    const id = nodes[place]?.id;
    const fresh = watched.filter((flag) => mine.includes(flag)).map((flag): CounterEvent => [account.start, flag]);
    if (id === undefined || fresh.length === 0) continue;
    after[id] = [...(Object.hasOwn(after, id) ? (after[id] ?? none) : none), ...fresh].slice(-mostEvents);
  }
  return after;
};

/** What a rule on nodes may read about one node in one closed minute, besides the site's facts. */
export const nodeFactsAt = (node: SiteNode, account: Account, part: Part | undefined, events: CounterEvents): Facts => {
  const mine = Object.hasOwn(events, node.id) ? (events[node.id] ?? []) : [];
  // A register that did not speak this minute can neither raise nor clear.
  const isSilent = part === undefined || part.coverage === 0;
  const count = ({ flag, withinMs }: { readonly flag: AccountFlag; readonly withinMs: number }): number | null =>
    isSilent ? null : eventCount(mine, flag, account.start - withinMs);
  return {
    node_kind: node.kind,
    rollovers: count(countersOf.rollovers),
    resets: count(countersOf.resets),
    faults: count(countersOf.faults),
    spikes: count(countersOf.spikes),
    node_coverage: part?.coverage ?? null,
    node_interval_s: intervalOf(node),
    resolution_wh: resolutionOf(node),
    node_u_w: uncertaintyOf(node, part),
    rating_w: node.ratingW,
    has_rating: node.ratingW !== null,
    mean_w: part?.meanW ?? null,
    min_w: part?.minW ?? null,
    max_w: part?.maxW ?? null,
    register_wh: part?.check?.registerWh ?? null,
    gauge_wh: part?.check?.powerWh ?? null,
    forward_wh: part?.forwardWh ?? null,
    reverse_wh: part?.reverseWh ?? null,
    capacity_wh: node.capacityWh,
    node_soc_pct: part?.socPct ?? null,
    stored_wh: part?.storedWh ?? null,
    is_suspect: account.balance.residualW === null ? null : account.balance.suspect?.node === node.id,
    suspect_factor: account.balance.suspect?.node === node.id ? account.balance.suspect.factor : null,
  };
};

/** The longest interval of its meters, s. */
export const intervalOf = ({ points }: SiteNode): number =>
  Math.max(0, ...points.map(({ intervalMs }) => intervalMs)) / 1000;

/** The coarsest step of its registers. */
export const resolutionOf = ({ points }: SiteNode): number =>
  Math.max(0, ...points.map(({ register }) => register.resolutionWh));

/** Standard uncertainty of a node's mean power by the classes of its meters and transformers; null when that is missing. */
export const uncertaintyOf = (node: SiteNode, part: Part | undefined): number | null =>
  uncertaintyAt(node, part?.meanW ?? null);

export const uncertaintyAt = (node: SiteNode, meanW: number | null): number | null => {
  // A limit of error is rectangular (kpi.md §1.6).
  return meanW === null ? null : ((nodeLimit(node, meanW) / 100) * Math.abs(meanW)) / Math.sqrt(3);
};
