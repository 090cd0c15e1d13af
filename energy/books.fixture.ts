import type { Ledger, Readings } from "#store";
import { startEnergy } from "./book.ts";
import { energySchema } from "./config.ts";
import type { Energy } from "./energy.ts";
import { keptModel } from "./kept-model.ts";
import type { SiteModel } from "./model.ts";
import { readAccounts } from "./query.ts";
import { readReadings } from "./read-readings.ts";
import { type Recomputed, recomputeAccounts } from "./recompute.ts";
import { parseSite } from "./site.ts";

/** The model of a site file that has no faults. */
export const siteOf = (yaml: string): SiteModel => {
  const parsed = parseSite(yaml, "s.yaml");
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.faults));
  return parsed.site;
};

export interface Stores {
  readonly readings: Readings;
  readonly ledger: Ledger;
}

/** The books of one site; an error of theirs fails the test. `now` stands still unless it is given as a clock. */
export const openBooks = (
  model: SiteModel,
  { readings, ledger }: Stores,
  now: number | (() => number),
): Promise<Energy> =>
  startEnergy(energySchema.parse({}), {
    readings,
    ledger,
    sites: [model],
    publish: () => undefined,
    onError: (error) => {
      throw error;
    },
    now: typeof now === "number" ? () => now : now,
  });

/** The accounts of a window made again from what the stores hold. */
export const madeAgain = (
  model: SiteModel,
  { readings, ledger }: Stores,
  window: { readonly start: number; readonly end: number },
): Promise<Recomputed> =>
  recomputeAccounts(model, window, {
    readRange: (start, end, device) => readReadings(readings, model.id, start, end, device),
    readAccounts: (step, start, end) => readAccounts(ledger, model.id, step, start, end),
    modelOf: (revision) => keptModel(ledger, model.id, revision),
    bridgeMs: 3_600_000,
  });
