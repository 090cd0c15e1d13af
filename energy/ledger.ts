/** Where stored energy came from; `unknown` is what was in store before the books began. */
export const storedSources = ["renewable", "grid", "unknown"] as const;
export type StoredSource = (typeof storedSources)[number];
export type Mix = Readonly<Record<StoredSource, number>>;

/** What a store holds: energy by source, and the carbon and cost that came in with it. One unit of energy throughout. */
export interface Stored {
  readonly mix: Mix;
  readonly carbonG: number;
  readonly cost: number;
}

export interface StorageFlow {
  /** Energy at the terminals, by source, with what it carried. */
  readonly charge: Mix;
  readonly carbonG: number;
  readonly cost: number;
  readonly discharge: number;
}

export interface Discharged extends Stored {
  /** Lost in charging and discharging. */
  readonly loss: number;
}

export const emptyMix: Mix = { renewable: 0, grid: 0, unknown: 0 };
export const emptyStore: Stored = { mix: emptyMix, carbonG: 0, cost: 0 };

const mapMix = (of: (source: StoredSource) => number): Mix => ({
  renewable: of("renewable"),
  grid: of("grid"),
  unknown: of("unknown"),
});

export const mixTotal = ({ renewable, grid, unknown }: Mix): number => renewable + grid + unknown;

/**
 * One step of the provenance ledger (kpi.md §7.2): charge comes in after its loss, discharge leaves with the mix, the
 * carbon and the cost of what is stored. Losses carry no carbon away: it stays with the energy that is left. What is
 * discharged beyond the store has an unknown source.
 */
export const stepStorage = (
  before: Stored,
  flow: StorageFlow,
  efficiency: { readonly charge: number; readonly discharge: number },
): { readonly store: Stored; readonly out: Discharged } => {
  const held = mapMix((source) => before.mix[source] + efficiency.charge * flow.charge[source]);
  const total = mixTotal(held);
  const wanted = flow.discharge / efficiency.discharge;
  const taken = Math.min(wanted, total);
  const share = total > 0 ? taken / total : 0;
  const left = 1 - share;
  const carbonG = before.carbonG + flow.carbonG;
  const cost = before.cost + flow.cost;
  // Nothing in store: what came with a charge that is all lost goes out with the discharge.
  const outShare = total > 0 ? share : flow.discharge > 0 ? 1 : 0;
  const delivered = mapMix((source) => held[source] * share * efficiency.discharge);
  const beyond = (wanted - taken) * efficiency.discharge;
  return {
    store: {
      mix: mapMix((source) => held[source] * left),
      carbonG: carbonG * (1 - outShare),
      cost: cost * (1 - outShare),
    },
    out: {
      mix: { ...delivered, unknown: delivered.unknown + beyond },
      carbonG: carbonG * outShare,
      cost: cost * outShare,
      loss: mixTotal(flow.charge) * (1 - efficiency.charge) + taken * (1 - efficiency.discharge),
    },
  };
};

/**
 * Brings the ledger to the energy that the state of charge says. A factor under one is a loss of the store itself, one
 * above says that a meter or an efficiency is wrong; the mix is kept (kpi.md §7.2). Into an empty ledger the energy
 * comes as unknown.
 */
export const reconcileStorage = (
  store: Stored,
  stored: number,
): { readonly store: Stored; readonly factor: number | null; readonly loss: number; readonly found: number } => {
  const total = mixTotal(store.mix);
  const loss = Math.max(0, total - stored);
  const found = Math.max(0, stored - total);
  if (!(total > 0)) return { store: { ...store, mix: { ...emptyMix, unknown: stored } }, factor: null, loss, found };
  const factor = stored / total;
  return { store: { ...store, mix: mapMix((source) => store.mix[source] * factor) }, factor, loss, found };
};
