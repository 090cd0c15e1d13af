import type { Account } from "../account.ts";
import type { Medium, MediumUse } from "../declared.ts";
import type { SiteModel } from "../model.ts";
import { sampleKey, sumKnown } from "../node-account.ts";

const codes: Readonly<Record<MediumUse, string>> = {
  heat_reused: "MP.HEAT.OUT",
  heat_removed: "MP.HEAT.REMOVED",
  water_in: "MP.WATER.IN",
  water_potable: "MP.WATER.POT",
  water_fresh: "MP.WATER.FRE",
  reactive_import: "MP.PCC.IMP (kvarh)",
  reactive_export: "MP.PCC.EXP (kvarh)",
  fuel: "MP.GEN (fuel)",
};

export const mediaFor = (model: SiteModel, use: MediumUse): readonly Medium[] =>
  (model.declared?.media ?? []).filter((medium) => medium.use === use);

/** What the registers of a use counted together, in their unit; null when one of them is unknown or none is declared. */
export const mediumSum = ({ totals }: Account, model: SiteModel, use: MediumUse): number | null =>
  sumKnown(
    mediaFor(model, use).map(({ device, quantity }) => {
      const key = sampleKey(device, quantity);
      return totals.media !== undefined && Object.hasOwn(totals.media, key) ? (totals.media[key] ?? null) : null;
    }),
  );

/** Says which point a site would need. */
export const lacksMedium = (model: SiteModel, use: MediumUse): readonly string[] =>
  mediaFor(model, use).length > 0 ? [] : [`POINT_MISSING:${codes[use]}`];

/** Says which declared registers were silent. */
export const silentMedium =
  (use: MediumUse) =>
  ({ totals }: Account): readonly string[] =>
    Object.entries(totals.media ?? {})
      .filter(([, amount]) => amount === null)
      .map(([key]) => `MISSING:${key} (${codes[use]})`);
