import { inKilo, type KpiEntry, type Variant } from "./entry.ts";
import { lacksMedium, mediumSum, silentMedium } from "./medium.ts";
import { counted, facilityEnergy, facilityNodes, facilityTerms, itNodes } from "./pue.ts";

const one = { results: "one", numUnit: "kWh", denUnit: "kWh", unit: "1" } as const;
const reuseTerms: KpiEntry["terms"] = (account, model) => ({
  reused: inKilo(mediumSum(account, model, "heat_reused")),
  it: inKilo(account.totals.itWh),
  ...facilityTerms(account, model),
});

const erf: KpiEntry = {
  ...one,
  id: "erf",
  usual: { max: 0.9 },
  name: { en: "Energy reuse factor", "zh-CN": "能源再利用率 ERF" },
  formula: "E_reuse / E_DC; heat at the hand-off, used outside the boundary",
  boundary: "data centre; heat at the hand-off to a third party",
  range: { min: 0, max: 1 },
  standard: "ISO/IEC 30134-6:2021 (aligned)",
  window: "calendar year; shown by day and month",
  better: "higher",
  joint: () => "heat_reuse",
  missing: (model) => lacksMedium(model, "heat_reused"),
  lacks: silentMedium("heat_reused"),
  variants: (model) => [{ id: "", numerator: [], denominator: facilityNodes(model) }],
  terms: reuseTerms,
  ratio: (sums, windowMs) => ({ numerator: sums.reused ?? 0, denominator: facilityEnergy(sums, windowMs) }),
};

// Below one is legal: all energy may be reused elsewhere (kpi.md §2.7).
const ere: KpiEntry = {
  ...one,
  id: "ere",
  name: { en: "Energy reuse effectiveness", "zh-CN": "能源再利用效率 ERE" },
  formula: "(E_DC − E_reuse) / E_IT",
  boundary: "data centre; heat at the hand-off to a third party",
  range: { min: 0, max: null },
  standard: "The Green Grid ERE (aligned)",
  window: "calendar year; shown by month",
  better: "lower",
  joint: () => "heat_reuse",
  missing: (model) => lacksMedium(model, "heat_reused"),
  lacks: silentMedium("heat_reused"),
  variants: (model) => [{ id: "", numerator: facilityNodes(model), denominator: itNodes(model) }],
  terms: reuseTerms,
  ratio: (sums, windowMs) => ({
    numerator: facilityEnergy(sums, windowMs) - (sums.reused ?? 0),
    denominator: sums.it ?? 0,
  }),
};

const cer: KpiEntry = {
  ...one,
  id: "cer",
  usual: { min: 1.5, max: 40 },
  name: { en: "Cooling efficiency ratio", "zh-CN": "制冷效率 CER" },
  formula: "Q_removed / E_cooling; estimated: (E_IT + losses) / E_cooling",
  boundary: "cooling, server fans left out",
  range: { min: 0, max: null },
  standard: "ISO/IEC 30134-7:2023 (aligned)",
  window: "calendar year; shown by day against outdoor temperature",
  better: "higher",
  results: "many",
  missing: (model, { id }) => [
    ...(id === "metered" ? lacksMedium(model, "heat_removed") : []),
    ...(counted(model, (kind) => kind === "cooling").length > 0 ? [] : ["POINT_MISSING:MP.COOL"]),
  ],
  lacks: (account, variant) => (variant.id === "metered" ? silentMedium("heat_removed")(account) : []),
  variants: (model): readonly Variant[] => {
    const cooling = counted(model, (kind) => kind === "cooling");
    const warm = counted(model, (kind) => kind === "it" || kind === "ups" || kind === "power-chain");
    return [
      // Less heat than electricity taken to remove it is a meter's fault, not a chiller's (kpi.md §2.8).
      { id: "metered", range: { min: 1, max: null }, numerator: [], denominator: cooling },
      { id: "estimated", numerator: warm, denominator: cooling, factors: [warm, cooling] },
    ];
  },
  terms: (account, model, { id }) => {
    const { itWh, lossWh, coolingWh } = account.totals;
    const estimate = itWh === null || lossWh === null ? null : itWh + lossWh;
    return {
      heat: inKilo(id === "metered" ? mediumSum(account, model, "heat_removed") : estimate),
      cooling: inKilo(coolingWh),
    };
  },
  ratio: (sums, _windowMs, { variant }) => ({
    numerator: sums.heat ?? 0,
    denominator: sums.cooling ?? 0,
    ...(variant.id === "metered" ? {} : { estimated: true, flags: ["ESTIMATED:heat_removed"] }),
  }),
};

const waters = { in: "water_in", potable: "water_potable", fresh: "water_fresh" } as const;
const waterUse = ({ id }: Variant) => waters[id as keyof typeof waters];

const wue: KpiEntry = {
  id: "wue",
  usual: { max: 10 },
  name: { en: "Water usage effectiveness", "zh-CN": "水资源利用效率 WUE" },
  formula: "W_IN / E_IT; potable and fresh water alone beside it",
  unit: "L/kWh",
  numUnit: "L",
  denUnit: "kWh",
  boundary: "water into the data centre; withdrawal, not consumption",
  range: { min: 0, max: null },
  standard: "ISO/IEC 30134-9:2022 (aligned)",
  window: "calendar year; shown by month, for tanks are topped up in steps",
  better: "lower",
  results: "many",
  missing: (model, variant) => lacksMedium(model, waterUse(variant)),
  lacks: (account, variant) => silentMedium(waterUse(variant))(account),
  variants: (model) => Object.keys(waters).map((id) => ({ id, numerator: [], denominator: itNodes(model) })),
  terms: (account, model, variant) => ({
    water: mediumSum(account, model, waterUse(variant)),
    it: inKilo(account.totals.itWh),
  }),
  ratio: (sums) => ({ numerator: (sums.water ?? 0) * 1000, denominator: sums.it ?? 0 }),
};

// kpi.md §2.10: with the water that its electricity took where it was made.
const { usual: _, ...wueTerms } = wue;

const wueSource: KpiEntry = {
  ...wueTerms,
  id: "wue_source",
  name: { en: "WUE with water of the electricity", "zh-CN": "含电力用水的 WUE（WUE_source）" },
  formula: "WUE + EWIF × PUE = (W_IN + EWIF × E_DC) / E_IT; EWIF as declared",
  boundary: "water into the data centre and into the making of its electricity",
  standard: "The Green Grid WUE_source (aligned)",
  results: "one",
  missing: (model) => [
    ...lacksMedium(model, "water_in"),
    ...(model.declared?.waterIntensity === undefined ? ["DECLARATION_MISSING:water_intensity"] : []),
  ],
  lacks: silentMedium("water_in"),
  variants: (model) => [{ id: "", numerator: facilityNodes(model), denominator: itNodes(model) }],
  terms: (account, model) => ({
    water: mediumSum(account, model, "water_in"),
    it: inKilo(account.totals.itWh),
    ...facilityTerms(account, model),
  }),
  ratio: (sums, windowMs, { model }) => ({
    numerator:
      (sums.water ?? 0) * 1000 + (model.declared?.waterIntensity?.litresPerKwh ?? 0) * facilityEnergy(sums, windowMs),
    denominator: sums.it ?? 0,
  }),
};

export const reuseEntries: readonly KpiEntry[] = [erf, ere, cer, wue, wueSource];
