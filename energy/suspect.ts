// Which meter would close an open balance if it showed the truth (kpi.md R01, R02).

/** What a meter shows over what it should, by the fault that does it (kpi.md R02). */
export const signatures = {
  REVERSED: -1,
  THOUSANDFOLD: 1000,
  THOUSANDTH: 0.001,
  TENFOLD: 10,
  TENTH: 0.1,
  THREEFOLD: 3,
  THIRD: 1 / 3,
  ROOT_THREE: Math.sqrt(3),
  ROOT_THIRD: 1 / Math.sqrt(3),
} as const;
export type Signature = keyof typeof signatures;
/** Faults that are looked for in a meter: see `signatures` for the factor of each. */
export const signatureNames = Object.keys(signatures) as readonly Signature[];

// R02: a ratio is a signature when it is within 3 % of it.
const likeness = 0.03;

/** The fault that a ratio of two figures of one meter, which should be 1, looks like; null for none. */
export const ratioSignature = (ratio: number): Signature | null =>
  signatureNames.find((name) => Math.abs(ratio / signatures[name] - 1) <= likeness) ?? null;

/** One counted meter over one interval. */
export interface MeterSeen {
  readonly node: string;
  readonly point: string;
  readonly device: string;
  /** +1 when its node supplies, −1 when it consumes. */
  readonly side: 1 | -1;
  /** As it counts in its node (kpi.md §1.2), W. */
  readonly powerW: number;
  /** Class limit of meter and transformer at this load, per cent. */
  readonly limitPct: number;
  readonly ratingW: number;
  /** What a healthy meter here can show: loads and generators never run backwards. */
  readonly bothWays: boolean;
}

/** A balance over one interval. */
export interface Closure {
  readonly meters: readonly MeterSeen[];
  readonly residualW: number;
  /** Standard uncertainty u of the residual. */
  readonly uncertaintyW: number;
  /** What the residual may be whatever u is: 0.5 % of the bus rating, 2 kW. */
  readonly floorW: number;
}

/** The meter that explains an open balance, with the evidence. */
export interface Suspect {
  readonly node: string;
  /** Code and device of the measuring point. */
  readonly point: string;
  readonly device: string;
  readonly signature: Signature;
  /** What the meter shows over what it should. */
  readonly factor: number;
  /** Which of its figures are wrong: gauge, register or both. */
  readonly measure: "power" | "energy" | "both";
  /** Mean residual as it is, and as it would be with this meter corrected. */
  readonly residualW: number;
  readonly correctedW: number;
  /** Mean tolerance of the corrected residual. */
  readonly toleranceW: number;
  /** Intervals in which the balance was open, and of those how many the correction closes. */
  readonly open: number;
  readonly closed: number;
  /** Devices that would explain it nearly as well. */
  readonly rivals: readonly string[];
}

interface Candidate extends Omit<Suspect, "measure" | "rivals"> {
  readonly cost: number;
}

// Ninety per cent of the open intervals: one of ten may hold a switching of its own.
const leastClosed = 0.9;
// Twice the logarithm of a likelihood ratio of about twenty.
const clearly = 6;
// Beyond this a name would be a guess.
const mostRivals = 3;
// Scatter below this part of u is rounding.
const scatterFloor = 0.02;
const headroom = 1.1;

const tolerance = (uncertaintyW: number, floorW: number): number => Math.max(3 * uncertaintyW, floorW);

const isOpen = ({ residualW, uncertaintyW, floorW }: Closure): boolean =>
  Math.abs(residualW) > tolerance(uncertaintyW, floorW);

/** Whether a healthy meter of this kind can show this much. */
const plausible = (meter: MeterSeen, powerW: number, marginW: number): boolean =>
  Math.abs(powerW) <= headroom * meter.ratingW + marginW && (meter.bothWays || powerW >= -marginW);

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

/** Twice the negative logarithm of a likelihood: scatter of unknown size around a mean that u allows. */
const costOf = (residuals: readonly number[], uncertaintyW: number, freeMean: boolean): number => {
  const centre = mean(residuals);
  const scatter = residuals.reduce((sum, value) => sum + (value - centre) ** 2, 0) / residuals.length;
  const floor = (scatterFloor * uncertaintyW) ** 2;
  return (residuals.length - 1) * Math.log(scatter + floor) + (freeMean ? clearly : (centre / uncertaintyW) ** 2);
};

const candidateOf = (closures: readonly Closure[], index: number, signature: Signature): Candidate | null => {
  const factor = signatures[signature];
  const residuals: number[] = [];
  const uncertainties: number[] = [];
  const tolerances: number[] = [];
  let open = 0;
  let closed = 0;
  let strange = 0;
  for (const closure of closures) {
    const meter = closure.meters[index];
    if (meter === undefined) return null;
    const truthW = meter.powerW / factor;
    const share = meter.limitPct / 100;
    const variance = closure.uncertaintyW ** 2 + (share ** 2 * (truthW ** 2 - meter.powerW ** 2)) / 3;
    const uncertaintyW = Math.sqrt(Math.max(variance, (share * truthW) ** 2 / 3, 1));
    const toleranceW = tolerance(uncertaintyW, closure.floorW);
    if (!plausible(meter, truthW, Math.max(3 * uncertaintyW, 0.02 * meter.ratingW))) return null;
    const residualW = closure.residualW + meter.side * (truthW - meter.powerW);
    const closes = Math.abs(residualW) <= toleranceW;
    // A correction that opens what was closed corrects nothing.
    if (!isOpen(closure) && !closes) return null;
    if (isOpen(closure)) {
      open++;
      if (closes) closed++;
    }
    if (!plausible(meter, meter.powerW, 0.02 * meter.ratingW)) strange++;
    residuals.push(residualW);
    uncertainties.push(uncertaintyW);
    tolerances.push(toleranceW);
  }
  const first = closures[0]?.meters[index];
  if (first === undefined || open === 0 || closed < leastClosed * open) return null;
  const { node, point, device } = first;
  return {
    ...{ node, point, device, signature, factor, open, closed },
    residualW: mean(closures.map((closure) => closure.residualW)),
    correctedW: mean(residuals),
    toleranceW: mean(tolerances),
    // What no healthy meter shows is evidence of its own.
    cost: costOf(residuals, mean(uncertainties), false) - (strange > closures.length / 2 ? 2 * clearly : 0),
  };
};

/**
 * The meter that closes the balance when its figure is corrected by one of the signatures; null when the balance is
 * closed, when nothing or a constant unmetered load explains it as well, or when too many meters would. All closures
 * must list the same meters in the same order.
 */
export const findSuspect = (closures: readonly Closure[]): Omit<Suspect, "measure"> | null => {
  const count = closures[0]?.meters.length ?? 0;
  if (!closures.some(isOpen)) return null;
  const candidates: Candidate[] = [];
  for (let index = 0; index < count; index++) {
    const own = signatureNames
      .map((signature) => candidateOf(closures, index, signature))
      .filter((candidate) => candidate !== null)
      .sort((a, b) => a.cost - b.cost);
    if (own[0] !== undefined) candidates.push(own[0]);
  }
  candidates.sort((a, b) => a.cost - b.cost);
  const best = candidates[0];
  if (best === undefined) return null;
  const residuals = closures.map((closure) => closure.residualW);
  const nothing = costOf(residuals, mean(closures.map((closure) => closure.uncertaintyW)), true);
  if (closures.length > 1 && nothing <= best.cost) return null;
  const rivals = candidates.slice(1).filter(({ cost }) => cost < best.cost + clearly);
  if (rivals.length > mostRivals) return null;
  const { cost: _cost, ...named } = best;
  return { ...named, rivals: rivals.map(({ device }) => device) };
};
