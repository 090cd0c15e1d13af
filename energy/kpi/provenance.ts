import type { Account } from "../account.ts";
import { windowOf } from "../calendar.ts";
import { emptyMix, emptyStore, mixTotal, reconcileStorage, type Stored, stepStorage } from "../ledger.ts";
import type { SiteModel } from "../model.ts";
import { oneWay, storedOf } from "../storage-book.ts";
import { inKilo, type KpiEntry, type Scope, type Terms, type Variant } from "./entry.ts";
import { shares, sources } from "./green.ts";

const naive = ":naive";
const batteryOf = ({ id }: Variant): string => (id.endsWith(naive) ? id.slice(0, -naive.length) : id);

const variants = (model: SiteModel): readonly Variant[] =>
  model.nodes
    .filter((node) => node.kind === "battery" && node.counting === "counted" && node.points.length > 0)
    .flatMap(({ id }) => [
      { id, numerator: sources(model), denominator: [id] },
      { id: `${id}${naive}`, numerator: [id], denominator: [id] },
    ]);

export const nodeOf = (account: Account, id: string) =>
  Object.hasOwn(account.nodes, id) ? account.nodes[id] : undefined;

/** Charge of one battery by source: each battery takes the mix of all charge of the minute. */
export const flows = (account: Account, id: string): Terms => {
  const node = nodeOf(account, id);
  const { renewableWh, chargeWh, importWh, gensetWh } = account.totals;
  const { contracted = null } = shares(account.totals);
  const [charge, discharge] = [inKilo(node?.reverseWh), inKilo(node?.forwardWh)];
  if (charge === null || discharge === null || contracted === null) return { discharge: null };
  if (renewableWh === null || chargeWh === null || importWh === null || gensetWh === null) return { discharge: null };
  const green = chargeWh > 0 ? charge * ((renewableWh / 1000 - contracted) / (chargeWh / 1000)) : 0;
  const bought = importWh + gensetWh > 0 ? charge - green : 0;
  return { green, bought, other: charge - green - bought, discharge };
};

/** What the books say a battery held at the start of an account, kWh; null where they do not. */
export const heldAt = (account: Account, id: string): Stored | null => {
  const held = account.storage !== undefined && Object.hasOwn(account.storage, id) ? account.storage[id] : undefined;
  if (held === undefined) return null;
  const { mix, carbonG, cost } = storedOf(held.opening);
  const [renewable, grid, unknown] = [mix.renewable / 1000, mix.grid / 1000, mix.unknown / 1000];
  return { mix: { renewable, grid, unknown }, carbonG, cost };
};

interface Given {
  readonly green: number;
  readonly known: number;
  readonly discharge: number;
  readonly carbonG: number;
  readonly cost: number;
  readonly flags: readonly string[];
}

/** Folds the accounts of a window through the ledger; what the books do not know of before them has an unknown source. */
const given = ({ parts, model, variant, window }: Scope): Given => {
  const id = batteryOf(variant);
  const capacity = (model.nodes.find((node) => node.id === id)?.capacityWh ?? 0) / 1000;
  const flags = new Set<string>();
  let store: Stored = emptyStore;
  let sums = { green: 0, known: 0, discharge: 0, carbonG: 0, cost: 0 };
  parts.forEach(({ account, terms }, index) => {
    const node = nodeOf(account, id);
    const socPct = node?.socPct ?? null;
    const atEnd = socPct === null ? null : (socPct / 100) * capacity;
    const gained = inKilo(node?.storedWh);
    const held = heldAt(account, id);
    if (held !== null) store = held;
    else if (index === 0 && atEnd !== null && gained !== null)
      store = { ...emptyStore, mix: { ...emptyMix, unknown: Math.max(0, atEnd - gained) } };
    const { green = 0, bought = 0, other = 0, discharge = 0, carbonG = 0, cost = 0 } = terms;
    const step = stepStorage(
      store,
      { charge: { renewable: green, grid: bought, unknown: other }, carbonG, cost, discharge },
      oneWay,
    );
    store = step.store;
    const known = step.out.mix.renewable + step.out.mix.grid;
    if (account.start >= window.start) {
      if (account.storage?.[id]?.flags.includes("STORAGE_UNRECONCILED") === true) flags.add("STORAGE_UNRECONCILED");
      if (mixTotal(step.out.mix) - known > 1e-9) flags.add("PROVENANCE_PARTLY_UNKNOWN");
      sums = {
        green: sums.green + step.out.mix.renewable,
        known: sums.known + known,
        discharge: sums.discharge + discharge,
        carbonG: sums.carbonG + step.out.carbonG,
        cost: sums.cost + step.out.cost,
      };
    }
    // kpi.md §7.2: once a day the state of charge has the last word.
    if (atEnd !== null && windowOf("1d", account.end, model.timeZone).start === account.end)
      store = reconcileStorage(store, atEnd).store;
  });
  return { ...sums, flags: [...flags] };
};

/** What was discharged in the window itself. */
const sumInside = ({ parts, window }: Scope): number =>
  parts.reduce((sum, { account, terms }) => (account.start >= window.start ? sum + (terms.discharge ?? 0) : sum), 0);

const shared = {
  results: "many",
  folds: true,
  absent: "POINT_MISSING:MP.BESS",
  range: { min: 0, max: null },
  denUnit: "kWh",
  variants,
} as const;

const greenShare: KpiEntry = {
  ...shared,
  id: "storage_green_share",
  window: "month and year; shown by day",
  name: { en: "Green share of discharge", "zh-CN": "储能放电绿电占比" },
  formula:
    "discharge that was charged from on-site renewables / discharge, by the provenance ledger of the books, mixed per hour; energy of unknown source counts as not green; naive: every discharge is green",
  unit: "1",
  numUnit: "kWh",
  boundary: "battery terminals (AC)",
  range: { min: 0, max: 1 },
  standard: "own definition, one-way efficiency 0.95, daily reconciliation with the state of charge",
  terms: (account, _model, variant) => flows(account, batteryOf(variant)),
  ratio: (_sums, _windowMs, scope) => {
    if (scope.variant.id.endsWith(naive)) return { numerator: sumInside(scope), denominator: sumInside(scope) };
    const { green, discharge, flags } = given(scope);
    return { numerator: green, denominator: discharge, flags };
  },
};

const carbon: KpiEntry = {
  ...shared,
  id: "storage_carbon",
  window: "month and year; shown by day",
  name: { en: "Carbon of discharge", "zh-CN": "储能放电碳强度" },
  formula:
    "carbon that the discharged energy was charged with / discharge of known provenance, losses included; naive: zero",
  unit: "gCO2e/kWh",
  numUnit: "gCO2e",
  boundary: "battery terminals (AC)",
  standard: "own definition, location-based, one-way efficiency 0.95",
  factor: "carbon",
  missing: (model) => (model.carbon === null ? ["DECLARATION_MISSING:carbon"] : []),
  terms: (account, _model, variant) => {
    const terms = flows(account, batteryOf(variant));
    const { carbonG, importWh, gensetWh } = account.totals;
    if (carbonG === null || importWh === null || gensetWh === null) return { ...terms, carbonG: null };
    const bought = (importWh + gensetWh) / 1000;
    return { ...terms, carbonG: bought > 0 ? ((terms.bought ?? 0) * carbonG) / bought : 0 };
  },
  ratio: (_sums, _windowMs, scope) => {
    if (scope.variant.id.endsWith(naive)) return { numerator: 0, denominator: sumInside(scope) };
    const { carbonG, known, flags } = given(scope);
    return { numerator: carbonG, denominator: known, flags };
  },
};

/** What the grid was paid for an import, by the price in force in the account. */
const paidPerKwh = ({ totals }: Account): number | null => {
  let [importWh, paid] = [0, 0];
  for (const period of Object.values(totals.periods ?? {})) {
    if (period.importWh === null || period.cost === null) return null;
    importWh += period.importWh;
    paid += period.cost;
  }
  return importWh > 0 ? (paid * 1000) / importWh : null;
};

const cost: KpiEntry = {
  ...shared,
  id: "storage_cost",
  window: "month and year; shown by day",
  name: { en: "Cost of discharge", "zh-CN": "储能放电成本" },
  formula:
    "what the discharged energy cost when it was charged, each minute of charge at the price in force / discharge of known provenance, losses included; generation of the site is free; naive: zero",
  unit: "currency/kWh",
  numUnit: "currency",
  boundary: "battery terminals (AC)",
  standard: "own definition, energy price without demand charge, one-way efficiency 0.95",
  factor: "tariff",
  missing: (model) => (model.tariff === null ? ["DECLARATION_MISSING:tariff"] : []),
  variants: (model) =>
    variants(model).map((variant) => ({ ...variant, unit: `${model.currency}/kWh`, numUnit: model.currency })),
  terms: (account, _model, variant) => {
    const terms = flows(account, batteryOf(variant));
    const price = paidPerKwh(account);
    const bought = terms.bought ?? 0;
    return { ...terms, cost: bought === 0 ? 0 : price === null ? null : bought * price };
  },
  ratio: (_sums, _windowMs, scope) => {
    if (scope.variant.id.endsWith(naive)) return { numerator: 0, denominator: sumInside(scope) };
    const { cost: paid, known, flags } = given(scope);
    return { numerator: paid, denominator: known, flags };
  },
};

export const provenanceEntries: readonly KpiEntry[] = [greenShare, carbon, cost];
