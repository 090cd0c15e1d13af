// Indicators of ISO/IEC 30134 and The Green Grid over declared or metered sums (kpi.md §2). Nothing is clamped; without
// a denominator a value is null.

const over = (numerator: number, denominator: number): number | null =>
  denominator > 0 && Number.isFinite(numerator) ? numerator / denominator : null;

const sum = (parts: readonly number[]): number => parts.reduce((total, part) => total + part, 0);

/** REF: on-site, contracted and certified renewable energy over E_DC; certificates sold are not counted by the caller. */
export const renewableFactor = (
  renewable: { readonly onSite: number; readonly contracted: number; readonly certified: number },
  facility: number,
): number | null => over(renewable.onSite + renewable.contracted + renewable.certified, facility);

/** ERF: energy reused outside the boundary over E_DC. */
export const reuseFactor = (reused: number, facility: number): number | null => over(reused, facility);

/** ERE = (E_DC − E_reuse) / E_IT; below one is legal. */
export const reuseEffectiveness = (facility: number, reused: number, it: number): number | null =>
  over(facility - reused, it);

/** CER: heat removed over the electricity of cooling, both kWh. */
export const coolingRatio = (removed: number, cooling: number): number | null => over(removed, cooling);

/** CUE: kilograms over kWh of IT; amounts in the units of their factors. */
export const carbonUsage = (
  sources: readonly { readonly amount: number; readonly kgPerUnit: number }[],
  it: number,
): number | null => over(sum(sources.map(({ amount, kgPerUnit }) => amount * kgPerUnit)), it);

/** WUE in L/kWh, which is m³/MWh. */
export const waterUsage = (litres: number, itKwh: number): number | null => over(litres, itKwh);

/** WUE of the site and of what its electricity took (The Green Grid). */
export const sourceWaterUsage = (wue: number, litresPerKwh: number, pue: number): number => wue + litresPerKwh * pue;

/** DCeP: useful work, each task at its declared value, over E_DC. */
export const energyProductivity = (
  tasks: readonly { readonly completed: number; readonly value: number }[],
  facility: number,
): number | null => over(sum(tasks.map(({ completed, value }) => completed * value)), facility);

/** ITEEsv: highest performances over the powers at them, one benchmark and version for all servers. */
export const serverEfficiency = (
  servers: readonly { readonly performance: number; readonly powerW: number }[],
): number | null => over(sum(servers.map(({ performance }) => performance)), sum(servers.map(({ powerW }) => powerW)));

/** ITEUsv at one time: the mean CPU utilisation of all servers in operation, idle ones too, per cent. */
export const serverUtilisation = (utilisationPct: readonly number[]): number | null =>
  over(sum(utilisationPct), utilisationPct.length);

/** DCcE: the mean share of samples in which each server gave its primary service, per cent. */
export const computeUse = (
  servers: readonly { readonly serving: number; readonly samples: number }[],
): number | null => {
  const shares = servers.map(({ serving, samples }) => over(100 * serving, samples));
  const known = shares.filter((share) => share !== null);
  return known.length < shares.length ? null : over(sum(known), known.length);
};
