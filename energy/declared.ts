import type { Text } from "./model.ts";

/** What an extra register of a site counts: water, heat, reactive energy, fuel (`MP.*` of kpi.md §1.1). */
export const mediumUses = [
  "heat_reused",
  "heat_removed",
  "water_in",
  "water_potable",
  "water_fresh",
  "reactive_import",
  "reactive_export",
  "fuel",
] as const;
export type MediumUse = (typeof mediumUses)[number];

/** A register beside the power tree, in the unit that its quantity names. */
export interface Medium {
  readonly code: string;
  readonly device: string;
  readonly quantity: string;
  readonly use: MediumUse;
  readonly intervalMs: number;
}

/**
 * `ppa`, `green_trade`: contracted power that carries its certificates; `goo`, `gec`: certificates bought alone;
 * `on_site`: certificates issued for the site's own plant.
 */
export const certificateKinds = ["ppa", "green_trade", "goo", "gec", "on_site"] as const;
export type CertificateKind = (typeof certificateKinds)[number];

/** One dated row of certificates or of contracted green energy. */
export interface Certificate {
  readonly id: string;
  readonly kind: CertificateKind;
  readonly owner: string;
  readonly volumeKwh: number;
  /** Production period `[from, to)`, UTC ms. */
  readonly from: number;
  readonly to: number;
  readonly zone: string;
  /** Who it was cancelled for: the site's id makes it count here; null is not cancelled, or sold. */
  readonly cancelledFor: string | null;
  /** UTC ms. */
  readonly cancelledOn: number | null;
  /** The contract row that these certificates came with: they are not counted a second time. */
  readonly bundledWith: string | null;
  readonly source: string;
}

/** Performance of a node's equipment as it is rated or was benchmarked, never as it runs (kpi.md §3). */
export interface Rating {
  readonly node: string;
  readonly name: string;
  readonly count: number;
  readonly kind: "theoretical_peak" | "benchmark";
  /** `intelligent`: accelerators; `general`: servers; `super`: HPC. */
  readonly group: "intelligent" | "general" | "super";
  /** Of one piece, in `unit`: GFLOPS for theoretical peaks. */
  readonly value: number;
  readonly unit: string;
  readonly precision: string;
  readonly sparsity: "dense" | "2:4" | "none";
  readonly benchmark: string | null;
  readonly version: string | null;
  /** Of one piece, at that performance, W. */
  readonly powerW: number;
  readonly powerBoundary: "chip" | "node";
  readonly source: string;
}

/** Accelerators that say whether they are allocated and how busy they are. */
export interface Idle {
  readonly node: string;
  readonly device: string;
  readonly utilisation: string;
  readonly allocated: string;
  /** Below it an allocated accelerator idles, per cent. */
  readonly belowPct: number;
}

/** A server that says how busy it is and whether it did what it is for (`MP.CPU.*` of kpi.md §1.1). */
export interface Server {
  readonly device: string;
  readonly utilisation: string;
  readonly intervalMs: number;
  /** A state that is 0 while the server is out of operation; null: it always is in operation. */
  readonly operating: string | null;
  /** Any of these above its limit is primary service. */
  readonly primary: readonly { readonly quantity: string; readonly above: number }[];
}

export interface Racks {
  readonly groups: readonly { readonly count: number; readonly ratedKw: number }[];
  readonly designed: number | null;
  readonly installed: number | null;
  readonly inUse: number | null;
  readonly source: string;
}

/** One declared field of a report, by its field code; with where the figure comes from. */
export interface Fact {
  readonly field: string;
  readonly value: string | number;
  readonly unit: string | null;
  readonly note: string | null;
  readonly source: string;
}

/** How a bill judges the power factor: the standard value, how reactive energies add, the contract's table. */
export interface PowerFactorTerms {
  readonly reference: number;
  /** `sum`: |import| + |export|, as two non-reversing meters count; `net`: their difference. */
  readonly reactive: "sum" | "net";
  /** From the highest factor down: at least this factor, rounded to two decimals, changes the bill by per cent. */
  readonly adjustment: readonly { readonly atLeast: number; readonly pct: number }[];
  readonly source: string;
}

export interface Declared {
  readonly media: readonly Medium[];
  readonly certificates: readonly Certificate[];
  readonly ratings: readonly Rating[];
  readonly idle: readonly Idle[];
  readonly racks: Racks | null;
  readonly servers?: readonly Server[];
  /** Water that a kWh from outside took where it was made (EWIF). */
  readonly waterIntensity?: { readonly litresPerKwh: number; readonly source: string };
  /** Nodes that together carry all IT energy at that category's point. */
  readonly puePoints: Readonly<Record<"1" | "2" | "3", readonly string[] | null>>;
  readonly design: {
    readonly pue: number;
    readonly itLoadKw: number;
    readonly climate: Text;
    readonly source: string;
  } | null;
  readonly weather: { readonly device: string; readonly quantity: string } | null;
  readonly powerFactor: PowerFactorTerms | null;
  /** Factor entries that this site uses, by what they are for: ids of the dated factor files. */
  readonly factors: Readonly<Record<string, string>>;
  readonly facts: readonly Fact[];
}

export const nothingDeclared: Declared = {
  media: [],
  certificates: [],
  ratings: [],
  idle: [],
  racks: null,
  puePoints: { "1": null, "2": null, "3": null },
  design: null,
  weather: null,
  powerFactor: null,
  factors: {},
  facts: [],
};
