import type { Account, AccountFlag, NodeAccount } from "./account.ts";
import { leastCoverage } from "./counted.ts";
import { noFlags, qualityOrder } from "./node-account.ts";

//  account by account, node by node ─▶ one row of running sums a node ─▶ one NodeAccount each
// An object or an array for each figure was a fifth of all accounting.

/** Running sums of every node over the accounts of a window, oldest first. */
export interface NodeSums {
  readonly add: (account: Account) => void;
  /** The known parts added up, with the coverage that says how much of `wholeMs` they are; in order of appearance. */
  readonly finish: (wholeMs: number) => Record<string, NodeAccount>;
  /** Nodes of which a part was dated wrong. */
  readonly lagging: ReadonlySet<string>;
}

// Places in a node's row.
const forward = 0;
const reverse = 1;
const least = 2;
const most = 3;
const powerMs = 4;
const weights = 5;
const goodMs = 6;
const heldMs = 7;
const soc = 8;
const stored = 9;
const available = 10;
const register = 11;
const gauge = 12;
const width = 13;

// What of a row is known; `of…` is said of at least one part, if only that it is not known.
const isForward = 1;
const isReverse = 2;
const ofStored = 4;
const isStored = 8;
const ofAvailable = 16;
const isAvailable = 32;
const isChecked = 64;

interface Told {
  readonly ms: number;
  readonly meters: NonNullable<NodeAccount["meters"]>;
}

/** Only the time in which the meters were told apart, so the mean of it and its energy as if it were the whole. */
const composeMeters = (told: readonly Told[], wholeMs: number): Pick<NodeAccount, "meters"> => {
  const count = told[0]?.meters.length ?? 0;
  const toldMs = told.reduce((sum, { ms }) => sum + ms, 0);
  // A part of the window cannot stand for the rest of it.
  if (count === 0 || toldMs < leastCoverage * wholeMs) return {};
  const meters = Array.from({ length: count }, (_, index) => {
    let netWh: number | null = null;
    let sum = 0;
    let weighed = 0;
    for (const { ms, meters: parts } of told) {
      const part = parts[index];
      if (part?.netWh !== null && part?.netWh !== undefined) netWh = (netWh ?? 0) + part.netWh;
      if (part?.meanW === null || part?.meanW === undefined || ms <= 0) continue;
      sum += part.meanW * ms;
      weighed += ms;
    }
    return { meanW: weighed > 0 ? sum / weighed : null, netWh: netWh === null ? null : (netWh * wholeMs) / toldMs };
  });
  return { meters };
};

export const createNodeSums = (): NodeSums => {
  const ids: string[] = [];
  const placeOf = new Map<string, number>();
  const lagging = new Set<string>();
  const flags = new Map<number, Set<AccountFlag>>();
  const told = new Map<number, Told[]>();
  let rows = new Float64Array(0);
  let known = new Uint8Array(0);
  let quality = new Int8Array(0);
  let first: Account["nodes"] = {};

  const enter = (id: string): number => {
    const place = ids.push(id) - 1;
    placeOf.set(id, place);
    if (place >= known.length) {
      const room = Math.max(64, 2 * place);
      const [oldRows, oldKnown, oldQuality] = [rows, known, quality];
      rows = new Float64Array(room * width);
      rows.set(oldRows);
      known = new Uint8Array(room);
      known.set(oldKnown);
      quality = new Int8Array(room).fill(-1);
      quality.set(oldQuality);
    }
    rows[place * width + least] = Infinity;
    rows[place * width + most] = -Infinity;
    return place;
  };

  const plus = (index: number, value: number): void => {
    rows[index] = (rows[index] ?? 0) + value;
  };

  const flag = (place: number, found: readonly AccountFlag[]): void => {
    let own = flags.get(place);
    if (own === undefined) {
      own = new Set();
      flags.set(place, own);
    }
    for (const one of found) own.add(one);
  };

  const addNode = (place: number, node: NodeAccount, ms: number): void => {
    const row = place * width;
    const { forwardWh, reverseWh, meanW, minW, maxW, coverage } = node;
    let bits = known[place] ?? 0;
    if (forwardWh !== null) {
      plus(row + forward, forwardWh);
      bits |= isForward;
    }
    if (reverseWh !== null) {
      plus(row + reverse, reverseWh);
      bits |= isReverse;
    }
    if (forwardWh !== null && reverseWh !== null)
      quality[place] = Math.max(quality[place] ?? -1, qualityOrder.indexOf(node.quality));
    if (minW !== null) rows[row + least] = Math.min(rows[row + least] ?? minW, minW);
    if (maxW !== null) rows[row + most] = Math.max(rows[row + most] ?? maxW, maxW);
    // A part whose energy is shared out over a gap still has a mean, by its full length.
    const weight = (coverage || 1) * ms;
    if (meanW !== null && weight > 0) {
      plus(row + powerMs, meanW * weight);
      plus(row + weights, weight);
    }
    plus(row + goodMs, coverage * ms);
    plus(row + heldMs, ms);
    rows[row + soc] = node.socPct ?? Number.NaN;
    const { storedWh, availableWh, check, meters } = node;
    if (storedWh !== undefined) {
      plus(row + stored, storedWh ?? 0);
      bits |= storedWh === null ? ofStored : ofStored | isStored;
    }
    if (availableWh !== undefined) {
      plus(row + available, availableWh ?? 0);
      bits |= availableWh === null ? ofAvailable : ofAvailable | isAvailable;
    }
    if (check !== undefined) {
      plus(row + register, check.registerWh);
      plus(row + gauge, check.powerWh);
      bits |= isChecked;
    }
    known[place] = bits;
    if (node.flags.length > 0) flag(place, node.flags);
    if (node.lagMs !== undefined) lagging.add(ids[place] ?? "");
    if (meters !== undefined) {
      const parts = told.get(place) ?? [];
      told.set(place, parts);
      parts.push({ ms, meters });
    }
  };

  const finishNode = (place: number, wholeMs: number): NodeAccount => {
    const of = (column: number): number => rows[place * width + column] ?? 0;
    const bits = known[place] ?? 0;
    const coverage = of(goodMs) / wholeMs;
    if (coverage < leastCoverage) flag(place, ["COVERAGE_LOW"]);
    const found = flags.get(place);
    const [minW, maxW, socPct] = [of(least), of(most), of(soc)];
    const parts = told.get(place);
    const sums = {
      forwardWh: (bits & isForward) > 0 ? of(forward) : null,
      reverseWh: (bits & isReverse) > 0 ? of(reverse) : null,
      meanW: of(weights) > 0 ? of(powerMs) / of(weights) : null,
      minW: minW === Infinity ? null : minW,
      maxW: maxW === -Infinity ? null : maxW,
      socPct: Number.isNaN(socPct) ? null : socPct,
    };
    const marks = {
      coverage,
      quality: qualityOrder[quality[place] ?? -1] ?? "INVALID",
      flags: found === undefined ? noFlags : [...found],
    };
    const check = (bits & isChecked) > 0 ? { registerWh: of(register), powerWh: of(gauge) } : null;
    if (check !== null && (bits & (ofStored | ofAvailable)) === 0 && parts === undefined)
      return { ...sums, check, ...marks };
    return {
      ...sums,
      // Figures that only some nodes have stay absent where they are absent everywhere.
      ...((bits & ofStored) > 0 ? { storedWh: (bits & isStored) > 0 ? of(stored) : null } : {}),
      ...((bits & ofAvailable) > 0 ? { availableWh: (bits & isAvailable) > 0 ? of(available) : null } : {}),
      ...(check === null ? {} : { check }),
      ...(parts === undefined ? {} : composeMeters(parts, of(heldMs))),
      ...marks,
    };
  };

  return {
    lagging,
    add: (account) => {
      const ms = account.end - account.start;
      const { nodes } = account;
      if (ids.length === 0) first = nodes;
      let next = 0;
      for (const id in nodes) {
        const node = nodes[id];
        if (node === undefined) continue;
        // Accounts of one model list their nodes alike: then the place of a node is known without looking for it.
        const place = ids[next] === id ? next : (placeOf.get(id) ?? enter(id));
        addNode(place, node, ms);
        next++;
      }
    },
    finish: (wholeMs) => {
      // A copy has its keys at once; adding them one by one costs the square of their number.
      const nodes: Record<string, NodeAccount> = { ...first };
      for (const [place, id] of ids.entries()) nodes[id] = finishNode(place, wholeMs);
      return nodes;
    },
  };
};
