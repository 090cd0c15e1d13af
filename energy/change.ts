import type { Ledger } from "#store";
import type { Account, KpiResult } from "./account.ts";
import { type Attributed, attribute, type Driver, type HourPower, type Measure, type Period } from "./attribution.ts";
import type { Window } from "./calendar.ts";
import { findKpi, kpiResults } from "./kpi/index.ts";
import { sumTerms } from "./kpi/term-sum.ts";
import type { SiteModel, Text } from "./model.ts";
import { coverHours, coverWindow } from "./query.ts";

export interface ChangeQuery {
  readonly site: string;
  readonly kpi: string;
  /** Absent: the first one the catalogue gives. */
  readonly variant?: string;
  readonly from: number;
  readonly to: number;
  /** The period to compare with. */
  readonly baseFrom: number;
  readonly baseTo: number;
  readonly knownAt?: number;
}

/** Why a KPI is not what it was: parts by driver, which add up to `change`. */
export interface KpiChange {
  readonly site: string;
  readonly kpi: string;
  readonly variant: string | null;
  readonly unit: string;
  readonly before: KpiResult;
  readonly after: KpiResult;
  readonly change: number | null;
  readonly method: string;
  readonly parts: readonly { readonly driver: Driver; readonly name: Text; readonly value: number }[];
  readonly flags: readonly string[];
}

const names: Readonly<Record<Driver, Text>> = {
  it_load: { en: "IT load", "zh-CN": "IT 负荷" },
  weather: { en: "Weather", "zh-CN": "天气" },
  cooling: { en: "Cooling plant", "zh-CN": "制冷系统" },
  power_chain: { en: "Power-chain loss", "zh-CN": "供配电损耗" },
  other_load: { en: "Other loads", "zh-CN": "其他负荷" },
  storage: { en: "Storage and export", "zh-CN": "储能与上网" },
  supply_mix: { en: "Supply mix", "zh-CN": "供电结构" },
  compute: { en: "Work per IT energy", "zh-CN": "单位 IT 能耗算力" },
  metering: { en: "Metering: energy that no meter explains", "zh-CN": "计量：未被计量解释的能耗" },
};

export const changeMethod =
  "Shapley values over the drivers; IT load and weather by a linear fit of cooling and losses over the hours of the period before";

const measures: Readonly<Record<string, Measure>> = {
  pue: "pue",
  ipue: "pue",
  cue: "cue",
  compute_per_watt: "compute",
};
/** KPIs whose change can be told apart. */
export const explained: readonly string[] = Object.keys(measures);

interface Side {
  readonly window: Window;
  readonly accounts: readonly Account[];
  readonly hours: readonly Account[];
}

const resultOf = (kpi: string, variant: string | undefined, side: Side, model: SiteModel): KpiResult | null => {
  const entry = findKpi(kpi);
  const results = entry === undefined ? [] : kpiResults(entry, side.accounts, model, side.window);
  return (variant === undefined ? results[0] : results.find((one) => one.variant === variant)) ?? null;
};

const overhead = (accounts: readonly Account[], model: SiteModel) => {
  const entry = findKpi("unaccounted_share");
  const [variant] = entry?.variants(model) ?? [];
  return entry === undefined || variant === undefined ? null : sumTerms(entry, variant, accounts, model, "settled");
};

const msPerHour = 3_600_000;

const hourPower = (account: Account, model: SiteModel): HourPower | null => {
  const sums = overhead([account], model);
  const hours = (sums?.goodMs ?? 0) / msPerHour;
  // Half an hour of good time is the least that stands for one.
  if (sums === null || hours < 0.5) return null;
  const { it = 0, cooling = 0, loss = 0 } = sums.terms;
  return { itKw: it / hours, coolingKw: cooling / hours, lossKw: loss / hours, outdoorC: account.outdoorC ?? null };
};

// kpi.md §2.1: from a month on the swing of storage stays in E_DC.
const settledMs = 30 * 86_400_000;

/** A period as mean powers; what its PUE has beyond its metered loads is unmetered. Null when a load is unknown. */
const periodOf = (measure: Measure, kpi: KpiResult, side: Side, model: SiteModel): Period | null => {
  const sums = overhead(side.accounts, model);
  const pue = resultOf("pue", undefined, side, model)?.value ?? null;
  const hours = (sums?.goodMs ?? 0) / msPerHour;
  if (sums === null || pue === null || kpi.value === null || hours <= 0) return null;
  const { it = 0, cooling = 0, loss = 0, other = 0, stored = 0 } = sums.terms;
  if (!(it > 0)) return null;
  const storedKw = side.window.end - side.window.start >= settledMs ? stored / hours : 0;
  const metered = (cooling + loss + other) / hours + storedKw;
  const intensity = (resultOf("carbon_intensity", undefined, side, model)?.value ?? 0) / 1000;
  const mix = intensity > 0 ? intensity : kpi.value / pue;
  return {
    itKw: it / hours,
    coolingKw: cooling / hours,
    lossKw: loss / hours,
    otherKw: other / hours,
    storedKw,
    unmeteredKw: ((pue - 1) * it) / hours - metered,
    hours: side.hours.map((account) => hourPower(account, model)).filter((hour) => hour !== null),
    mix: measure === "cue" ? mix : 1,
    supply: measure === "cue" && mix > 0 ? kpi.value / (mix * pue) : 1,
    work: measure === "compute" ? kpi.value * pue : 1,
  };
};

const partsOf = (
  measure: Measure,
  before: KpiResult,
  after: KpiResult,
  sides: readonly [Side, Side],
  model: SiteModel,
): Attributed => {
  if (before.value === null || after.value === null) return { parts: [], flags: ["NO_DATA"] };
  const isNode = measure === "compute" && before.variant?.endsWith(":it") === true;
  if (isNode) return { parts: [{ driver: "compute", value: after.value - before.value }], flags: [] };
  const old = periodOf(measure, before, sides[0], model);
  const now = periodOf(measure, after, sides[1], model);
  return old === null || now === null ? { parts: [], flags: ["LOADS_UNKNOWN"] } : attribute(measure, old, now);
};

/** The change of one KPI between two periods by driver; null for a KPI that has no such account. */
export const queryChange = async (ledger: Ledger, model: SiteModel, query: ChangeQuery): Promise<KpiChange | null> => {
  const measure = Object.hasOwn(measures, query.kpi) ? measures[query.kpi] : undefined;
  if (measure === undefined) return null;
  const sideOf = async (start: number, end: number): Promise<Side> => ({
    window: { start, end },
    accounts: await coverWindow(ledger, model.id, { start, end }, query.knownAt),
    hours: await coverHours(ledger, model.id, { start, end }, query.knownAt),
  });
  const sides = [await sideOf(query.baseFrom, query.baseTo), await sideOf(query.from, query.to)] as const;
  const before = resultOf(query.kpi, query.variant, sides[0], model);
  const after = resultOf(query.kpi, query.variant, sides[1], model);
  if (before === null || after === null) return null;
  const { parts, flags } = partsOf(measure, before, after, sides, model);
  const faults = [...new Set([...before.flags, ...after.flags])];
  return {
    site: model.id,
    kpi: query.kpi,
    variant: after.variant ?? null,
    unit: after.unit,
    before,
    after,
    change: before.value === null || after.value === null ? null : after.value - before.value,
    method: changeMethod,
    parts: parts.map(({ driver, value }) => ({ driver, name: names[driver], value })),
    flags: [...flags, ...faults],
  };
};
