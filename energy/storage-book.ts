import type { Account, AccountFlag, StorageAccount, StorageState } from "./account.ts";
import { windowOf } from "./calendar.ts";
import { type Mix, mixTotal, reconcileStorage, type Stored, stepStorage } from "./ledger.ts";
import type { SiteModel, SiteNode } from "./model.ts";

//  closing of a quarter ─▶ opening of the next: the accounts themselves carry what a battery holds over a restart.

type StorageAccounts = Readonly<Record<string, StorageAccount>>;

const hourMs = 3_600_000;
// Until a battery has shown its own (kpi.md §7.6); what its state of charge says corrects the rest every day.
export const oneWay = { charge: 0.95, discharge: 0.95 };
// Own definition: a state of charge is good to a few per cent of the capacity.
const toleranceShare = 0.05;
// A battery that was silent for longer opens anew by its state of charge.
export const openingReachMs = 2 * 24 * hourMs;

export const countedBatteries = (model: SiteModel): readonly SiteNode[] =>
  model.nodes.filter((node) => node.kind === "battery" && node.counting === "counted" && node.points.length > 0);

const stateOf = ({ mix, carbonG, cost }: Stored, meanAgeH: number): StorageState => ({
  energyWh: mixTotal(mix),
  renewableWh: mix.renewable,
  gridWh: mix.grid,
  unknownWh: mix.unknown,
  carbonG,
  cost,
  meanAgeH,
});

/** What a state says, as the ledger's arithmetic takes it, Wh. */
export const storedOf = ({ renewableWh, gridWh, unknownWh, carbonG, cost }: StorageState): Stored => ({
  mix: { renewable: renewableWh, grid: gridWh, unknown: unknownWh },
  carbonG,
  cost,
});

const sameState = (a: StorageState, b: StorageState): boolean =>
  (Object.keys(a) as (keyof StorageState)[]).every((key) => Math.abs(a[key] - b[key]) <= 1e-6);

/** Before its first quarter all that a battery holds is of unknown source. */
const firstOpening = (account: Account, node: SiteNode): StorageState => {
  const own = account.nodes[node.id];
  const atEnd = own?.socPct === null || own === undefined ? null : (own.socPct / 100) * (node.capacityWh ?? 0);
  const unknown = atEnd === null ? 0 : Math.max(0, atEnd - (own?.storedWh ?? 0));
  return stateOf({ mix: { renewable: 0, grid: 0, unknown }, carbonG: 0, cost: 0 }, 0);
};

type Flow = Pick<StorageAccount, "charge"> & { readonly dischargeWh: number; readonly flags: StorageAccount["flags"] };

const termsOf = (account: Account, key: string) =>
  account.joint !== undefined && Object.hasOwn(account.joint, key) ? account.joint[key]?.terms : undefined;

// A thousandth of a kilowatt-hour is rounding, not a minute without a price.
const roundingKwh = 1e-3;

/** What the minutes put in and took out, each at its own price and carbon; generation of the site is free. */
const flowOf = (account: Account, id: string): Flow => {
  const flags: StorageAccount["flags"][number][] = [];
  const terms = termsOf(account, `storage_green_share/${id}`);
  const carbon = termsOf(account, `storage_carbon/${id}`);
  const paid = termsOf(account, `storage_cost/${id}`);
  if (terms === undefined) flags.push("FLOW_UNKNOWN");
  const [renewableWh, gridWh, unknownWh, dischargeWh] = ["green", "bought", "other", "discharge"].map(
    (name) => (terms?.[name] ?? 0) * 1000,
  ) as [number, number, number, number];
  // Minutes without a factor or a price are not in its terms: what they bought is missing there.
  const lacks = (known: typeof terms): boolean => gridWh / 1000 - (known?.bought ?? 0) > roundingKwh;
  if (lacks(carbon)) flags.push("CARBON_UNKNOWN");
  if (lacks(paid)) flags.push("COST_UNKNOWN");
  const charge = { renewableWh, gridWh, unknownWh, carbonG: carbon?.carbonG ?? 0, cost: paid?.cost ?? 0 };
  return { charge, dischargeWh, flags };
};

const socEnergy = (account: Account, node: SiteNode): number | null => {
  const socPct = account.nodes[node.id]?.socPct ?? null;
  return socPct === null || node.capacityWh === null ? null : (socPct / 100) * node.capacityWh;
};

const step = (model: SiteModel, account: Account, node: SiteNode, opening: StorageState): StorageAccount => {
  const { charge, dischargeWh, flags } = flowOf(account, node.id);
  const mix: Mix = { renewable: charge.renewableWh, grid: charge.gridWh, unknown: charge.unknownWh };
  const flow = { charge: mix, carbonG: charge.carbonG, cost: charge.cost, discharge: dischargeWh };
  const { store, out } = stepStorage(storedOf(opening), flow, oneWay);
  const came = oneWay.charge * mixTotal(mix);
  const held = opening.energyWh + came;
  const hours = (account.end - account.start) / hourMs;
  const meanAgeH = held > 0 ? (opening.energyWh * (opening.meanAgeH + hours) + (came * hours) / 2) / held : 0;
  const beyondWh = Math.max(0, dischargeWh - held * oneWay.discharge);
  const socWh = socEnergy(account, node);
  // kpi.md §7.2: once a day the state of charge has the last word.
  const settles = socWh !== null && windowOf("1d", account.end, model.timeZone).start === account.end;
  const settled = settles ? reconcileStorage(store, socWh) : null;
  const ledgerWh = mixTotal(store.mix);
  const toleranceWh = toleranceShare * (node.capacityWh ?? 0);
  const isOpen = settled !== null && socWh !== null && Math.abs(socWh - ledgerWh) > toleranceWh;
  return {
    opening,
    closing: stateOf(settled?.store ?? store, meanAgeH),
    charge,
    discharge: {
      renewableWh: out.mix.renewable,
      gridWh: out.mix.grid,
      unknownWh: out.mix.unknown,
      carbonG: out.carbonG,
      cost: out.cost,
    },
    lossWh: out.loss,
    beyondWh,
    reconciled:
      settled === null || socWh === null
        ? null
        : { ledgerWh, socWh, toleranceWh, lossWh: settled.loss, foundWh: settled.found },
    naive: { renewableWh: dischargeWh, carbonG: 0, cost: 0 },
    flags: isOpen ? [...flags, "STORAGE_UNRECONCILED"] : flags,
  };
};

const flagged = (account: Account, storage: StorageAccounts): Account => {
  const rest: AccountFlag[] = account.flags.filter((flag) => flag !== "STORAGE_UNRECONCILED");
  const isOpen = Object.values(storage).some(({ flags }) => flags.includes("STORAGE_UNRECONCILED"));
  return { ...account, storage, flags: isOpen ? [...rest, "STORAGE_UNRECONCILED"] : rest };
};

/** A quarter of an hour with what its batteries held and gave; `before`: the quarters before it, oldest first. */
export const quarterWithStorage = (model: SiteModel, account: Account, before: readonly Account[]): Account => {
  const batteries = countedBatteries(model);
  if (batteries.length === 0) return account;
  const storage: Record<string, StorageAccount> = {};
  for (const node of batteries) {
    const opening = before.findLast(({ storage: held }) => held !== undefined && Object.hasOwn(held, node.id))
      ?.storage?.[node.id]?.closing;
    storage[node.id] = step(model, account, node, opening ?? firstOpening(account, node));
  }
  return flagged(account, storage);
};

const flowKeys = ["renewableWh", "gridWh", "unknownWh", "carbonG", "cost"] as const;

const addFlows = (parts: readonly StorageAccount["charge"][]): StorageAccount["charge"] =>
  Object.fromEntries(
    flowKeys.map((key) => [key, parts.reduce((sum, part) => sum + part[key], 0)]),
  ) as unknown as StorageAccount["charge"];

/** An hour or a day with the storage of its quarters: first opening, last closing, flows added up. */
export const sumWithStorage = (account: Account, quarters: readonly Account[]): Account => {
  const ids = new Set(quarters.flatMap(({ storage }) => Object.keys(storage ?? {})));
  if (ids.size === 0) return account;
  const sums: Record<string, StorageAccount> = {};
  for (const id of ids) {
    const parts = quarters
      .map(({ storage }) => (storage !== undefined && Object.hasOwn(storage, id) ? storage[id] : undefined))
      .filter((part) => part !== undefined);
    const [first, last] = [parts[0], parts.at(-1)];
    if (first === undefined || last === undefined) continue;
    const sum = (of: (part: StorageAccount) => number): number => parts.reduce((total, part) => total + of(part), 0);
    sums[id] = {
      opening: first.opening,
      closing: last.closing,
      charge: addFlows(parts.map(({ charge }) => charge)),
      discharge: addFlows(parts.map(({ discharge }) => discharge)),
      lossWh: sum(({ lossWh }) => lossWh),
      beyondWh: sum(({ beyondWh }) => beyondWh),
      reconciled: last.reconciled,
      naive: { renewableWh: sum(({ naive }) => naive.renewableWh), carbonG: 0, cost: 0 },
      flags: [...new Set(parts.flatMap(({ flags }) => flags))],
    };
  }
  return flagged(account, sums);
};

/**
 * Quarters after a restated one whose batteries open otherwise now, made again from their own flows, oldest first.
 * `quarters` begins with the restated one.
 */
export const carryStorage = (modelOf: (ts: number) => SiteModel, quarters: readonly Account[]): readonly Account[] => {
  const carried: Account[] = [];
  let before: Account | undefined;
  for (const quarter of quarters) {
    let now = quarter;
    if (before !== undefined && quarter.storage !== undefined) {
      const made = quarterWithStorage(modelOf(quarter.end - 1), quarter, [before]);
      const differs = Object.entries(made.storage ?? {}).some(([id, { opening }]) => {
        const old =
          quarter.storage !== undefined && Object.hasOwn(quarter.storage, id) ? quarter.storage[id] : undefined;
        return old === undefined || !sameState(old.opening, opening);
      });
      if (differs) {
        now = made;
        carried.push(made);
      }
    }
    if (now.storage !== undefined) before = now;
  }
  return carried;
};
