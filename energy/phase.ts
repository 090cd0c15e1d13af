const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

type Three = readonly [number, number, number];

/** Voltage unbalance by NEMA MG-1 from line-to-line voltages, per cent: the largest deviation over the mean. */
export const nemaUnbalance = (voltages: Three): number | null => {
  const average = mean(voltages);
  if (!(average > 0)) return null;
  return (100 * Math.max(...voltages.map((voltage) => Math.abs(voltage - average)))) / average;
};

/** Negative over positive sequence from line-to-line magnitudes, per cent (IEC 61000-4-30). Null for no triangle. */
export const sequenceUnbalance = (voltages: Three): number | null => {
  const squares = voltages.reduce((sum, voltage) => sum + voltage ** 2, 0);
  if (!(squares > 0)) return null;
  const beta = voltages.reduce((sum, voltage) => sum + voltage ** 4, 0) / squares ** 2;
  const inner = 3 - 6 * beta;
  // Equal voltages make exactly one; the last bit may make it more.
  const root = Math.sqrt(Math.min(1, inner));
  return inner < 0 ? null : 100 * Math.sqrt((1 - root) / (1 + root));
};

/** Power factor of a bill from its two energies; never the mean of power factors. */
export const billingPowerFactor = (activeKwh: number, reactiveKvarh: number): number | null => {
  const apparent = Math.hypot(activeKwh, reactiveKvarh);
  return apparent > 0 ? activeKwh / apparent : null;
};

/** How full the units that remain are when the largest one fails: Σ load / (Σ rating − largest rating). */
export const failoverLoading = (load: number, ratings: readonly number[]): number | null => {
  const left = ratings.reduce((sum, rating) => sum + rating, 0) - Math.max(0, ...ratings);
  return left > 0 ? load / left : null;
};
