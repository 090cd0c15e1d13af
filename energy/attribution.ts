/** What may move an efficiency between two periods. */
export const drivers = [
  "it_load",
  "weather",
  "cooling",
  "power_chain",
  "other_load",
  "storage",
  "supply_mix",
  "compute",
  "metering",
] as const;
export type Driver = (typeof drivers)[number];

/**
 * Shares a change out over its drivers by their Shapley values: the mean effect of each over all orders in which they
 * may have changed. Order-free, without a remainder: the parts add up to the change (Shapley 1953; for decomposition
 * Albrecht, François and Schoors, Energy Policy 30 (2002) 727–736). `value` takes which drivers have moved, as bits.
 */
export const shapley = (count: number, value: (moved: number) => number): readonly number[] => {
  const all = 1 << count;
  const values = Array.from({ length: all }, (_, moved) => value(moved));
  // |S|! (n − |S| − 1)! / n!, by the size of S.
  const weights = Array.from({ length: count }, (_, size) => {
    let ways = 1;
    for (let k = 0; k < size; k++) ways = (ways * (count - 1 - k)) / (k + 1);
    return 1 / (count * ways);
  });
  const sizeOf = (moved: number): number => {
    let size = 0;
    for (let rest = moved; rest > 0; rest >>= 1) size += rest & 1;
    return size;
  };
  const parts = Array.from({ length: count }, (_, driver) => {
    let part = 0;
    for (let moved = 0; moved < all; moved++) {
      if ((moved >> driver) & 1) continue;
      part += (weights[sizeOf(moved)] ?? 0) * ((values[moved | (1 << driver)] ?? 0) - (values[moved] ?? 0));
    }
    return part;
  });
  return exact(parts, (values[all - 1] ?? 0) - (values[0] ?? 0));
};

/** Puts the last bits that adding lost into the largest part, so that the parts sum to the change. */
const exact = (parts: readonly number[], change: number): readonly number[] => {
  const largest = parts.reduce((best, part, index) => (Math.abs(part) > Math.abs(parts[best] ?? 0) ? index : best), 0);
  const sum = parts.reduce((total, part) => total + part, 0);
  return parts.map((part, index) => (index === largest ? part + (change - sum) : part));
};

/** One hour of a period: mean powers in kW, and the outdoor temperature where it is known. */
export interface HourPower {
  readonly itKw: number;
  readonly coolingKw: number;
  readonly lossKw: number;
  readonly outdoorC: number | null;
}

/** kW = base + perIt × IT + perKelvin × mean of max(0, T − threshold). */
export interface LoadModel {
  readonly base: number;
  readonly perIt: number;
  readonly perKelvin: number;
  readonly thresholdC: number;
}

/** Ordinary least squares by the normal equations; null where the rows do not decide. */
const leastSquares = (rows: readonly (readonly number[])[], wanted: readonly number[]): readonly number[] | null => {
  const width = rows[0]?.length ?? 0;
  const matrix = Array.from({ length: width }, (_, i) =>
    Array.from({ length: width + 1 }, (_, j) =>
      rows.reduce((sum, row, at) => sum + (row[i] ?? 0) * (j < width ? (row[j] ?? 0) : (wanted[at] ?? 0)), 0),
    ),
  );
  for (let pivot = 0; pivot < width; pivot++) {
    let best = pivot;
    for (let row = pivot + 1; row < width; row++)
      if (Math.abs(matrix[row]?.[pivot] ?? 0) > Math.abs(matrix[best]?.[pivot] ?? 0)) best = row;
    const top = matrix[best];
    const own = matrix[pivot];
    if (top === undefined || own === undefined) return null;
    [matrix[pivot], matrix[best]] = [top, own];
    const scale = top[pivot] ?? 0;
    const size = rows.reduce((sum, row) => sum + (row[pivot] ?? 0) ** 2, 0);
    if (!(Math.abs(scale) > 1e-9 * size)) return null;
    for (let row = 0; row < width; row++) {
      const line = matrix[row];
      if (row === pivot || line === undefined) continue;
      const factor = (line[pivot] ?? 0) / scale;
      for (let column = pivot; column <= width; column++)
        line[column] = (line[column] ?? 0) - factor * (top[column] ?? 0);
    }
  }
  return matrix.map((line, index) => (line[width] ?? 0) / (line[index] ?? 1));
};

const errorOf = (rows: readonly (readonly number[])[], wanted: readonly number[], found: readonly number[]): number =>
  rows.reduce(
    (sum, row, at) => sum + (row.reduce((dot, x, index) => dot + x * (found[index] ?? 0), 0) - (wanted[at] ?? 0)) ** 2,
    0,
  );

// A day of hours is the least that shows both load and weather.
const leastHours = 24;
const thresholds = Array.from({ length: 26 }, (_, step) => step);

/** How a load went with IT load (and weather) over a period; null when its hours do not tell (kpi.md R27's model). */
export const fitLoad = (
  hours: readonly HourPower[],
  load: (hour: HourPower) => number,
  weather: "with" | "without",
): LoadModel | null => {
  if (hours.length < leastHours) return null;
  const wanted = hours.map(load);
  let best: { readonly model: LoadModel; readonly error: number } | null = null;
  for (const thresholdC of weather === "with" ? thresholds : [0]) {
    const rows = hours.map(({ itKw, outdoorC }) =>
      weather === "with" ? [1, itKw, Math.max(0, (outdoorC ?? 0) - thresholdC)] : [1, itKw],
    );
    const found = leastSquares(rows, wanted);
    if (found === null) continue;
    const [base = 0, perIt = 0, perKelvin = 0] = found;
    // A fit by which more load or warmth needs less energy has found something else.
    if (perIt < 0 || perKelvin < 0) continue;
    const error = errorOf(rows, wanted, found);
    if (best === null || error < best.error) best = { model: { base, perIt, perKelvin, thresholdC }, error };
  }
  return best?.model ?? null;
};

const warmth = (hours: readonly HourPower[], thresholdC: number): number =>
  hours.length === 0
    ? 0
    : hours.reduce((sum, { outdoorC }) => sum + Math.max(0, (outdoorC ?? 0) - thresholdC), 0) / hours.length;

/** Mean powers of a period in kW; together they are E_DC of its PUE. */
export interface Period {
  readonly itKw: number;
  readonly coolingKw: number;
  readonly lossKw: number;
  readonly otherKw: number;
  readonly storedKw: number;
  readonly unmeteredKw: number;
  readonly hours: readonly HourPower[];
  /** Carbon per energy that came in, and energy that came in per E_DC; both 1 where carbon is not asked for. */
  readonly mix: number;
  readonly supply: number;
  /** Work per IT energy; 1 where work is not asked for. */
  readonly work: number;
}

export type Measure = "pue" | "cue" | "compute";

export interface Part {
  readonly driver: Driver;
  readonly value: number;
}

export interface Attributed {
  readonly parts: readonly Part[];
  readonly flags: readonly string[];
}

const known = (hours: readonly HourPower[]): readonly HourPower[] => hours.filter(({ outdoorC }) => outdoorC !== null);

/**
 * The change of a PUE, of a CUE (mix × supply × PUE) or of a compute per energy (work / PUE) as parts by driver. What
 * cooling and the power chain needed for more IT load or warmer weather, by their own behaviour in the period before,
 * counts as IT load and weather; the rest of their change is theirs.
 */
export const attribute = (measure: Measure, before: Period, after: Period): Attributed => {
  const flags: string[] = [];
  const sees = known(before.hours).length >= leastHours && known(after.hours).length > 0;
  if (!sees) flags.push("WEATHER_UNKNOWN");
  const cooling =
    (sees ? fitLoad(known(before.hours), ({ coolingKw }) => coolingKw, "with") : null) ??
    fitLoad(before.hours, ({ coolingKw }) => coolingKw, "without");
  const chain = fitLoad(before.hours, ({ lossKw }) => lossKw, "without");
  if (cooling === null) flags.push("ASSUMED:cooling_proportional_to_it");
  if (chain === null) flags.push("ASSUMED:losses_proportional_to_it");
  const proportional: LoadModel = { base: 0, perIt: 1, perKelvin: 0, thresholdC: 0 };
  const expected = (model: LoadModel | null, itKw: number, kelvin: number): number => {
    const { base, perIt, perKelvin } = model ?? proportional;
    return base + perIt * itKw + perKelvin * kelvin;
  };
  const kelvinOf = ({ hours }: Period): number => (sees ? warmth(known(hours), cooling?.thresholdC ?? 0) : 0);
  const state = (period: Period) => {
    const kelvin = kelvinOf(period);
    const [cool, lost] = [expected(cooling, period.itKw, kelvin), expected(chain, period.itKw, 0)];
    return {
      ...{ it: period.itKw, kelvin, other: period.otherKw, stored: period.storedKw, unmetered: period.unmeteredKw },
      // Where the model expects nothing, the load stands as an addition of its own.
      coolingTimes: cool > 0 ? period.coolingKw / cool : 1,
      coolingPlus: cool > 0 ? 0 : period.coolingKw - cool,
      chainTimes: lost > 0 ? period.lossKw / lost : 1,
      chainPlus: lost > 0 ? 0 : period.lossKw - lost,
      ...{ mix: period.mix, supply: period.supply, work: period.work },
    };
  };
  const [old, now] = [state(before), state(after)];
  const used: readonly Driver[] = drivers.filter(
    (driver) =>
      (driver !== "supply_mix" || measure === "cue") &&
      (driver !== "compute" || measure === "compute") &&
      (driver !== "weather" || sees),
  );
  const value = (moved: number): number => {
    const at = (driver: Driver) => ((moved >> used.indexOf(driver)) & 1 && used.includes(driver) ? now : old);
    const it = at("it_load").it;
    const cool = at("cooling");
    const lost = at("power_chain");
    const coolingKw = cool.coolingTimes * expected(cooling, it, at("weather").kelvin) + cool.coolingPlus;
    const lossKw = lost.chainTimes * expected(chain, it, 0) + lost.chainPlus;
    const overhead = coolingKw + lossKw + at("other_load").other + at("storage").stored + at("metering").unmetered;
    const pue = 1 + overhead / it;
    if (measure === "pue") return pue;
    return measure === "cue" ? at("supply_mix").mix * at("storage").supply * pue : at("compute").work / pue;
  };
  const shares = shapley(used.length, value);
  return { parts: used.map((driver, index) => ({ driver, value: shares[index] ?? 0 })), flags };
};
