import { certified, givenAway } from "../certificate.ts";
import { inKilo, type KpiEntry, type Scope } from "./entry.ts";
import { shares, sources } from "./green.ts";
import { facilityEnergy, facilityNodes, facilityTerms } from "./pue.ts";

const assumption = ({ model }: Scope): readonly string[] =>
  (model.declared?.certificates ?? []).some(({ kind }) => kind === "on_site")
    ? []
    : ["ASSUMED:on_site_certificates_retained"];

/** On-site energy whose attributes the site kept, with what contracts and certificates add, each counted once. */
const renewable = (generated: number, scope: Scope) => {
  const { model, window } = scope;
  const onSite = generated - givenAway(model, window);
  const contracted = certified(model, ["ppa", "green_trade"], window);
  const bought = certified(model, ["goo", "gec"], window);
  return {
    kwh: onSite + contracted.kwh + bought.kwh,
    flags: [...contracted.flags, ...bought.flags, ...(generated > 0 ? assumption(scope) : [])],
  };
};

const one = { results: "one", unit: "1", numUnit: "kWh", denUnit: "kWh", better: "higher" } as const;

// kpi.md §2.4: the wording of 2024 counts what is generated within the boundary, exported or not.
const ref: KpiEntry = {
  ...one,
  id: "ref",
  name: { en: "Renewable energy factor", "zh-CN": "可再生能源因子 REF" },
  formula:
    "(E_RES-OS + E_RES-PPA + E_RES-GOO) / E_DC; on-site less certificates sold; certificates cancelled for the site only",
  boundary: "data centre; on-site generation within the boundary",
  range: { min: 0, max: 1 },
  standard: "ISO/IEC 30134-3:2016 (aligned), (EU) 2024/1364 Annex III(d)",
  window: "calendar year; shown by month and year to date",
  variants: (model) => [{ id: "", numerator: sources(model), denominator: facilityNodes(model) }],
  terms: (account, model) => ({
    generated: inKilo(account.totals.renewableWh),
    ...facilityTerms(account, model),
  }),
  ratio: (sums, windowMs, scope) => {
    const { kwh, flags } = renewable(sums.generated ?? 0, scope);
    return { numerator: kwh, denominator: facilityEnergy(sums, windowMs), flags };
  },
};

// kpi.md §5.3: green-power trade carries its certificate, which is not added again.
const greenShare: KpiEntry = {
  ...one,
  id: "green_share",
  name: { en: "Green power share with certificates", "zh-CN": "绿电占比（含绿证）" },
  formula:
    "(green-power trade + certificates not bundled with it + on-site energy used with its attributes) / total consumption",
  boundary: "site load by the supply meters",
  range: { min: 0, max: 1 },
  standard: "发改办能源〔2025〕669号 (aligned)",
  window: "calendar year; shown by month and year to date",
  variants: (model) => [{ id: "", numerator: sources(model), denominator: sources(model) }],
  terms: ({ totals }) => {
    const { generated = null, exported = null, load = null } = shares(totals);
    return { used: generated === null || exported === null ? null : generated - exported, load };
  },
  ratio: (sums, _windowMs, scope) => {
    const { kwh, flags } = renewable(sums.used ?? 0, scope);
    return { numerator: kwh, denominator: sums.load ?? 0, flags };
  },
};

export const certifiedEntries: readonly KpiEntry[] = [ref, greenShare];
