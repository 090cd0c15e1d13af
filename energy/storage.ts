/**
 * Round-trip efficiency, AC to AC, when the store holds `gained` more at the end than at the start: both ways are taken
 * as equally lossy (kpi.md §7.6). Null without charge, or when the three figures fit no efficiency.
 */
export const roundTripEfficiency = (charge: number, discharge: number, gained: number): number | null => {
  const root = gained ** 2 + 4 * charge * discharge;
  if (!(charge > 0) || root < 0) return null;
  const oneWay = (gained + Math.sqrt(root)) / (2 * charge);
  return oneWay >= 0 ? oneWay ** 2 : null;
};

/** Full cycles that the throughput of a window amounts to. */
export const equivalentCycles = (charge: number, discharge: number, capacity: number): number | null =>
  capacity > 0 ? (charge + discharge) / (2 * capacity) : null;

/**
 * Energy that a battery can still hand over, in the unit of its capacity: above the least state of charge, of the
 * capacity it has left, after the loss of discharge (kpi.md §7.6).
 */
export const usableEnergy = (battery: {
  readonly capacity: number;
  readonly socPct: number;
  readonly leastSocPct: number;
  /** State of health and efficiency of discharge, 0..1. */
  readonly health: number;
  readonly efficiency: number;
}): number =>
  (Math.max(0, battery.socPct - battery.leastSocPct) / 100) * battery.capacity * battery.health * battery.efficiency;
