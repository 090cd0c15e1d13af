import { billedDemand, loadFactor } from "../demand.ts";
import type { DemandBilling, SiteModel } from "../model.ts";
import { demandPeaks, demandWindowMin } from "../peak.ts";
import { demandPriceAt } from "../tariff.ts";
import { inKilo, type KpiEntry, noRatio, type Scope, type Terms, type Variant } from "./entry.ts";

export const gridNodes = (model: SiteModel): readonly string[] =>
  model.nodes
    .filter((node) => node.kind === "grid" && node.counting === "counted" && node.points.length > 0)
    .map((node) => node.id);

const imported = ({
  totals,
  start,
  end,
}: {
  totals: { importWh: number | null };
  start: number;
  end: number;
}): Terms => ({
  energy: inKilo(totals.importWh),
  hours: (end - start) / 3_600_000,
});

const peakKw = ({ accounts, model }: Scope, method: "fixed" | "sliding"): number | null => {
  const peaks = demandPeaks(accounts, model);
  return inKilo(method === "fixed" ? peaks?.fixedW : peaks?.slidingW);
};

/** No demand window of the contract's length lies in the window with all its minutes known. */
export const incomplete = (model: SiteModel): string => `DEMAND_WINDOW_INCOMPLETE:${demandWindowMin(model)}_MIN`;

export const methodOf = (model: SiteModel): "fixed" | "sliding" => model.demand?.method ?? "fixed";

// kpi.md §7.4: blocks of the wall clock, and windows that end at every minute as on Chinese meters.
const maxDemand: KpiEntry = {
  id: "max_demand",
  window: "billing month; shown live",
  name: { en: "Maximum demand", "zh-CN": "最大需量" },
  formula:
    "highest mean import of a demand window (15 min unless the contract says otherwise): fixed blocks, or sliding by 1 min",
  unit: "kW",
  numUnit: "kW",
  denUnit: "",
  boundary: "grid connections",
  range: { min: 0, max: null },
  standard: "block and sliding-window demand, as metered",
  results: "many",
  variants: (model): readonly Variant[] =>
    ["fixed", "sliding"].map((id) => ({
      id,
      numerator: gridNodes(model),
      denominator: [],
      factors: [gridNodes(model)],
    })),
  terms: (account) => imported(account),
  ratio: (_sums, _windowMs, scope) => {
    const kw = peakKw(scope, scope.variant.id === "fixed" ? "fixed" : "sliding");
    return kw === null
      ? noRatio(incomplete(scope.model))
      : { numerator: kw, denominator: null, flags: [`DEMAND_WINDOW_${demandWindowMin(scope.model)}_MIN`] };
  },
};

const factor: KpiEntry = {
  id: "load_factor",
  window: "month; shown by day",
  name: { en: "Load factor", "zh-CN": "负荷率" },
  formula: "E_import / (maximum demand × hours), both over the same minutes",
  unit: "1",
  numUnit: "kWh",
  denUnit: "kWh",
  boundary: "grid connections",
  range: { min: 0, max: 1 },
  standard: "own definition, by the contract's demand window",
  results: "one",
  variants: (model) => [{ id: "", numerator: gridNodes(model), denominator: gridNodes(model) }],
  terms: (account) => imported(account),
  ratio: (sums, _windowMs, scope) => {
    const kw = peakKw(scope, methodOf(scope.model));
    return kw === null ? noRatio(incomplete(scope.model)) : loadFactor(sums.energy ?? 0, sums.hours ?? 0, kw);
  },
};

// A demand price is per month: the bill of a longer window has a maximum for each of its months.
export const longestMonthMs = 31 * 86_400_000 + 3_600_000;
export const overMonth = "WINDOW_LONG:one billing month";

interface DemandPrice {
  readonly perKwMonth: number;
  readonly billing: DemandBilling;
  /** kW, or kVA where capacity is billed. */
  readonly contract: number;
}

/** What a kW of the month costs, the rebate of a well used capacity taken off; a flag says why it is not known. */
export const demandPrice = ({ accounts, model, window }: Scope): DemandPrice | string => {
  const terms = model.demand;
  if (terms === null) return "DECLARATION_MISSING:demand";
  const [first, last] = [window.start, window.end - 1].map((ts) => demandPriceAt(terms, ts, model.timeZone));
  if (first == null || last == null) return `TARIFF_NOT_VALID:${terms.plan}`;
  const { pricePerKwMonth, billing, rebate } = last;
  if (first.pricePerKwMonth !== pricePerKwMonth || first.billing !== billing)
    return `TARIFF_CHANGES_WITHIN:${terms.plan}`;
  const contract = terms.contractW / 1000;
  const capacityVa = model.contract?.capacityVa ?? null;
  if (rebate === undefined && billing !== "capacity") return { perKwMonth: pricePerKwMonth, billing, contract };
  if (capacityVa === null) return "DECLARATION_MISSING:contract.capacity_va";
  // The rebate is one of the demand price (kpi.md §5.7, 发改价格〔2023〕526号).
  if (rebate === undefined || billing === "capacity")
    return { perKwMonth: pricePerKwMonth, billing, contract: capacityVa / 1000 };
  const kwh = accounts.reduce((sum, { totals }) => sum + (totals.importWh ?? 0), 0) / 1000;
  const earned = kwh / (capacityVa / 1000) >= rebate.kwhPerKva;
  return { perKwMonth: pricePerKwMonth * (earned ? rebate.times : 1), billing, contract };
};

const charge: KpiEntry = {
  id: "demand_charge",
  window: "billing month",
  name: { en: "Demand charge of the month", "zh-CN": "当月需量电费" },
  formula:
    "billed demand × price per kW and month; billed by contract C: C up to 1.05 C, above it MD + (MD − 1.05 C); billed by capacity: kVA × price per kVA",
  unit: "currency",
  numUnit: "currency",
  denUnit: "",
  boundary: "grid connections, one billing month at the maximum demand of this window",
  range: { min: 0, max: null },
  standard: "two-part tariff, by the contract's billing mode",
  results: "one",
  missing: (model) => (model.demand === null ? ["DECLARATION_MISSING:demand"] : []),
  variants: (model) => [
    { id: "", unit: model.currency, numUnit: model.currency, numerator: gridNodes(model), denominator: [] },
  ],
  terms: (account) => imported(account),
  ratio: (_sums, windowMs, scope) => {
    const terms = scope.model.demand;
    if (terms === null) return null;
    if (windowMs > longestMonthMs) return noRatio(overMonth);
    const price = demandPrice(scope);
    const kw = peakKw(scope, terms.method);
    if (typeof price === "string") return noRatio(kw === null ? incomplete(scope.model) : price);
    if (price.billing === "capacity") return { numerator: price.contract * price.perKwMonth, denominator: null };
    if (kw === null) return noRatio(incomplete(scope.model));
    return { numerator: billedDemand(kw, price.contract, price.billing) * price.perKwMonth, denominator: null };
  },
};

export const demandEntries: readonly KpiEntry[] = [maxDemand, factor, charge];
