import { sampleKey } from "../node-account.ts";
import { inKilo, type KpiEntry } from "./entry.ts";
import { facilityEnergy, facilityNodes, facilityTerms, itNodes } from "./pue.ts";

// kpi.md §3.7: work per kWh where it is bought, and the same divided by the PUE of the window.
const computePerWatt: KpiEntry = {
  id: "compute_per_watt",
  name: { en: "Compute per energy", "zh-CN": "每瓦算力" },
  formula: "Σ declared work / Σ E_node (it); divided by PUE of the same minutes (facility)",
  unit: "work/kWh",
  numUnit: "work",
  denUnit: "kWh",
  boundary: "node that did the work (it) or its share of the data centre (facility)",
  range: { min: 0, max: null },
  standard: "The Green Grid DCeP (aligned), declared work",
  results: "many",
  denominatorOf: "device",
  variants: (model) =>
    (model.compute?.work ?? []).flatMap(({ device, quantity, unit, node }) => {
      const units = { unit: `${unit}/kWh`, numUnit: unit };
      const key = sampleKey(device, quantity);
      const facility = facilityNodes(model);
      const it = itNodes(model);
      return [
        { id: `${key}:it`, ...units, numerator: [], denominator: [node], factors: [[node]] },
        {
          id: `${key}:facility`,
          ...units,
          numerator: [],
          denominator: [node, ...facility, ...it],
          factors: [[node], facility, it],
        },
      ];
    }),
  terms: (account, model, { id }) => {
    const at = id.lastIndexOf(":");
    const key = id.slice(0, at);
    const work = Object.hasOwn(account.totals.work, key) ? account.totals.work[key] : undefined;
    const bought = { work: work?.amount ?? null, energy: inKilo(work?.energyWh) };
    if (id.slice(at) === ":it") return bought;
    return { ...bought, ...facilityTerms(account, model), it: inKilo(account.totals.itWh) };
  },
  ratio: (sums, windowMs) => {
    const work = sums.work ?? 0;
    const energy = sums.energy ?? 0;
    const it = sums.it;
    if (it === undefined) return { numerator: work, denominator: energy };
    return it > 0 ? { numerator: work, denominator: (energy * facilityEnergy(sums, windowMs)) / it } : null;
  },
};

export const computeEntries: readonly KpiEntry[] = [computePerWatt];
