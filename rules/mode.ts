import type { SiteModel, SiteNode } from "#energy";
import { type Present, valueAgeMs } from "./present.ts";

export const siteModes = ["mains", "ups", "genset", "returning", "island"] as const;
/** What carries the site: kpi.md §9 R36. */
export type SiteMode = (typeof siteModes)[number];

/** What one side of the supply says of itself; null when nobody of it speaks. */
export interface SupplySigns {
  /** Every grid connection that speaks is without voltage. */
  readonly mainsLost: boolean | null;
  /** Most of the UPSs that speak are on battery. */
  readonly onBattery: boolean | null;
  /** A generator or its transfer switch says that it carries load. */
  readonly onGenset: boolean | null;
}

/** The vote; null when nothing is known. */
export const voteOf = ({ mainsLost, onBattery, onGenset }: SupplySigns): SiteMode | null => {
  if (mainsLost === null && onBattery === null && onGenset === null) return null;
  if (onGenset === true) return mainsLost === false ? "returning" : "genset";
  if (onBattery === true) return "ups";
  if (mainsLost === true) return onBattery === null && onGenset === null ? "ups" : "island";
  return mainsLost === false || onBattery === false ? "mains" : null;
};

// IEC 61000-4-30 calls below 10 % an interruption; half of the nominal voltage carries nothing either.
const lostShare = 0.5;

/** Whose word counts for each sign. */
interface Voters {
  readonly grid: readonly string[];
  readonly battery: readonly string[];
  readonly transfer: readonly string[];
  readonly gensets: readonly { readonly node: SiteNode; readonly point: SiteNode["points"][number] }[];
}

// Asked at every reading of a supply.
const votersOf = new WeakMap<SiteModel["nodes"], Voters>();

const votersIn = ({ nodes }: SiteModel): Voters => {
  const known = votersOf.get(nodes);
  if (known !== undefined) return known;
  const points = (kinds: readonly string[]) =>
    nodes
      .filter(({ kind, counting }) => kinds.includes(kind) && (counting === "counted" || kind === "ups"))
      .flatMap((node) => node.points.map((point) => ({ node, point })));
  const devices = (kinds: readonly string[]): readonly string[] => points(kinds).map(({ point }) => point.device);
  const voters = {
    grid: devices(["grid"]),
    battery: [...new Set(devices(["ups", "battery", "power-chain"]))],
    transfer: [...new Set(devices(["grid", "genset", "ups", "power-chain"]))],
    gensets: points(["genset"]),
  };
  votersOf.set(nodes, voters);
  return voters;
};

export const signsOf = (
  model: SiteModel,
  present: Pick<Present, "newest">,
  now: number,
  nominalV: number,
): SupplySigns => {
  const voters = votersIn(model);
  const read = (device: string, quantity: string): number | null => present.newest(device, quantity, now, valueAgeMs);
  const lost = voters.grid.flatMap((device) => {
    const said = read(device, "mains_present");
    if (said !== null) return [said === 0];
    const volts = ["voltage_l1_v", "voltage_l2_v", "voltage_l3_v", "voltage_v"]
      .map((quantity) => read(device, quantity))
      .filter((value) => value !== null);
    return volts.length === 0 ? [] : [Math.max(...volts) < lostShare * nominalV];
  });
  const battery = voters.battery.flatMap((device) => {
    const said = read(device, "ups_on_battery");
    return said === null ? [] : [said !== 0];
  });
  const transfer = voters.transfer.map((device) => read(device, "ats_on_genset")).filter((said) => said !== null);
  const gensets = voters.gensets.flatMap(({ node, point }) => {
    const running = read(point.device, "genset_running");
    const power = point.power === null ? null : read(point.device, point.power);
    if (power !== null && node.ratingW !== null) return [point.sign * power > 0.05 * node.ratingW];
    return running === null ? [] : [running !== 0];
  });
  const votes = transfer.length > 0 ? transfer.map((said) => said !== 0) : gensets;
  return {
    mainsLost: lost.length === 0 ? null : lost.every(Boolean),
    onBattery: battery.length === 0 ? null : battery.filter(Boolean).length * 2 > battery.length,
    onGenset: votes.length === 0 ? null : votes.some(Boolean),
  };
};

/** The modes of one site over time, and what a change holds back; plain data. */
export interface ModeHistory {
  /** Oldest first; the first says how it was found. */
  readonly changes: readonly (readonly [at: number, mode: SiteMode])[];
  /** Incidents: the alert of the change, from when to when it was open. */
  readonly incidents: readonly (readonly [id: string, from: number, to: number | null])[];
  /** Since when the vote is island without a break. */
  readonly island?: number | null;
}

export const noModes: ModeHistory = { changes: [], incidents: [] };

// kpi.md §9 R36: released ten minutes after the mode is stable.
export const stableMs = 600_000;
// Window rules look back to the end of their minute, which is judged long after it while history is loaded.
const keptMs = 7 * 86_400_000;
const keptChanges = 200;

export const currentMode = (history: ModeHistory): SiteMode | null => history.changes.at(-1)?.[1] ?? null;

// Mains, UPS and generator do not speak at once: between two of them a site looks like an island.
const islandMs = 30_000;

/** The history after a vote. */
export const voted = (history: ModeHistory, vote: SiteMode | null, at: number): ModeHistory => {
  if (vote === null) return history;
  const island = vote === "island" ? (history.island ?? at) : null;
  const known = island === (history.island ?? null) ? history : { ...history, island };
  if (vote === currentMode(history) || (island !== null && at - island < islandMs)) return known;
  return modeChanged(known, vote, at);
};

// The first that is kept counts as how the site was found: it must be older than anything that is still asked for.
const modeChanged = (history: ModeHistory, mode: SiteMode, at: number): ModeHistory => {
  const first = history.changes.findLastIndex(([when]) => when <= at - keptMs);
  return { ...history, changes: [...history.changes.slice(Math.max(0, first)).slice(-keptChanges), [at, mode]] };
};

/** The incident that holds back what is told at this time; null when nothing is held back. */
export const holdAt = (history: ModeHistory, at: number): string | null => {
  // The first entry is how the site was found, not a change.
  const change = history.changes.findLast(([when], index) => index > 0 && when <= at);
  if (change === undefined || at >= change[0] + stableMs) return null;
  return history.incidents.findLast(([, from]) => from <= at)?.[0] ?? null;
};

/** When what is held now is released; null when nothing is. */
export const releaseAt = (history: ModeHistory): number | null => {
  const last = history.changes.length > 1 ? history.changes.at(-1) : undefined;
  return last === undefined ? null : last[0] + stableMs;
};
