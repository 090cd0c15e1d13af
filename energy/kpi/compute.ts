import type { Account } from "../account.ts";
import type { ComputeTerms, SiteModel } from "../model.ts";
import { sampleKey } from "../node-account.ts";
import { inKilo, type KpiEntry, type Variant } from "./entry.ts";
import { facilityEnergy, facilityNodes, facilityTerms, itNodes } from "./pue.ts";

/** kpi.md §3: a figure of compute always says at which precision. */
const precisionOf = (model: SiteModel, key: string): readonly string[] => {
  const precision = model.compute?.work.find((item) => sampleKey(item.device, item.quantity) === key)?.precision;
  if (precision === undefined) return [];
  return [precision === "UNKNOWN_PRECISION" ? precision : `PRECISION:${precision}`];
};

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
  better: "higher",
  window: "at least twenty times the time of a task; day and week",
  missing: (model) => undeclared(model),
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
  ratio: (sums, windowMs, { model, variant: { id } }) => {
    const work = sums.work ?? 0;
    const energy = sums.energy ?? 0;
    const it = sums.it;
    const flags = precisionOf(model, id.slice(0, id.lastIndexOf(":")));
    if (it === undefined) return { numerator: work, denominator: energy, flags };
    return it > 0 ? { numerator: work, denominator: (energy * facilityEnergy(sums, windowMs)) / it, flags } : null;
  },
};

const workOf = ({ totals }: Account, key: string) => (Object.hasOwn(totals.work, key) ? totals.work[key] : undefined);

type WorkItem = ComputeTerms["work"][number];
const perWork = (model: SiteModel, of: (item: WorkItem) => Variant): readonly Variant[] =>
  (model.compute?.work ?? []).map(of);
const undeclared = (model: SiteModel): readonly string[] =>
  (model.compute?.work ?? []).length > 0 ? [] : ["DECLARATION_MISSING:compute.work"];
const keyOf = ({ device, quantity }: WorkItem): string => sampleKey(device, quantity);

/** The node's part of what the whole data centre emitted or paid, by its share of IT energy in the same minute. */
const shareOf = (account: Account, key: string, whole: number | null): number | null => {
  const energyWh = workOf(account, key)?.energyWh ?? null;
  const { itWh } = account.totals;
  if (energyWh === null || itWh === null || whole === null) return null;
  if (itWh > 0) return (whole * energyWh) / itWh;
  return energyWh === 0 ? 0 : null;
};

const perShare = (
  id: string,
  name: KpiEntry["name"],
  formula: string,
  factor: "carbon" | "tariff",
  unitOf: (model: SiteModel) => string,
  wholeOf: (totals: Account["totals"]) => number | null,
): KpiEntry => ({
  id,
  name,
  formula,
  unit: "work/unit",
  numUnit: "work",
  denUnit: "unit",
  boundary: "node that did the work with its share of the data centre, by IT energy of the same minutes",
  range: { min: 0, max: null },
  standard: "own definition, declared work",
  window: "day and week; at least twenty times the time of a task",
  better: "higher",
  results: "many",
  denominatorOf: "device",
  factor,
  missing: undeclared,
  variants: (model) =>
    perWork(model, (item) => ({
      id: keyOf(item),
      unit: `${item.unit}/${unitOf(model)}`,
      numUnit: item.unit,
      denUnit: unitOf(model),
      numerator: [],
      denominator: [item.node, ...itNodes(model)],
    })),
  terms: (account, _model, { id: key }) => ({
    work: workOf(account, key)?.amount ?? null,
    share: shareOf(account, key, wholeOf(account.totals)),
  }),
  ratio: (sums, _windowMs, { model, variant }) => ({
    numerator: sums.work ?? 0,
    denominator: sums.share ?? 0,
    flags: precisionOf(model, variant.id),
  }),
});

// kpi.md §2.12: only comparable with itself; work that did not complete is not declared work.
const dcep: KpiEntry = {
  id: "dcep",
  name: { en: "Data centre energy productivity", "zh-CN": "数据中心能源生产率 DCeP" },
  formula: "Σ completed declared work of one kind × its value (1) / E_DC",
  unit: "work/kWh",
  numUnit: "work",
  denUnit: "kWh",
  boundary: "whole data centre, whatever else it did",
  range: { min: 0, max: null },
  standard: "The Green Grid DCeP (aligned)",
  window: "at least twenty times the time of a task; day and week",
  better: "higher",
  results: "many",
  missing: undeclared,
  variants: (model) =>
    perWork(model, (item) => ({
      id: keyOf(item),
      unit: `${item.unit}/kWh`,
      numUnit: item.unit,
      numerator: [],
      denominator: facilityNodes(model),
      factors: [facilityNodes(model)],
    })),
  terms: (account, model, { id }) => ({
    work: workOf(account, id)?.amount ?? null,
    ...facilityTerms(account, model),
  }),
  ratio: (sums, windowMs, { model, variant }) => ({
    numerator: sums.work ?? 0,
    denominator: facilityEnergy(sums, windowMs),
    flags: precisionOf(model, variant.id),
  }),
};

export const computeEntries: readonly KpiEntry[] = [
  computePerWatt,
  perShare(
    "compute_per_carbon",
    { en: "Compute per carbon", "zh-CN": "单位碳排放算力" },
    "Σ declared work / Σ CO2e × E_node / E_IT",
    "carbon",
    () => "kgCO2e",
    ({ carbonG }) => inKilo(carbonG),
  ),
  perShare(
    "compute_per_cost",
    { en: "Compute per money", "zh-CN": "单位电费算力" },
    "Σ declared work / Σ energy cost × E_node / E_IT",
    "tariff",
    (model) => model.currency,
    ({ cost }) => cost,
  ),
  dcep,
];
