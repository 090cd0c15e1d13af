// Which results of the catalogue stand where on the screen.
import type { KpiResult } from "#lib/wire.ts";

type Kpis = Readonly<Record<string, KpiResult>>;

/** The first result of that KPI. */
export const findKpi = (kpis: Kpis | undefined, name: string): KpiResult | null => {
  if (kpis === undefined) return null;
  return Object.hasOwn(kpis, name)
    ? (kpis[name] ?? null)
    : (Object.values(kpis).find((result) => result.kpi === name) ?? null);
};

/** The result of one variant. */
export const findVariant = (kpis: Kpis | undefined, name: string, variant: string): KpiResult | null =>
  Object.values(kpis ?? {}).find((result) => result.kpi === name && result.variant === variant) ?? null;

/** Below this share of measured inputs a result is marked as partial. */
export const partialBelow = 0.995;

/** Length of a result's window in minutes. */
export const windowMinutes = (result: KpiResult): number =>
  Math.round((Date.parse(result.window.end) - Date.parse(result.window.start)) / 60_000);

/** A PUE category as it is published: `cat2` is 2. */
export const categoryOf = (result: KpiResult | null): string => result?.variant?.replace(/^cat/, "") ?? "";

export type WorkBoundary = "it" | "facility";
export const workVariant = (work: { device: string; quantity: string }, boundary: WorkBoundary): string =>
  `${work.device}/${work.quantity}:${boundary}`;
