import type { Ledger, Reading, Readings, Timestamp } from "#store";
import { suspectOf } from "./closure.ts";
import { type Commissioning, commission, type KpiNodes } from "./commission.ts";
import { findKpi } from "./kpi/index.ts";
import { variantsOf } from "./kpi/inputs.ts";
import type { SiteModel } from "./model.ts";
import { queryKpis, readAccounts } from "./query.ts";
import { modelAt, versionsOf } from "./validity.ts";

// An hour shows the rhythm, the direction and the ratio of a meter; slow ones are given more.
const leastMs = 3_600_000;
const leastReadings = 30;
const mostReadings = 500;
const suspectMs = 4 * 3_600_000;

const nodesUnder =
  (model: SiteModel): KpiNodes =>
  (kpi, variant) => {
    const entry = findKpi(kpi);
    const found = entry === undefined ? undefined : variantsOf(entry, model).find(({ id }) => id === (variant ?? ""));
    return found === undefined ? [] : [...found.numerator, ...found.denominator];
  };

/** The commissioning report of a site over a window, from what is stored. */
export const commissionSite = async (
  deps: { readonly readings: Readings; readonly ledger: Ledger },
  site: SiteModel,
  window: { readonly from: number; readonly to: number },
): Promise<Commissioning> => {
  const model = modelAt(site, window.to - 1);
  const devices = new Map<string, number>();
  for (const { device, intervalMs, estimate } of model.nodes.flatMap((node) => node.points))
    if (estimate === undefined) devices.set(device, Math.max(devices.get(device) ?? 0, intervalMs));
  const newest = await deps.readings.latest({ site: model.id, devices: [...devices.keys()] });
  const readings = new Map<string, readonly Reading[]>();
  for (const { device, ts } of newest) {
    // What a device said last within the window, also when others went on.
    const to = Math.min(window.to, ts + 1);
    const reach = Math.max(leastMs, leastReadings * (devices.get(device) ?? 0));
    const from = Math.max(window.from, to - reach);
    if (to <= from) continue;
    const query = { site: model.id, device, from: from as Timestamp, to: to as Timestamp, limit: 10_000 };
    const page = await deps.readings.read(query);
    readings.set(device, page.items.slice(-mostReadings));
  }
  const kpis = await queryKpis(deps.ledger, model, { from: window.from, to: window.to });
  // A fault that was put right this morning is no evidence this evening.
  const since = Math.max(window.from, window.to - suspectMs);
  const quarters = await readAccounts(deps.ledger, model.id, "15m", since, window.to);
  return commission(model, window, {
    ...{ readings, kpis, nodesOf: nodesUnder(model), suspect: suspectOf(model, quarters) },
    models: versionsOf(site).map(({ revision, validFrom }) => ({ revision, validFrom: validFrom ?? null })),
  });
};
