import type { AccountFlag, MeterCheck, NodeAccount, Quality } from "./account.ts";
import type { Window } from "./calendar.ts";
import { countBetween, firstFrom, type MeterCode, type MeterTerms, type Samples } from "./meter.ts";
import type { Point, SiteNode } from "./model.ts";
import { integratePower, type PowerWindow, valueAt } from "./power.ts";
import type { Around, Copied } from "./sample-blocks.ts";
import type { SentinelsIn } from "./sentinel.ts";
import type { LagOf } from "./skew.ts";

/** Samples of one site around a window, by `<device>/<quantity>`, each in event-time order. */
export interface SamplesByPoint extends Pick<ReadonlyMap<string, Samples>, "get"> {
  /** `get` without a key to be taken apart, where there is one. */
  readonly of?: (device: string, quantity: string) => Samples | undefined;
  /** How wrong the devices' clocks are; null while nobody's is. */
  readonly lags?: () => LagOf | null;
  /** Which devices said "no value"; null while none did. */
  readonly sentinels?: () => SentinelsIn | null;
  /** The same samples by number, where they are at hand so. */
  readonly slots?: SampleSlots;
}

/** Samples by the number of device and quantity together. */
export interface SampleSlots {
  /** −1 when nothing of it is asked for. */
  readonly find: (device: string, quantity: string) => number;
  /** One object for all sites whose slots have the same numbers. */
  readonly places: object;
  /** Copies the samples around a window to `copied` and says how many they are: see `SampleBlocks`. */
  readonly around: (slot: number, window: Around) => number;
  readonly copied: Copied;
}

export const sampleKey = (device: string, quantity: string): string => `${device}/${quantity}`;

/** The samples of a quantity of a point; undefined when it names none, or none came. */
const samplesOf = (samples: SamplesByPoint, device: string, quantity: string | null): Samples | undefined => {
  if (quantity === null) return undefined;
  return samples.of === undefined ? samples.get(sampleKey(device, quantity)) : samples.of(device, quantity);
};

export interface PointTerms {
  readonly register: MeterTerms;
  readonly limits: { readonly bridgeMs: number; readonly gapMs: number };
}

// Put together once a point, not once a minute.
const termsOfPoints = new WeakMap<Point, PointTerms>();

export const termsOf = (point: Point, maxPerHour: number, bridgeMs: number): PointTerms => {
  const known = termsOfPoints.get(point);
  if (known !== undefined && known.register.maxPerHour === maxPerHour && known.limits.bridgeMs === bridgeMs)
    return known;
  const { modulusWh: modulus, resolutionWh: resolution } = point.register;
  const terms = {
    register: { modulus, resolution, maxPerHour },
    limits: { bridgeMs, gapMs: gapOf(point.intervalMs) },
  };
  termsOfPoints.set(point, terms);
  return terms;
};

export interface WindowLimits {
  /** Longest distance of two register readings that is shared out over the minutes between. */
  readonly bridgeMs: number;
}

// Two missed minutes are a gap, not a slope; slow meters may miss two reports.
const leastGapMs = 150_000;
/** Samples of a point further apart than this have a gap between them. */
export const gapOf = (intervalMs: number): number => Math.max(3 * intervalMs, leastGapMs);

/** From the best to the worst. */
export const qualityOrder: readonly Quality[] = ["MEASURED", "PARTLY_ESTIMATED", "ESTIMATED", "INVALID"];
export const worstQuality = (qualities: Iterable<Quality>): Quality => {
  let worst = 0;
  for (const quality of qualities) worst = Math.max(worst, qualityOrder.indexOf(quality));
  return qualityOrder[worst] ?? "INVALID";
};

const flagOf: Readonly<Record<Exclude<MeterCode, "OK">, AccountFlag>> = {
  JITTER: "COUNTER_JITTER",
  ROLLOVER: "COUNTER_ROLLOVER",
  RESET: "COUNTER_RESET",
  SPIKE: "COUNTER_SPIKE",
  COUNTER_FAULT: "COUNTER_FAULT",
  COARSE: "REGISTER_COARSE",
};

/** A sum in which one unknown part makes the whole unknown; null for no parts. */
export const sumKnown = (parts: readonly (number | null)[]): number | null => {
  let sum: number | null = parts.length === 0 ? null : 0;
  for (const part of parts) sum = sum === null || part === null ? null : sum + part;
  return sum;
};

interface Energy {
  readonly forwardWh: number | null;
  readonly reverseWh: number | null;
  readonly coverage: number;
  readonly quality: Quality;
  readonly flags: readonly AccountFlag[];
}

// Energy before a reset is lost; that of a coarse step may belong to the window before.
const inexact: ReadonlySet<AccountFlag> = new Set(["COUNTER_RESET", "REGISTER_COARSE"]);

export const noFlags: readonly AccountFlag[] = [];

const lengthOf = (window: Window): number => window.end - window.start;

interface Direction {
  readonly wh: number | null;
  readonly goodMs: number;
  readonly quality: Quality;
  readonly flags: readonly AccountFlag[];
}

const byPower = (wh: number, power: PowerWindow | null, window: Window): Direction => {
  const goodMs = power?.goodMs ?? 0;
  // A millisecond is rounding, not a gap.
  const whole = goodMs >= lengthOf(window) - 1;
  return { wh: whole ? wh : null, goodMs, quality: whole ? "PARTLY_ESTIMATED" : "INVALID", flags: [] };
};

/** One direction from its register, or from integrated power where the register cannot tell. */
const direction = (
  register: Samples | undefined,
  powerWh: number,
  power: PowerWindow | null,
  window: Window,
  terms: PointTerms,
): Direction => {
  const counted = register === undefined ? null : countBetween(register, window, terms.register, terms.limits);
  const codes = counted?.codes ?? [];
  const flags: readonly AccountFlag[] =
    codes.length === 0 ? noFlags : codes.filter((code) => code !== "OK").map((code) => flagOf[code]);
  if (counted === null || counted.amount === null) {
    const fallback = byPower(powerWh, power, window);
    return { ...fallback, flags: [...flags, "REGISTER_MISSING"] };
  }
  const whole = counted.goodMs >= lengthOf(window) - 1;
  const estimated: Quality = counted.goodMs > 0 ? "PARTLY_ESTIMATED" : "ESTIMATED";
  const quality: Quality = whole
    ? flags.some((flag) => inexact.has(flag))
      ? "PARTLY_ESTIMATED"
      : "MEASURED"
    : estimated;
  return { wh: counted.amount, goodMs: counted.goodMs, quality, flags };
};

const nothing = (window: Window): Direction => ({
  wh: 0,
  goodMs: lengthOf(window),
  quality: "MEASURED",
  flags: noFlags,
});

/**
 * The direction that a point has no register for: both-way nodes by power, the others have none. A grid meter that
 * counts one way only and shows no power is taken to have none of the other.
 */
const unregistered = (
  wh: number,
  node: SiteNode,
  power: PowerWindow | null,
  window: Window,
  other: Direction,
): Direction => {
  if (node.kind !== "grid" && node.kind !== "battery") return nothing(window);
  const measured = power === null ? null : byPower(wh, power, window);
  // A one-way register beside a power that never turned needs no estimate.
  if (measured !== null && measured.wh !== null)
    return measured.wh === 0 ? { ...measured, quality: other.quality } : measured;
  return node.kind === "grid" && other.wh !== null
    ? { ...nothing(window), quality: "PARTLY_ESTIMATED" }
    : { wh: null, goodMs: 0, quality: "INVALID", flags: [] };
};

const pointEnergy = (
  node: SiteNode,
  point: Point,
  window: Window,
  samples: SamplesByPoint,
  power: PowerWindow | null,
  terms: PointTerms,
): Energy => {
  const { device, energyForward, energyReverse } = point;
  const powerForward = power?.forwardWh ?? 0;
  const powerReverse = power?.reverseWh ?? 0;
  let forward: Direction;
  let reverse: Direction;
  if (energyForward !== null) {
    forward = direction(samplesOf(samples, device, energyForward), powerForward, power, window, terms);
    reverse =
      energyReverse === null
        ? unregistered(powerReverse, node, power, window, forward)
        : direction(samplesOf(samples, device, energyReverse), powerReverse, power, window, terms);
  } else if (energyReverse !== null) {
    reverse = direction(samplesOf(samples, device, energyReverse), powerReverse, power, window, terms);
    forward = unregistered(powerForward, node, power, window, reverse);
  } else {
    forward = byPower(powerForward, power, window);
    reverse = byPower(powerReverse, power, window);
  }
  return {
    forwardWh: forward.wh,
    reverseWh: reverse.wh,
    coverage: Math.min(forward.goodMs, reverse.goodMs) / lengthOf(window),
    quality: forward.quality === reverse.quality ? forward.quality : worstQuality([forward.quality, reverse.quality]),
    flags: forward.flags.length + reverse.flags.length === 0 ? noFlags : [...forward.flags, ...reverse.flags],
  };
};

/** The energies of the points of one node together. */
const addEnergies = (energies: readonly Energy[]): Energy => {
  const [only] = energies;
  if (only !== undefined && energies.length === 1) return only;
  return {
    forwardWh: sumKnown(energies.map((energy) => energy.forwardWh)),
    reverseWh: sumKnown(energies.map((energy) => energy.reverseWh)),
    coverage: energies.length === 0 ? 0 : Math.min(...energies.map((energy) => energy.coverage)),
    quality: energies.length === 0 ? "INVALID" : worstQuality(energies.map((energy) => energy.quality)),
    flags: energies.flatMap((energy) => energy.flags),
  };
};

const interpolate = (samples: Samples, ts: number, gapMs: number): number | null => {
  const index = firstFrom(samples.ts, ts);
  const right = samples.ts[index];
  if (right === ts) return samples.value[index] ?? null;
  const left = samples.ts[index - 1];
  if (left === undefined || right === undefined || right - left > gapMs) return null;
  const a = samples.value[index - 1] ?? 0;
  return a + (((samples.value[index] ?? 0) - a) * (ts - left)) / (right - left);
};

/** The power of several meters of one node, at every time one of them spoke and all are known. */
const addedPower = (meters: readonly Gauge[], window: Window): Samples => {
  const times = new Set<number>([window.start, window.end]);
  for (const { samples } of meters) {
    const last = firstFrom(samples.ts, window.end);
    for (let index = firstFrom(samples.ts, window.start); index < last; index++) times.add(samples.ts[index] ?? 0);
  }
  const ts: number[] = [];
  const value: number[] = [];
  for (const at of [...times].sort((a, b) => a - b)) {
    const sum = sumKnown(
      meters.map(({ samples, sign, gapMs }) => {
        const power = interpolate(samples, at, gapMs);
        return power === null ? null : sign * power;
      }),
    );
    if (sum === null) continue;
    ts.push(at);
    value.push(sum);
  }
  return { ts, value };
};

const synthetics: readonly AccountFlag[] = ["SYNTHETIC_INPUT"];
const empty: Samples = { ts: [], value: [] };
const none = {};

/** What a storage gained by its state of charge; absent without one. */
const storedOf = (node: SiteNode, window: Window, samples: SamplesByPoint): Pick<NodeAccount, "storedWh"> => {
  if (node.kind !== "battery" || node.capacityWh === null) return none;
  const point = node.points.find((candidate) => candidate.soc !== null);
  if (point === undefined || point.soc === null) return none;
  const soc = samples.get(sampleKey(point.device, point.soc));
  const before = valueAt(soc, window.start, gapOf(point.intervalMs));
  const after = valueAt(soc, window.end, gapOf(point.intervalMs));
  return { storedWh: before === null || after === null ? null : ((after - before) / 100) * node.capacityWh };
};

/** What a renewable could have generated; absent when none of its devices ever says. */
const availableOf = (node: SiteNode, window: Window, samples: SamplesByPoint): Pick<NodeAccount, "availableWh"> => {
  if (node.kind !== "pv" && node.kind !== "wind") return none;
  const said = node.points.map(({ device }) => samples.get(sampleKey(device, "available_w")));
  if (said.every((series) => series === undefined)) return none;
  const parts = node.points.map(({ intervalMs }, index) => {
    const series = said[index];
    const power = series === undefined ? null : integratePower(series, window, 1, gapOf(intervalMs));
    return power === null || power.goodMs < lengthOf(window) - 1 ? null : power.forwardWh;
  });
  return { availableWh: sumKnown(parts) };
};

/** What a node without meters is said to take, W; null for a node that is measured. */
export const estimatedPower = (node: SiteNode): number | null => {
  let watts: number | null = null;
  for (const { estimate } of node.points)
    if (estimate !== undefined) watts = (watts ?? 0) + estimate.count * estimate.eachW;
  return watts;
};

const estimatedSums = (watts: number, window: Window): NodeSums => {
  const wh = (watts * lengthOf(window)) / 3_600_000;
  const power = { meanW: watts, minW: null, maxW: null, socPct: null };
  const marks = { coverage: 1, quality: "ESTIMATED", flags: ["ESTIMATED_INPUT"] } as const;
  return { slopeWPerS: 0, meters: [], account: { forwardWh: wh, reverseWh: 0, ...power, ...marks } };
};

interface MeterPart {
  readonly meanW: number | null;
  readonly netWh: number | null;
  readonly check: MeterCheck | null;
}

const meterPart = (point: Point, energy: Energy, power: PowerWindow | null, window: Window): MeterPart => {
  const { forwardWh, reverseWh } = energy;
  const netWh = forwardWh === null || reverseWh === null ? null : forwardWh - reverseWh;
  const byRegister = netWh === null ? null : (netWh * 3_600_000) / lengthOf(window);
  const registered = point.energyForward !== null || point.energyReverse !== null;
  const whole = (power?.goodMs ?? 0) >= lengthOf(window) - 1 && energy.quality === "MEASURED";
  const powerWh = power === null ? 0 : power.forwardWh - power.reverseWh;
  return {
    meanW: power?.meanW ?? byRegister,
    netWh,
    check: registered && whole && netWh !== null ? { registerWh: netWh, powerWh } : null,
  };
};

const noParts: readonly MeterPart[] = [];
const noMeters: NonNullable<NodeAccount["meters"]> = [];

const checkOf = (parts: readonly MeterPart[]): MeterCheck | undefined => {
  if (parts.length < 2) return parts[0]?.check ?? undefined;
  const registerWh = sumKnown(parts.map(({ check }) => check?.registerWh ?? null));
  const powerWh = sumKnown(parts.map(({ check }) => check?.powerWh ?? null));
  return registerWh === null || powerWh === null ? undefined : { registerWh, powerWh };
};

interface Gauge {
  readonly samples: Samples;
  readonly sign: 1 | -1;
  readonly gapMs: number;
}

interface Lists {
  readonly energies: Energy[];
  readonly parts: MeterPart[];
  readonly gauges: Gauge[];
}

export interface NodeSums {
  readonly account: NodeAccount;
  readonly slopeWPerS: number;
  readonly meters: NonNullable<NodeAccount["meters"]>;
}

/** A node over a window: energies from registers first, powers from gauges; nothing is clamped, a gap is a gap. */
export const accountNode = (
  node: SiteNode,
  window: Window,
  samples: SamplesByPoint,
  terms: { readonly busRatingW: number; readonly bridgeMs: number },
): NodeSums => {
  const estimatedW = estimatedPower(node);
  if (estimatedW !== null) return estimatedSums(estimatedW, window);
  const maxW = node.ratingW ?? terms.busRatingW;
  // Most nodes have one meter and need none of the lists.
  let energy: Energy | null = null;
  let part: MeterPart | null = null;
  const lists: Lists | null = node.points.length > 1 ? { energies: [], parts: [], gauges: [] } : null;
  let single: PowerWindow | null = null;
  let gapMs = 0;
  let socPct: number | null = null;
  let unmetered = 0;
  for (const point of node.points) {
    const of = termsOf(point, maxW, terms.bridgeMs);
    const gap = of.limits.gapMs;
    if (point.soc !== null) socPct ??= valueAt(samplesOf(samples, point.device, point.soc), window.end, gap);
    if (point.power === null && point.energyForward === null && point.energyReverse === null) continue;
    let power: PowerWindow | null = null;
    if (point.power !== null) {
      const gauge = samplesOf(samples, point.device, point.power) ?? empty;
      power = integratePower(gauge, window, point.sign, gap);
      lists?.gauges.push({ samples: gauge, sign: point.sign, gapMs: gap });
      gapMs = Math.max(gapMs, gap);
      single = power;
    } else unmetered++;
    energy = pointEnergy(node, point, window, samples, power, of);
    part = meterPart(point, energy, power, window);
    lists?.energies.push(energy);
    lists?.parts.push(part);
  }
  if (lists !== null && lists.gauges.length > 1)
    single = integratePower(addedPower(lists.gauges, window), window, 1, gapMs);
  const parts = lists?.parts ?? noParts;
  const {
    forwardWh,
    reverseWh,
    coverage,
    quality,
    flags: found,
  } = lists === null && energy !== null ? energy : addEnergies(lists?.energies ?? []);
  const synthetic = node.origin === "synthetic";
  const flags = found.length === 0 && !synthetic ? noFlags : [...new Set([...found, ...(synthetic ? synthetics : [])])];
  // Where a meter has no gauge, the mean of the node is what its registers say.
  const byGauge = unmetered === 0 && single !== null && single.meanW !== null ? single : null;
  const hours = lengthOf(window) / 3_600_000;
  const byRegister = forwardWh === null || reverseWh === null ? null : (forwardWh - reverseWh) / hours;
  const meanW = byGauge?.meanW ?? byRegister;
  const minW = byGauge?.minW ?? byRegister;
  const maximumW = byGauge?.maxW ?? byRegister;
  const slopeWPerS =
    byGauge === null ? 0 : (((byGauge.lastW ?? 0) - (byGauge.firstW ?? 0)) * 1000) / Math.max(1, byGauge.goodMs);
  const stored = storedOf(node, window, samples);
  const available = availableOf(node, window, samples);
  const check = lists === null ? (part?.check ?? undefined) : checkOf(lists.parts);
  // What most nodes are, without the cost of spreading.
  const account: NodeAccount =
    check !== undefined && stored === none && available === none
      ? { forwardWh, reverseWh, meanW, minW, maxW: maximumW, socPct, check, coverage, quality, flags }
      : {
          ...{ forwardWh, reverseWh, meanW, minW, maxW: maximumW, socPct },
          ...stored,
          ...available,
          ...(check === undefined ? none : { check }),
          ...{ coverage, quality, flags },
        };
  return {
    slopeWPerS,
    meters: parts.length < 2 ? noMeters : parts.map((part) => ({ meanW: part.meanW, netWh: part.netWh })),
    account,
  };
};

/** A group without a meter of its own: the sum of its children of the same role. */
export const addChildren = (children: readonly NodeAccount[]): NodeAccount => ({
  forwardWh: sumKnown(children.map((child) => child.forwardWh)),
  reverseWh: sumKnown(children.map((child) => child.reverseWh)),
  meanW: sumKnown(children.map((child) => child.meanW)),
  // Extremes of the parts do not meet at one moment, so a group has none.
  minW: null,
  maxW: null,
  socPct: null,
  coverage: children.length === 0 ? 0 : Math.min(...children.map((child) => child.coverage)),
  quality: children.length === 0 ? "INVALID" : worstQuality(children.map((child) => child.quality)),
  flags: [...new Set(children.flatMap((child) => child.flags))],
});
