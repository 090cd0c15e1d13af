import type { Account } from "../account.ts";
import type { SiteModel, SiteNode } from "../model.ts";
import { roundTripEfficiency, usableEnergy } from "../storage.ts";
import { inKilo, type KpiEntry, noRatio, type Terms, type Variant } from "./entry.ts";
import { loadNodes } from "./pue.ts";

const batteries = (model: SiteModel): readonly SiteNode[] =>
  model.nodes.filter((node) => node.kind === "battery" && node.counting === "counted" && node.points.length > 0);

const perBattery = (model: SiteModel): readonly Variant[] =>
  batteries(model).map(({ id }) => ({ id, numerator: [id], denominator: [id], factors: [[id]] }));

const nodeOf = (account: Account, id: string) => (Object.hasOwn(account.nodes, id) ? account.nodes[id] : undefined);

const capacityKwh = (model: SiteModel, id: string): number =>
  (model.nodes.find((node) => node.id === id)?.capacityWh ?? 0) / 1000;

const flows = (account: Account, id: string): { charge: number | null; discharge: number | null } => {
  const node = nodeOf(account, id);
  return { charge: inKilo(node?.reverseWh), discharge: inKilo(node?.forwardWh) };
};

const flowsAndGain = (account: Account, id: string): Terms => ({
  ...flows(account, id),
  gained: inKilo(nodeOf(account, id)?.storedWh),
});

const lacksCharge = (account: Account, { id }: Variant): readonly string[] =>
  (nodeOf(account, id)?.storedWh ?? null) === null ? [`POINT_MISSING:${id}:soc_pct`] : [];

const shared = { results: "many", numUnit: "kWh", denUnit: "kWh", absent: "POINT_MISSING:MP.BESS" } as const;

const cycles: KpiEntry = {
  ...shared,
  id: "equivalent_cycles",
  window: "month and year; shown by day",
  name: { en: "Equivalent full cycles", "zh-CN": "等效满循环次数" },
  formula: "(E_charge + E_discharge) / (2 × nominal capacity)",
  unit: "1",
  boundary: "battery terminals (AC)",
  range: { min: 0, max: null },
  standard: "own definition",
  variants: perBattery,
  terms: (account, _model, { id }) => flows(account, id),
  ratio: (sums, _windowMs, { model, variant }) => ({
    numerator: (sums.charge ?? 0) + (sums.discharge ?? 0),
    denominator: 2 * capacityKwh(model, variant.id),
  }),
};

const cRate: KpiEntry = {
  ...shared,
  id: "c_rate",
  window: "day",
  name: { en: "Highest C-rate", "zh-CN": "最大充放电倍率" },
  formula: "highest power of charge or discharge / nominal capacity",
  unit: "1/h",
  numUnit: "kW",
  boundary: "battery terminals (AC)",
  range: { min: 0, max: null },
  standard: "own definition",
  variants: (model) => perBattery(model).map(({ factors: _, ...variant }) => variant),
  terms: (account, _model, { id }) => flows(account, id),
  ratio: (_sums, _windowMs, { accounts, model, variant }) => {
    let highest: number | null = null;
    for (const account of accounts) {
      const node = nodeOf(account, variant.id);
      for (const watts of [node?.maxW ?? null, node?.minW ?? null])
        if (watts !== null) highest = Math.max(highest ?? 0, Math.abs(watts));
    }
    const kw = inKilo(highest);
    return kw === null ? null : { numerator: kw, denominator: capacityKwh(model, variant.id) };
  },
};

// kpi.md §7.6: under ten cycles and a week the state of charge at the ends weighs too much.
const leastCycles = 10;
const leastMs = 7 * 86_400_000;

const efficiency: KpiEntry = {
  ...shared,
  id: "round_trip_efficiency",
  usual: { min: 0.8 },
  window: "at least ten equivalent cycles or seven days; shown by week",
  name: { en: "Round-trip efficiency", "zh-CN": "往返效率" },
  formula: "x², x = (ΔE + √(ΔE² + 4 E_charge E_discharge)) / (2 E_charge), ΔE by the state of charge",
  unit: "1",
  boundary: "battery terminals (AC), auxiliaries as metered",
  range: { min: 0, max: 1 },
  standard: "own definition, one-way losses taken as equal",
  variants: perBattery,
  terms: (account, _model, { id }) => flowsAndGain(account, id),
  lacks: lacksCharge,
  ratio: ({ charge = 0, discharge = 0, gained = 0 }, windowMs, { model, variant }) => {
    const value = roundTripEfficiency(charge, discharge, gained);
    if (value === null) return noRatio(charge > 0 ? "NO_EFFICIENCY_FITS" : "NO_CHARGE");
    const isShort = windowMs < leastMs && charge + discharge < 2 * leastCycles * capacityKwh(model, variant.id);
    return { numerator: value * charge, denominator: charge, flags: isShort ? ["WINDOW_SHORT"] : [] };
  },
};

const loss: KpiEntry = {
  ...shared,
  id: "storage_loss",
  window: "month; shown by day",
  name: { en: "Storage loss", "zh-CN": "储能损耗" },
  formula: "E_charge − E_discharge − ΔE by the state of charge",
  unit: "kWh",
  denUnit: "",
  boundary: "battery terminals (AC), auxiliaries as metered",
  range: { min: null, max: null },
  standard: "own definition",
  variants: (model) => perBattery(model).map(({ factors: _, ...variant }) => ({ ...variant, denominator: [] })),
  terms: (account, _model, { id }) => flowsAndGain(account, id),
  lacks: lacksCharge,
  ratio: ({ charge = 0, discharge = 0, gained = 0 }) => ({
    numerator: charge - discharge - gained,
    denominator: null,
  }),
};

// What a site file does not say yet is assumed, and the result says so.
const leastSocPct = 10;
const dischargeEfficiency = 0.95;

const ownWord = (account: Account | undefined, id: string) => {
  const said = account?.totals.batteries;
  return said !== undefined && Object.hasOwn(said, id) ? said[id] : undefined;
};

const rideThrough: KpiEntry = {
  ...shared,
  id: "ride_through",
  window: "now: at the end of the window, against its mean load",
  name: { en: "Ride-through time", "zh-CN": "后备时间" },
  formula:
    "(state of charge at the end − 10 %) × nominal capacity × state of health × 0.95 / mean load; at most what the battery itself reports",
  unit: "min",
  numUnit: "kWmin",
  denUnit: "kW",
  boundary: "one battery against the whole load of the site",
  range: { min: 0, max: null },
  standard: "own definition",
  variants: (model) => batteries(model).map(({ id }) => ({ id, numerator: [id], denominator: loadNodes(model) })),
  terms: ({ totals, start, end }) => ({ load: inKilo(totals.loadWh), hours: (end - start) / 3_600_000 }),
  ratio: ({ load = 0, hours = 0 }, _windowMs, { accounts, model, variant }) => {
    const last = accounts.at(-1);
    const socPct = last === undefined ? null : (nodeOf(last, variant.id)?.socPct ?? null);
    if (socPct === null) return noRatio(`POINT_MISSING:${variant.id}:soc_pct`);
    if (hours <= 0) return null;
    const said = ownWord(last, variant.id);
    const { sohPct = null, runtimeS = null, dischargeLimitW = null } = said ?? {};
    const capacity = capacityKwh(model, variant.id);
    const health = sohPct === null ? 1 : sohPct / 100;
    const kw = load / hours;
    const flags = ["ASSUMED:soc_min_10_pct", "ASSUMED:discharge_efficiency_0.95"];
    if (sohPct === null) flags.push("ASSUMED:soh_1");
    // A battery that cannot give what the load takes does not carry it for a minute.
    const ratingW = dischargeLimitW ?? model.nodes.find(({ id }) => id === variant.id)?.ratingW ?? null;
    if (ratingW !== null && ratingW < kw * 1000)
      return { numerator: 0, denominator: kw, flags: [...flags, "POWER_LIMITED"] };
    const minutes = usableEnergy({ capacity, socPct, leastSocPct, health, efficiency: dischargeEfficiency }) * 60;
    const own = runtimeS === null ? null : (runtimeS / 60) * kw;
    return own !== null && own < minutes
      ? { numerator: own, denominator: kw, flags: [...flags, "BY_REPORTED_RUNTIME"] }
      : { numerator: minutes, denominator: kw, flags };
  },
};

const state = {
  ...shared,
  unit: "%",
  numUnit: "%",
  denUnit: "",
  boundary: "one battery, of its present capacity",
  range: { min: 0, max: 100 },
  window: "now: at the end of the window",
  joint: () => "hours",
  unmetered: true,
  variants: (model: SiteModel) => batteries(model).map(({ id }) => ({ id, numerator: [id], denominator: [] })),
  terms: ({ start, end }: Account): Terms => ({ hours: (end - start) / 3_600_000 }),
} as const;

const charge: KpiEntry = {
  ...state,
  id: "state_of_charge",
  name: { en: "State of charge", "zh-CN": "荷电状态 SoC" },
  formula: "usable energy now / usable capacity now, as the battery says at the end of the window",
  standard: "own definition, by soc_pct",
  ratio: (_sums, _windowMs, { accounts, variant }) => {
    const last = accounts.at(-1);
    const pct = last === undefined ? null : (nodeOf(last, variant.id)?.socPct ?? null);
    return pct === null ? noRatio(`POINT_MISSING:${variant.id}:soc_pct`) : { numerator: pct, denominator: null };
  },
};

const health: KpiEntry = {
  ...state,
  id: "state_of_health",
  name: { en: "State of health", "zh-CN": "健康状态 SoH" },
  formula: "usable capacity now / nominal capacity, as the battery says",
  boundary: "one battery, of its nominal capacity",
  range: { min: 0, max: null },
  usual: { max: 105 },
  standard: "own definition, by soh_pct",
  ratio: (_sums, _windowMs, { accounts, variant }) => {
    const pct = ownWord(accounts.at(-1), variant.id)?.sohPct ?? null;
    return pct === null ? noRatio(`POINT_MISSING:${variant.id}:soh_pct`) : { numerator: pct, denominator: null };
  },
};

export const batteryEntries: readonly KpiEntry[] = [charge, health, cycles, cRate, efficiency, loss, rideThrough];
