import type { Totals } from "../account.ts";
import type { SiteModel, Text } from "../model.ts";
import { inKilo, type KpiEntry } from "./entry.ts";
import { facilityNodes, itNodes, loadNodes } from "./pue.ts";

type EnergyTotal = Exclude<keyof Totals, "work" | "storedWh" | "media" | "idle" | "servers" | "batteries" | "periods">;

const total = (
  id: string,
  name: Text,
  formula: string,
  key: EnergyTotal,
  nodes: (model: SiteModel) => readonly string[],
): KpiEntry => ({
  id,
  name,
  formula,
  unit: "kWh",
  numUnit: "kWh",
  denUnit: "",
  boundary: "site",
  range: { min: null, max: null },
  standard: "sum of metered energy",
  window: "any, as stated",
  results: "one",
  variants: (model) => [{ id: "", numerator: nodes(model), denominator: [], factors: [nodes(model)] }],
  terms: ({ totals }) => ({ energy: inKilo(totals[key]) }),
  ratio: (sums) => ({ numerator: sums.energy ?? 0, denominator: null }),
});

const cost: KpiEntry = {
  id: "cost",
  window: "billing month; shown by day",
  name: { en: "Energy cost", "zh-CN": "电费" },
  formula: "Σ import × price − export × its price",
  unit: "currency",
  numUnit: "currency",
  denUnit: "",
  boundary: "grid connections",
  range: { min: null, max: null },
  standard: "the site's tariff",
  results: "one",
  factor: "tariff",
  variants: (model) => [
    {
      id: "",
      unit: model.currency,
      numUnit: model.currency,
      numerator: model.nodes.filter((node) => node.kind === "grid").map((node) => node.id),
      denominator: [],
    },
  ],
  terms: ({ totals }) => ({ cost: totals.cost }),
  ratio: (sums) => ({ numerator: sums.cost ?? 0, denominator: null }),
};

export const totalEntries: readonly KpiEntry[] = [
  total(
    "facility_energy",
    { en: "Data-centre energy", "zh-CN": "数据中心总用电量" },
    "E_DC, as in PUE, with storage as it is metered",
    "facilityWh",
    facilityNodes,
  ),
  total("it_energy", { en: "IT energy", "zh-CN": "IT 设备用电量" }, "Σ IT nodes", "itWh", itNodes),
  total(
    "load_energy",
    { en: "Load energy", "zh-CN": "负荷用电量" },
    "Σ IT + cooling + losses + other",
    "loadWh",
    loadNodes,
  ),
  cost,
];
