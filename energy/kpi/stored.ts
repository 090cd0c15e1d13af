import type { Account } from "../account.ts";
import { windowOf } from "../calendar.ts";
import { emptyMix, emptyStore, reconcileStorage, type Stored, stepStorage } from "../ledger.ts";
import type { SiteModel } from "../model.ts";
import { oneWay } from "../storage-book.ts";
import { inKilo, type KpiEntry, type Scope, type Sums, type Terms } from "./entry.ts";
import { carbonFreeEnergy, cfe, type MatchHour, matchedEnergy } from "./match.ts";
import { flows, heldAt, nodeOf } from "./provenance.ts";

/**
 * One hour in which storage gave `green` of what it discharged: that is contracted, and its loss is load with the same
 * green share (kpi.md §6.1, TV-CFE-3).
 */
export const creditedHour = (
  hour: MatchHour,
  stored: { readonly discharge: number; readonly green: number; readonly efficiency: number },
): { readonly free: number; readonly load: number } => {
  const share = stored.discharge > 0 ? stored.green / stored.discharge : 0;
  const loss = stored.discharge / stored.efficiency - stored.discharge;
  const load = hour.load + loss;
  const contracted = hour.contracted + stored.green + loss * share;
  const rest = Math.max(0, load - matchedEnergy({ load, contracted }));
  return { load, free: carbonFreeEnergy({ load, contracted, imported: rest, gridShare: hour.gridShare }) };
};

const batteries = (model: SiteModel): readonly string[] =>
  model.nodes
    .filter((node) => node.kind === "battery" && node.counting === "counted" && node.points.length > 0)
    .map(({ id }) => id);

interface Hour {
  readonly first: Account;
  readonly last: Account;
  readonly terms: Readonly<Record<string, number>>;
}

/** The parts of a window put together by the hour. */
const byHour = ({ parts, model, window }: Scope): readonly Hour[] => {
  const hours = new Map<string, Hour>();
  for (const { account, terms } of parts) {
    const before = account.end <= window.start ? "before" : "in";
    const start = `${before} ${windowOf("1h", account.start, model.timeZone).start}`;
    const sums: Record<string, number> = { ...hours.get(start)?.terms };
    for (const [name, value] of Object.entries(terms)) sums[name] = (sums[name] ?? 0) + value;
    hours.set(start, { first: hours.get(start)?.first ?? account, last: account, terms: sums });
  }
  return [...hours.values()];
};

// Under a thousandth of the discharge an unknown source is rounding, not a gap in the ledger.
const unknownShare = 1e-3;

interface Held {
  readonly store: Stored;
  readonly green: number;
  readonly discharge: number;
  readonly unknown: number;
}

/** One battery over one hour. */
const step = (model: SiteModel, id: string, before: Stored | null, { first: opens, last, terms }: Hour): Held => {
  const capacity = inKilo(model.nodes.find((node) => node.id === id)?.capacityWh) ?? 0;
  const node = nodeOf(last, id);
  const socPct = node?.socPct ?? null;
  const atEnd = socPct === null ? null : (socPct / 100) * capacity;
  const gained = inKilo(node?.storedWh) ?? 0;
  const first = { ...emptyStore, mix: { ...emptyMix, unknown: Math.max(0, (atEnd ?? 0) - gained) } };
  const of = (name: string): number => terms[`${id}|${name}`] ?? 0;
  const discharge = of("discharge");
  const moved = stepStorage(
    heldAt(opens, id) ?? before ?? first,
    { charge: { renewable: of("green"), grid: of("bought"), unknown: of("other") }, carbonG: 0, cost: 0, discharge },
    oneWay,
  );
  // kpi.md §7.2: once a day the state of charge has the last word.
  const settles = atEnd !== null && windowOf("1d", last.end, model.timeZone).start === last.end;
  return {
    store: settles ? reconcileStorage(moved.store, atEnd).store : moved.store,
    green: moved.out.mix.renewable,
    discharge,
    unknown: moved.out.mix.unknown,
  };
};

const hourMs = 3_600_000;

/** 24/7 CFE with the discharge credited; null when a part is longer than the hour that counts. */
const credited = (scope: Scope) => {
  const { model, window } = scope;
  if (scope.parts.some(({ account }) => account.end - account.start > hourMs)) return null;
  const stores = new Map<string, Stored>();
  let [free, load, unknown, discharged] = [0, 0, 0, 0];
  for (const hour of byHour(scope)) {
    let [green, discharge, strange] = [0, 0, 0];
    for (const id of batteries(model)) {
      const held = step(model, id, stores.get(id) ?? null, hour);
      stores.set(id, held.store);
      green += held.green;
      discharge += held.discharge;
      strange += held.unknown;
    }
    if (hour.last.end <= window.start) continue;
    const { contracted = 0, imported = 0, gridImport = 0, gridFree = 0 } = hour.terms;
    const gridShare = gridImport > 0 ? gridFree / gridImport : 0;
    const one = creditedHour(
      { load: hour.terms.load ?? 0, contracted, imported, gridShare },
      { discharge, green, efficiency: oneWay.charge * oneWay.discharge },
    );
    free += one.free;
    load += one.load;
    unknown += strange;
    discharged += discharge;
  }
  return { free, load, isUnknown: unknown > unknownShare * discharged };
};

const withStorage: KpiEntry = {
  ...cfe,
  id: "cfe_storage",
  name: { en: "24/7 carbon-free energy, discharge credited", "zh-CN": "全天候无碳电力占比（含储能放电）" },
  formula:
    "as CFE, with the green part of each discharge contracted, by the provenance ledger, and its loss as load of the same green share",
  standard: "24/7 CFE score (aligned), discharge credited hour by hour, one-way efficiency 0.95",
  window: "calendar year; shown by day and month",
  folds: true,
  missing: (model, variant) => [
    ...(cfe.missing?.(model, variant) ?? []),
    ...(batteries(model).length > 0 ? [] : ["POINT_MISSING:MP.BESS"]),
  ],
  terms: (account, model, variant): Terms => {
    const terms: Record<string, number | null> = { ...cfe.terms(account, model, variant) };
    for (const id of batteries(model))
      for (const [name, value] of Object.entries(flows(account, id))) terms[`${id}|${name}`] = value;
    return terms;
  },
  ratio: (_sums: Sums, _windowMs, scope) => {
    const found = credited(scope);
    if (found === null) return null;
    const flags = found.isUnknown ? ["PROVENANCE_PARTLY_UNKNOWN"] : [];
    return { numerator: found.free, denominator: found.load, flags };
  },
};

const { hourly: _byHour, ...entry } = withStorage;

export const storedEntries: readonly KpiEntry[] = [entry];
