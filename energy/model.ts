import type { Declared } from "./declared.ts";

/** A text in both languages. */
export interface Text {
  readonly en: string;
  readonly "zh-CN": string;
}

/** What a node is in the power tree. */
export const nodeKinds = [
  "grid",
  "pv",
  "wind",
  "genset",
  "battery",
  "ups",
  "it",
  "cooling",
  "power-chain",
  "lighting",
  "misc",
  "office",
  "thermal",
] as const;
export type NodeKind = (typeof nodeKinds)[number];
/** What a kind is in the balance. */
export const nodeRoles: Readonly<Record<NodeKind, NodeRole>> = {
  grid: "grid",
  pv: "source",
  wind: "source",
  genset: "source",
  battery: "storage",
  ups: "load",
  it: "load",
  cooling: "load",
  "power-chain": "load",
  lighting: "load",
  misc: "load",
  office: "load",
  thermal: "storage",
};

/** 源网荷储: source, grid, load, storage. */
export type NodeRole = "source" | "grid" | "load" | "storage";

/** Where a node's readings come from; everything but `measured` is marked wherever it is shown. */
export type Origin = "measured" | "recorded" | "synthetic" | "estimated";

/** A site as its file describes it, checked and complete: whoever has one need not ask whether it is sound. */
export interface SiteModel {
  readonly id: string;
  readonly name: Text;
  readonly timeZone: string;
  readonly currency: string;
  /** Hash of the site file, with its validity date where it has one: an account names the model it was made with. */
  readonly revision: string;
  /** UTC ms of a whole minute from which on this model holds; absent: from the beginning. */
  readonly validFrom?: number;
  /** The other models of this site, for other times. */
  readonly versions?: readonly SiteModel[];
  /** Rating of the site AC bus, for the floor of R01. */
  readonly busRatingW: number;
  /** UPS output, PDU output or IT input: where E_IT is measured. */
  readonly pueCategory: 1 | 2 | 3;
  readonly nodes: readonly SiteNode[];
  readonly demand: DemandTerms | null;
  readonly tariff: Tariff | null;
  readonly carbon: CarbonTerms | null;
  readonly compute: ComputeTerms | null;
  /** Where the site is, as reports and policies ask for it; absent when nothing is declared. */
  readonly place?: Place;
  readonly transformers?: readonly Transformer[];
  readonly contract?: Contract;
  /** What is declared beside the power tree; absent when nothing is. */
  readonly declared?: Declared;
  /** What the site changes of the rules, by rule; absent when nothing. Not part of the revision: no account depends on it. */
  readonly rules?: Readonly<Record<string, SiteRule>>;
}

/** 枢纽, 集群: the hub and the cluster of the national computing network that the site belongs to. */
export interface Place {
  readonly country: string | null;
  readonly province: string | null;
  readonly city: string | null;
  readonly hub: string | null;
  readonly cluster: string | null;
}

export interface Transformer {
  readonly id: string;
  readonly ratingVa: number;
  readonly feed: string | null;
  /** Nodes that it supplies. */
  readonly nodes: readonly string[];
}

/** What the connection contract allows; null is no limit. */
export interface Contract {
  readonly importLimitW: number | null;
  readonly exportLimitW: number | null;
  /** Capacity that is billed by (两部制 by transformer capacity), VA. */
  readonly capacityVa: number | null;
}

export interface SiteRule {
  readonly mode?: "on" | "shadow" | "off";
  /** In the base unit of their suffix. */
  readonly parameters: Readonly<Record<string, number>>;
}

/** The rules that exist and what each lets a site change: what the `rules` block of a site file is checked against. */
export type DeclaredRules = Readonly<Record<string, DeclaredRule>>;

export interface DeclaredRule {
  readonly parameters: readonly string[];
  /** Why these numbers cannot stand together, by one of them; null when it is none of them. */
  readonly refuse?: (
    changed: Readonly<Record<string, number>>,
  ) => readonly { readonly parameter: string | null; readonly message: string }[];
}

export const nodeLevels = ["building", "hall", "row", "rack", "server"] as const;
export type NodeLevel = (typeof nodeLevels)[number];

/** A source, grid connection, load or storage in the power tree of a site. */
export interface SiteNode {
  readonly id: string;
  readonly kind: NodeKind;
  readonly role: NodeRole;
  readonly name: Text;
  readonly parent: string | null;
  readonly origin: Origin;
  readonly ratingW: number | null;
  /** Storage only. */
  readonly capacityWh: number | null;
  /**
   * Storage and loads: inside or outside the data-centre boundary (kpi.md §2.1). What loads outside take, such as the
   * offices of a shared building, is no energy of the data centre.
   */
  readonly boundary: "inside" | "outside";
  /**
   * `counted`: part of the site balance. `detail`: a part of its parent that the parent's own meter already counts
   * (a rack under a metered hall), shown but not summed.
   */
  readonly counting: "counted" | "detail";
  /** What part of the building it is, where that matters. */
  readonly level?: NodeLevel;
  /** Feed of a dual supply, such as A or B. */
  readonly feed?: string;
  /** As designed: N, N+1, 2N, 2(N+1), … */
  readonly redundancy?: string;
  readonly points: readonly Point[];
}

/** A measurement point (`MP.*` of kpi.md §1.1): an annotation on a node, never a node. */
export interface Point {
  readonly code: string;
  readonly device: string;
  /** Gauge quantity in watts, or null when there is only a register. */
  readonly power: string | null;
  /**
   * +1: a positive reading is the node's positive direction of kpi.md §1.2 (import, generation, discharge,
   * consumption); −1: reversed.
   */
  readonly sign: 1 | -1;
  /** Register in the positive direction (import, generation, discharge, consumption). */
  readonly energyForward: string | null;
  /** Register in the negative direction (export, charge). */
  readonly energyReverse: string | null;
  /** State of charge, for storage. */
  readonly soc: string | null;
  readonly intervalMs: number;
  /** Accuracy class of the meter and of its current transformer, per cent; CT null when direct. */
  readonly meterClass: number;
  readonly ctClass: CtClass | null;
  /** Power at the rated primary current of the transformer; absent: the rating of the node stands for it. */
  readonly ctRatingW?: number;
  /** Nominal voltage of its phases against neutral, where the site file gives `voltage_v`. */
  readonly nominalV?: number;
  /** This meter took the place of another when its model came into force. */
  readonly swap?: Swap;
  /** Feed of a dual supply that this meter is on. */
  readonly feed?: string;
  /** No meter: the power is what its type and count are said to take; `device` is then the id of the node. */
  readonly estimate?: Estimate;
  readonly register: { readonly modulusWh: number | null; readonly resolutionWh: number };
  /** Values that mean "no value" to this meter; absent: none but those that mean it to all. */
  readonly sentinels?: readonly number[];
  /** Through which its readings come; absent when it speaks for itself. */
  readonly gateway?: string;
}

/** Record of a meter swap: last readings of the old meter, first of the new one, Wh; what nobody noted is null. */
export interface Swap {
  /** Device of the old meter; null when the new one reports as the same device. */
  readonly device: string | null;
  readonly ended: RegisterReadings | null;
  readonly started: RegisterReadings | null;
}

export interface RegisterReadings {
  readonly energyForward: number | null;
  readonly energyReverse: number | null;
}

/** A small unmetered load by type and count, as its operator declares it. */
export interface Estimate {
  readonly type: Text;
  readonly count: number;
  /** Mean power of one, W. */
  readonly eachW: number;
  /** Limit of error, per cent. */
  readonly errorPct: number;
  readonly source: string;
}

export type CtClass = "0.2" | "0.2S" | "0.5" | "0.5S" | "1";

export interface DemandTerms {
  readonly contractW: number;
  /** Usually 15. */
  readonly windowMin: number;
  readonly method: "fixed" | "sliding";
  readonly pricePerKwMonth: number;
  /**
   * What a month is billed by (kpi.md §5.7): `contract` bills the contract, and past 105 % of it the maximum plus the
   * excess; `contract_twice` bills the contract plus twice the excess; `actual` bills the maximum; `capacity` bills the
   * kVA of `contract.capacity_va` whatever the maximum is, and the price is per kVA. Default `contract`.
   */
  readonly billing?: DemandBilling;
  /** Day of the month on which a billing cycle begins, 1 to 28; the first when absent. */
  readonly cycleStartDay?: number;
  /** The named plan that the price comes from: then `versions` has it over time, and the price here is the newest. */
  readonly plan?: string;
  readonly versions?: readonly DemandVersion[];
}

/** What demand costs from one local date to another. */
export interface DemandVersion {
  readonly validFrom: string | null;
  readonly validTo: string | null;
  readonly pricePerKwMonth: number;
  readonly billing: DemandBilling;
  /** A month that uses much of its contracted capacity pays less: `times` the charge from so many kWh per kVA on. */
  readonly rebate?: { readonly kwhPerKva: number; readonly times: number };
}

export const demandBillings = ["contract", "contract_twice", "actual", "capacity"] as const;
export type DemandBilling = (typeof demandBillings)[number];

export type TariffPeriod = "critical_peak" | "peak" | "flat" | "valley" | "deep_valley";

export const dayTypes = ["workday", "weekend", "holiday"] as const;
export type DayType = (typeof dayTypes)[number];

export interface Tariff {
  /** Local civil time, "HH:MM" to "HH:MM"; of each month and kind of day they cover the day once. */
  readonly bands: readonly {
    readonly from: string;
    readonly to: string;
    readonly period: TariffPeriod;
    readonly pricePerKwh: number;
    /** 1..12; absent: all. */
    readonly months?: readonly number[];
    /** Absent: all. */
    readonly days?: readonly DayType[];
  }[];
  /** Public holidays, and weekend days that are worked (调休), as local dates. */
  readonly holidays?: readonly string[];
  readonly workdays?: readonly string[];
  /** First local date it holds, and the first it no longer does: outside no price is known. */
  readonly validFrom?: string;
  readonly validTo?: string;
  readonly exportPricePerKwh: number;
  /** A device that publishes `price_per_kwh`; it wins over the bands while fresh. */
  readonly device: string | null;
  readonly source: string;
  /** The named plan that it comes from: then `versions` has its figures over time, and `bands` those of all of them. */
  readonly plan?: string;
  readonly versions?: readonly TariffVersion[];
}

/** The figures of a plan from one local date to another, and who says so. Null is no known beginning or end. */
export interface TariffVersion
  extends Pick<Tariff, "bands" | "holidays" | "workdays" | "exportPricePerKwh" | "source"> {
  readonly validFrom: string | null;
  readonly validTo: string | null;
  readonly instrument: string;
  readonly clause: string;
}

export interface CarbonTerms {
  /** Used, and marked as a factor, while no fresh `carbon_g_per_kwh` arrives. */
  readonly defaultGPerKwh: number;
  /** Factor of on-site generators; without it carbon is unknown while one runs. */
  readonly gensetGPerKwh?: number | null;
  /** Carbon-free share of the grid, per cent, used and marked while no fresh `carbon_free_pct` arrives. */
  readonly defaultCarbonFreePct?: number | null;
  /** Residual mix: the factor of imports without an instrument in market-based accounts. */
  readonly residualGPerKwh?: number | null;
  readonly device: string | null;
  readonly source: string;
}

/** Declared useful work: which counters of which devices, under which benchmark (kpi.md §3). */
export interface ComputeTerms {
  readonly work: readonly {
    readonly device: string;
    readonly quantity: string;
    readonly unit: string;
    readonly workload: Text;
    readonly precision: string;
    readonly origin: Origin;
    /** The node whose energy bought it. */
    readonly node: string;
  }[];
}
