// Compute and size of a data centre as it is rated, not as it runs (kpi.md §3).

/** One load level of a benchmark run, active idle too. */
export interface BenchmarkLevel {
  readonly operations: number;
  readonly powerW: number;
}

/** SPECpower's overall figure: the sum of operations over the sum of powers of all levels, idle included. */
export const benchmarkEfficiency = (levels: readonly BenchmarkLevel[]): number | null => {
  let operations = 0;
  let watts = 0;
  for (const level of levels) {
    operations += level.operations;
    watts += level.powerW;
  }
  return watts > 0 ? operations / watts : null;
};

/** 算效 CE in GFLOPS/W: compute at one precision, never a sum over precisions, over IT power. */
export const computeEfficiency = (gigaflops: number, itW: number): number | null => (itW > 0 ? gigaflops / itW : null);

/** Compute that an efficiency amounts to at a power: MFLOPS/W × kW = GFLOPS. */
export const computeAt = (megaflopsPerW: number, powerKw: number): number => megaflopsPerW * powerKw;

// 发改高技〔2025〕320号, annex 1: a standard rack (标准机架) is 2.5 kW of design IT power.
const standardRackKw = 2.5;

export const standardRacks = (groups: readonly { readonly count: number; readonly ratedKw: number }[]): number =>
  groups.reduce((sum, { count, ratedKw }) => sum + count * ratedKw, 0) / standardRackKw;

// GB/T 2589: 1.229 t of coal equivalent per 10,000 kWh, by the energy of the electricity (当量值).
const coalTonnesPerKwh = 1.229e-4;

export const coalEquivalent = (kwh: number): number => kwh * coalTonnesPerKwh;

/** Compute delivered in GFLOP by a peak in GFLOPS at full use for so many hours: peak × hours × utilisation (kpi.md §3.4). */
export const deliveredGflop = (peakGflops: number, fullUseHours: number): number => peakGflops * fullUseHours * 3600;
