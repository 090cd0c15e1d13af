import type { Account } from "../account.ts";
import { billedDemand } from "../demand.ts";
import type { DemandBilling, SiteModel } from "../model.ts";
import { demandPeaks, hasBattery } from "../peak.ts";
import { billingPowerFactor } from "../phase.ts";
import { billedReactive, factorAdjustment } from "../power-factor.ts";
import { coalEquivalent } from "../rating.ts";
import { tariffAt } from "../tariff.ts";
import { demandPrice, gridNodes, incomplete, longestMonthMs, methodOf, overMonth } from "./demand.ts";
import {
  inKilo,
  type KpiEntry,
  noRatio,
  type Ratio,
  type Scope,
  type Sums,
  type Terms,
  type Variant,
} from "./entry.ts";
import { lacksMedium, mediaFor, mediumSum } from "./medium.ts";
import { facilityEnergy, facilityNodes, facilityTerms } from "./pue.ts";

const periodsOf = (model: SiteModel): readonly string[] => {
  const { tariff } = model;
  if (tariff === null) return [];
  const bands = [...new Set(tariff.bands.map(({ period }) => period as string))];
  return tariff.device === null ? bands : [...bands, "market"];
};

const periodCost = ({ totals }: Account, period: string): number | null => {
  if (totals.periods === undefined) return null;
  return Object.hasOwn(totals.periods, period) ? (totals.periods[period]?.cost ?? null) : 0;
};

const reactive = (account: Account, model: SiteModel): Terms => {
  const terms = model.declared?.powerFactor ?? null;
  const imported = inKilo(mediumSum(account, model, "reactive_import"));
  const exported =
    mediaFor(model, "reactive_export").length === 0 ? 0 : inKilo(mediumSum(account, model, "reactive_export"));
  const known = imported !== null && exported !== null;
  return {
    active: inKilo(account.totals.importWh),
    reactive: known ? billedReactive(imported, exported, terms?.reactive ?? "sum") : null,
  };
};

const demandLine = (scope: Scope, windowMs: number): number | null => {
  const { model, accounts } = scope;
  const terms = model.demand;
  if (terms === null || windowMs > longestMonthMs) return null;
  const price = demandPrice(scope);
  if (typeof price === "string") return null;
  if (price.billing === "capacity") return price.contract * price.perKwMonth;
  const peaks = demandPeaks(accounts, model);
  const kw = inKilo(terms.method === "fixed" ? peaks?.fixedW : peaks?.slidingW);
  return kw === null ? null : billedDemand(kw, price.contract, price.billing) * price.perKwMonth;
};

const lateDemand = (scope: Scope, windowMs: number): Ratio => {
  const price = demandPrice(scope);
  if (windowMs > longestMonthMs) return noRatio(overMonth);
  return noRatio(typeof price === "string" ? price : incomplete(scope.model));
};

const adjustmentLine = (sums: Sums, scope: Scope, base: number): number | null => {
  const terms = scope.model.declared?.powerFactor ?? null;
  if (terms === null || sums.reactive === undefined) return null;
  const adjusted = factorAdjustment(terms, sums.active ?? 0, sums.reactive);
  return adjusted === null ? null : (base * adjusted.pct) / 100;
};

const money = (numerator: number | null, flags: readonly string[] = []): Ratio | null =>
  numerator === null ? null : { numerator, denominator: null, flags };

// A bill is the sum of its lines; a line that the site or the window cannot have is named, never taken as zero.
const bill: KpiEntry = {
  id: "bill",
  name: { en: "Electricity bill, line by line", "zh-CN": "电费明细" },
  formula:
    "energy by tariff period + demand charge of the month − export income + power-factor adjustment of energy and demand",
  unit: "currency",
  numUnit: "currency",
  denUnit: "",
  boundary: "grid connections",
  range: { min: null, max: null },
  standard: "the site's tariff and contract",
  window: "billing month; energy lines over any period",
  results: "many",
  factor: "tariff",
  missing: (model, { id }) => [
    ...(model.tariff === null ? ["DECLARATION_MISSING:tariff"] : []),
    ...(id === "demand" && model.demand === null ? ["DECLARATION_MISSING:demand"] : []),
    ...(id === "power_factor" && (model.declared?.powerFactor ?? null) === null
      ? ["DECLARATION_MISSING:power_factor"]
      : []),
    ...(id === "power_factor" ? lacksMedium(model, "reactive_import") : []),
  ],
  variants: (model): readonly Variant[] =>
    [...periodsOf(model).map((period) => `energy:${period}`), "export", "demand", "power_factor", "total"].map(
      (id) => ({ id, unit: model.currency, numUnit: model.currency, numerator: gridNodes(model), denominator: [] }),
    ),
  terms: (account, model, { id }) => {
    const energy =
      account.totals.periods === undefined
        ? null
        : periodsOf(model).reduce<number | null>((sum, period) => {
            const cost = periodCost(account, period);
            return sum === null || cost === null ? null : sum + cost;
          }, 0);
    if (id.startsWith("energy:")) return { line: periodCost(account, id.slice("energy:".length)) };
    const exported = account.totals.exportWh;
    const { tariff, timeZone } = model;
    const inForce = tariff === null ? null : tariffAt(tariff, account.start, timeZone);
    const price = tariff === null ? 0 : (inForce?.exportPricePerKwh ?? null);
    const income = exported === null || (price === null && exported > 0) ? null : -(exported * (price ?? 0)) / 1000;
    if (id === "export") return { line: income };
    const withReactive =
      (model.declared?.powerFactor ?? null) !== null && mediaFor(model, "reactive_import").length > 0;
    return { energy, ...(id === "total" ? { income } : {}), ...(withReactive ? reactive(account, model) : {}) };
  },
  ratio: (sums, windowMs, scope) => {
    const { id } = scope.variant;
    if (sums.line !== undefined) return money(sums.line);
    const demand = demandLine(scope, windowMs);
    if (id === "demand") return money(demand) ?? lateDemand(scope, windowMs);
    const base = (sums.energy ?? 0) + (demand ?? 0);
    const adjustment = adjustmentLine(sums, scope, base);
    const left = [
      ...(demand === null && scope.model.demand !== null ? ["LINE_LEFT_OUT:demand"] : []),
      ...(adjustment === null && (scope.model.declared?.powerFactor ?? null) !== null
        ? ["LINE_LEFT_OUT:power_factor"]
        : []),
    ];
    if (id === "power_factor")
      return money(
        adjustment,
        left.filter((flag) => !flag.endsWith("power_factor")),
      );
    return money(base + (adjustment ?? 0) + (sums.income ?? 0), left);
  },
};

const powerFactor: KpiEntry = {
  id: "billing_power_factor",
  name: { en: "Billing power factor", "zh-CN": "计费功率因数" },
  formula: "W_p / √(W_p² + W_q²) of the billing cycle; W_q = |import| + |export|, or their difference by contract",
  unit: "1",
  numUnit: "kWh",
  denUnit: "kVAh",
  boundary: "grid connections, active energy imported",
  range: { min: 0, max: 1 },
  standard: "水电财字〔1983〕215号 (aligned)",
  window: "billing month",
  better: "higher",
  results: "one",
  joint: () => "reactive",
  missing: (model) => lacksMedium(model, "reactive_import"),
  variants: (model) => [{ id: "", numerator: gridNodes(model), denominator: gridNodes(model) }],
  terms: reactive,
  ratio: ({ active = 0, reactive = 0 }, _windowMs, { model }) => {
    const reference = model.declared?.powerFactor?.reference;
    const factor = billingPowerFactor(active, reactive);
    const low = reference !== undefined && factor !== null && factor < reference;
    return {
      numerator: active,
      denominator: Math.hypot(active, reactive),
      flags: low ? [`BELOW_REFERENCE:${reference}`] : [],
    };
  },
};

const peakOf = ({ accounts, model, variant }: Scope, of: "import" | "base"): number | null => {
  const peaks = demandPeaks(accounts, model, of);
  return inKilo(variant.id === "sliding" ? peaks?.slidingW : peaks?.fixedW);
};

const noBattery = (model: SiteModel): readonly string[] => (hasBattery(model) ? [] : ["POINT_MISSING:MP.BESS"]);

// kpi.md §7.5: a battery that makes a new peak when it recharges shaves less than nothing, and that is shown.
const shaving: KpiEntry = {
  id: "peak_shaving",
  name: { en: "Peak shaving", "zh-CN": "削峰量" },
  formula: "MD(import + discharge − charge) − MD(import), same windows",
  unit: "kW",
  numUnit: "kW",
  denUnit: "",
  boundary: "grid connections and batteries",
  range: { min: null, max: null },
  standard: "own definition",
  window: "billing month; shown by day",
  better: "higher",
  results: "many",
  joint: () => "shaving",
  missing: noBattery,
  variants: (model) => ["fixed", "sliding"].map((id) => ({ id, numerator: gridNodes(model), denominator: [] })),
  terms: ({ totals }) => ({ energy: inKilo(totals.importWh), moved: inKilo(totals.chargeWh) }),
  ratio: (_sums, _windowMs, scope) => {
    const [base, drawn] = [peakOf(scope, "base"), peakOf(scope, "import")];
    return base === null || drawn === null
      ? noRatio(incomplete(scope.model))
      : { numerator: base - drawn, denominator: null };
  },
};

/** What a lower maximum saves on a month's bill, never shaved power times price (TV-SHAVE-1). */
export const shavingValue = (
  terms: {
    readonly contractKw: number;
    readonly pricePerKwMonth: number;
    readonly billing: DemandBilling;
  },
  baseKw: number,
  drawnKw: number,
): number =>
  (billedDemand(baseKw, terms.contractKw, terms.billing) - billedDemand(drawnKw, terms.contractKw, terms.billing)) *
  terms.pricePerKwMonth;

const shavingMoney: KpiEntry = {
  ...shaving,
  id: "peak_shaving_value",
  name: { en: "Value of peak shaving in the month", "zh-CN": "当月削峰收益" },
  formula: "bill(MD of import + discharge − charge) − bill(MD of import)",
  unit: "currency",
  numUnit: "currency",
  standard: "two-part tariff, by the contract's billing mode",
  window: "billing month",
  results: "one",
  missing: (model) => [...noBattery(model), ...(model.demand === null ? ["DECLARATION_MISSING:demand"] : [])],
  variants: (model) => [
    { id: "", unit: model.currency, numUnit: model.currency, numerator: gridNodes(model), denominator: [] },
  ],
  ratio: (_sums, windowMs, scope) => {
    const { demand } = scope.model;
    if (demand === null) return null;
    if (windowMs > longestMonthMs) return noRatio(overMonth);
    const inMethod = { ...scope, variant: { ...scope.variant, id: methodOf(scope.model) } };
    const [base, drawn] = [peakOf(inMethod, "base"), peakOf(inMethod, "import")];
    if (base === null || drawn === null) return noRatio(incomplete(scope.model));
    const price = demandPrice(scope);
    if (typeof price === "string") return noRatio(price);
    const terms = { contractKw: price.contract, pricePerKwMonth: price.perKwMonth, billing: price.billing };
    return {
      numerator: shavingValue(terms, base, drawn),
      denominator: null,
    };
  },
};

const coal: KpiEntry = {
  id: "coal_equivalent",
  name: { en: "Energy as coal equivalent", "zh-CN": "综合能耗（当量值）" },
  formula: "E_DC × 1.229 tce per 10⁴ kWh",
  unit: "tce",
  numUnit: "tce",
  denUnit: "",
  boundary: "data centre, electricity",
  range: { min: 0, max: null },
  standard: "GB/T 2589 (aligned), equivalent value (当量值)",
  window: "calendar year",
  results: "one",
  joint: () => "facility_and_store",
  variants: (model) => [{ id: "", numerator: facilityNodes(model), denominator: [], factors: [facilityNodes(model)] }],
  terms: facilityTerms,
  ratio: (sums, windowMs) => ({ numerator: coalEquivalent(facilityEnergy(sums, windowMs)), denominator: null }),
};

export const billEntries: readonly KpiEntry[] = [bill, powerFactor, shaving, shavingMoney, coal];
