import type { Account, KpiResult } from "./account.ts";
import { type BusPower, balance, defaultSkewS } from "./balance.ts";
import type { SiteClock } from "./clock.ts";
import type { ResidualOver } from "./closure.ts";
import { countedNodes } from "./counted.ts";
import { catalogue, kpiKey, kpiResults } from "./kpi/index.ts";
import type { Samples } from "./meter.ts";
import type { Point, SiteModel, SiteNode } from "./model.ts";
import { estimatedPower, type SamplesByPoint, sampleKey, sumKnown } from "./node-account.ts";
import type { NodeNow, SiteNow } from "./now.ts";
import type { Suspect } from "./suspect.ts";

// A sensor that missed three reports, and half a minute, no longer says what is.
const leastFreshMs = 30_000;
const staleAfter = (intervalMs: number): number => Math.max(3 * intervalMs, leastFreshMs);

interface Seen {
  readonly powerW: number;
  readonly ts: number;
  readonly slopeWPerS: number;
}

const newestGauge = (samples: Samples | undefined, sign: 1 | -1): Seen | null => {
  const last = (samples?.ts.length ?? 0) - 1;
  const ts = samples?.ts[last];
  const value = samples?.value[last];
  if (ts === undefined || value === undefined) return null;
  const before = samples?.ts[last - 1];
  const slope = before === undefined ? 0 : (value - (samples?.value[last - 1] ?? value)) / ((ts - before) / 1000);
  return { powerW: sign * value, ts, slopeWPerS: slope };
};

/** What a register counted between its last two readings, as a power. */
const newestRate = (samples: Samples | undefined): Seen | null => {
  const last = (samples?.ts.length ?? 0) - 1;
  const ts = samples?.ts[last];
  const before = samples?.ts[last - 1];
  if (samples === undefined || ts === undefined || before === undefined) return null;
  const counted = (samples.value[last] ?? 0) - (samples.value[last - 1] ?? 0);
  return counted < 0 ? null : { powerW: (counted * 3_600_000) / (ts - before), ts, slopeWPerS: 0 };
};

const pointNow = (point: Point, columns: SamplesByPoint): Seen | null => {
  const column = (quantity: string | null): Samples | undefined =>
    quantity === null ? undefined : columns.get(sampleKey(point.device, quantity));
  const gauge = newestGauge(column(point.power), point.sign);
  // A meter may have a gauge in its model and send registers only.
  if (gauge !== null || (point.energyForward === null && point.energyReverse === null)) return gauge;
  const forward = newestRate(column(point.energyForward));
  if (point.energyReverse === null) return forward;
  const reverse = newestRate(column(point.energyReverse));
  if (reverse === null || (forward === null && point.energyForward !== null)) return null;
  return {
    powerW: (forward?.powerW ?? 0) - reverse.powerW,
    ts: Math.min(forward?.ts ?? reverse.ts, reverse.ts),
    slopeWPerS: 0,
  };
};

interface NodeSeen {
  readonly now: NodeNow;
  readonly slopeWPerS: number;
}

const nodeNow = (node: SiteNode, columns: SamplesByPoint, clockNow: number): NodeSeen => {
  const measuring = node.points.filter(
    (point) => point.power !== null || point.energyForward !== null || point.energyReverse !== null,
  );
  const seen = measuring.map((point) => pointNow(point, columns));
  const known = seen.filter((value) => value !== null);
  const whole = known.length === measuring.length && known.length > 0;
  const ts = whole ? Math.min(...known.map((value) => value.ts)) : null;
  const slowest = measuring.reduce((longest, { intervalMs }) => Math.max(longest, intervalMs), 0);
  const socPoint = node.points.find((point) => point.soc !== null);
  const soc = socPoint === undefined ? undefined : columns.get(sampleKey(socPoint.device, socPoint.soc ?? ""));
  const age = ts === null ? null : clockNow - ts;
  const estimatedW = estimatedPower(node);
  return {
    slopeWPerS: known.reduce((sum, { slopeWPerS }) => sum + Math.abs(slopeWPerS), 0),
    now: {
      id: node.id,
      kind: node.kind,
      role: node.role,
      name: node.name,
      parent: node.parent,
      counting: node.counting,
      origin: node.origin,
      powerW: estimatedW ?? (whole ? known.reduce((sum, { powerW }) => sum + powerW, 0) : null),
      socPct: soc?.value.at(-1) ?? null,
      ts: estimatedW === null ? ts : clockNow,
      freshness:
        estimatedW !== null ? "fresh" : age === null ? "missing" : age > staleAfter(slowest) ? "stale" : "fresh",
      ratingW: node.ratingW,
      capacityWh: node.capacityWh,
    },
  };
};

/** A group shows the sum of its children, as old and as stale as the oldest of them. */
const groupNow = (own: NodeNow, children: readonly NodeNow[]): NodeNow => {
  const powerW = sumKnown(children.map((child) => child.powerW));
  const times = children.map((child) => child.ts).filter((ts) => ts !== null);
  const worst = (["missing", "stale"] as const).find((state) => children.some((child) => child.freshness === state));
  return {
    ...own,
    powerW,
    ts: powerW === null || times.length === 0 ? null : Math.min(...times),
    freshness: children.length === 0 ? "missing" : (worst ?? "fresh"),
  };
};

const balanceNow = (model: SiteModel, nodes: ReadonlyMap<string, NodeSeen>): SiteNow["balance"] => {
  const counted = countedNodes(model).map((node) => ({ node, seen: nodes.get(node.id) }));
  const newest = counted.reduce((latest, { seen }) => Math.max(latest, seen?.now.ts ?? 0), 0);
  const buses = counted.map(({ node, seen }): BusPower => {
    const fresh = seen?.now.freshness === "fresh" ? seen.now : null;
    return {
      role: node.role,
      powerW: fresh?.powerW ?? null,
      ratingW: node.ratingW,
      meters: node.points,
      slopeWPerS: seen?.slopeWPerS ?? 0,
      // Values of different moments: what may have changed since is part of the uncertainty.
      skewS: defaultSkewS + (newest - (fresh?.ts ?? newest)) / 1000,
    };
  });
  return balance(buses, model.busRatingW);
};

/** KPIs over closed minutes, by id, or by `<id>/<variant>` where there are several. */
export const presentKpis = (
  model: SiteModel,
  accounts: readonly Account[],
  window: { readonly start: number; readonly end: number },
): Readonly<Record<string, KpiResult>> => {
  const kpis: Record<string, KpiResult> = {};
  for (const entry of catalogue)
    for (const result of kpiResults(entry, accounts, model, window)) kpis[kpiKey(entry, result.variant ?? "")] = result;
  return kpis;
};

/** What the last closed minutes say. */
export interface RecentMinutes {
  readonly kpis: Readonly<Record<string, KpiResult>>;
  readonly suspect: Suspect | null;
  readonly day: ResidualOver | null;
}

/** What the operators of a site see this second. */
export const presentSite = (
  model: SiteModel,
  clock: SiteClock,
  columns: SamplesByPoint,
  recent: RecentMinutes,
  wallNow: number,
): SiteNow => {
  const ts = clock.now ?? wallNow;
  const seen = new Map(model.nodes.map((node) => [node.id, nodeNow(node, columns, ts)]));
  const group = (node: SiteNode): NodeNow => {
    const own = seen.get(node.id)?.now ?? nodeNow(node, columns, ts).now;
    if (node.points.length > 0) return own;
    const children = model.nodes.filter((child) => child.parent === node.id && child.role === node.role);
    return groupNow(own, children.map(group));
  };
  return {
    site: model.id,
    ts,
    clock: clock.mode,
    nodes: model.nodes.map(group),
    balance: {
      ...balanceNow(model, seen),
      ...(recent.suspect === null ? {} : { suspect: recent.suspect }),
      ...(recent.day === null ? {} : { day: recent.day }),
    },
    kpis: recent.kpis,
  };
};
