import type { Timestamp } from "#store";
import type { DemandPeaks } from "./peak.ts";
import type { Suspect } from "./suspect.ts";

/** Lengths of account windows; a day is a civil day of the site. */
export const accountSteps = ["1m", "15m", "1h", "1d"] as const;
export type AccountStep = (typeof accountSteps)[number];

export type Quality = "MEASURED" | "PARTLY_ESTIMATED" | "ESTIMATED" | "INVALID";

/** Codes of what lowers an account's trust. Never renamed. */
export const accountFlags = [
  "COUNTER_ROLLOVER",
  "COUNTER_RESET",
  "COUNTER_FAULT",
  "COUNTER_SPIKE",
  "COUNTER_JITTER",
  "REGISTER_COARSE",
  "DATA_FROZEN",
  "CLOCK_SKEW",
  "REGISTER_MISSING",
  "COVERAGE_LOW",
  "BALANCE_OPEN",
  "FACTOR_DEFAULT",
  "FACTOR_NOT_VALID",
  "PRICE_MISSING",
  "CARBON_MISSING",
  "BOUNDARY_CHANGED",
  "BELOW_PHYSICAL_MIN",
  "SYNTHETIC_INPUT",
  "WORK_MISSING",
  "METER_SUSPECT",
  "ESTIMATED_INPUT",
  "STORAGE_UNRECONCILED",
  "SENTINEL",
] as const;
export type AccountFlag = (typeof accountFlags)[number];

/**
 * The energy sums of one site and window. Ledger kind `account/<step>`, key `<site>/<start ms>`, `ts` = start.
 * Every sum is null when nothing could be known; a missing part makes a total null, never smaller.
 */
export interface Account {
  readonly site: string;
  readonly step: AccountStep;
  /** `[start, end)`, tagged by start. */
  readonly start: Timestamp;
  readonly end: Timestamp;
  readonly revision: number;
  /** Revision of the site model, with the factors and tariffs it declares; its text is kept in the ledger. */
  readonly model: string;
  /**
   * Revision of the data: the place in the stream of committed readings up to which this account knows everything,
   * measured factors and prices included.
   */
  readonly data?: string;
  /** Dated figures of shipped or named files that it used, as `<id>@<revision>`; what the site file says is in `model`. */
  readonly factors?: readonly string[];
  readonly nodes: Readonly<Record<string, NodeAccount>>;
  readonly totals: Totals;
  readonly balance: Balance;
  /** Minimum over counted inputs, 0..1. */
  readonly coverage: number;
  readonly quality: Quality;
  readonly flags: readonly AccountFlag[];
  /**
   * Composed steps only: the terms of each KPI (`pue`, `compute_per_watt/<variant>`), each summed over the minutes in
   * which all of its terms were known, so that a ratio never joins different minutes.
   */
  readonly joint?: Readonly<Record<string, JointSums>>;
  /** Composed steps only: the highest demand windows of the grid imports. */
  readonly demand?: DemandPeaks;
  /** The same without storage: import + discharge − charge. Absent when the site has no battery. */
  readonly baseDemand?: DemandPeaks;
  /** Composed steps of sites with batteries: what each held at both ends, by source, and what it gave. */
  readonly storage?: Readonly<Record<string, StorageAccount>>;
  /** Mean outdoor temperature; absent when the site declares no weather device. */
  readonly outdoorC?: number | null;
}

/** What a battery holds, Wh at its cells by source, with the carbon and the cost that came in with it. */
export interface StorageState {
  readonly energyWh: number;
  readonly renewableWh: number;
  readonly gridWh: number;
  readonly unknownWh: number;
  readonly carbonG: number;
  readonly cost: number;
  /** Hours since charge, by energy; what was held before the books began counts from then. */
  readonly meanAgeH: number;
}

/**
 * The provenance ledger of one battery over a window (kpi.md §7.2):
 * opening + charge + beyond + found = discharge + losses + closing, in energy, and the same of carbon and cost.
 */
export interface StorageAccount {
  readonly opening: StorageState;
  readonly closing: StorageState;
  readonly charge: Omit<StorageState, "energyWh" | "meanAgeH">;
  /** By the mix of what is held. */
  readonly discharge: Omit<StorageState, "energyWh" | "meanAgeH">;
  /** Lost in charging and discharging, by one-way efficiencies of 0.95. */
  readonly lossWh: number;
  /** Discharged beyond what the ledger held, of unknown source. */
  readonly beyondWh: number;
  /** At the end of a local day: the ledger against the state of charge, and what was booked of the difference. */
  readonly reconciled: {
    readonly ledgerWh: number;
    readonly socWh: number;
    /** 5 % of the capacity, own definition. */
    readonly toleranceWh: number;
    readonly lossWh: number;
    readonly foundWh: number;
  } | null;
  /** What the naive rule says of the same discharge: all of it green, without carbon or cost. */
  readonly naive: { readonly renewableWh: number; readonly carbonG: number; readonly cost: number };
  readonly flags: readonly ("FLOW_UNKNOWN" | "CARBON_UNKNOWN" | "COST_UNKNOWN" | "STORAGE_UNRECONCILED")[];
}

export interface JointSums {
  /** Good time of the minutes that were summed, ms. */
  readonly goodMs: number;
  readonly terms: Readonly<Record<string, number>>;
}

/** Energies of one node in one window. */
export interface NodeAccount {
  /** Energy in the node's positive and negative direction (kpi.md §1.2), both non-negative. */
  readonly forwardWh: number | null;
  readonly reverseWh: number | null;
  /** Mean signed power over the good time. */
  readonly meanW: number | null;
  readonly minW: number | null;
  readonly maxW: number | null;
  /** Storage only: state of charge at the end of the window. */
  readonly socPct: number | null;
  /** Storage with a state of charge only: what it gained, Wh, by the state of charge at both ends. */
  readonly storedWh?: number | null;
  /** Renewables that say it only: what they could have generated (`available_w`), Wh. */
  readonly availableWh?: number | null;
  /** Net energy by the registers and by the gauges over the same time; absent unless both are known (rule R02). */
  readonly check?: MeterCheck;
  /** A node of several meters while the balance is open: what each of them showed, in the order of its points. */
  readonly meters?: readonly { readonly meanW: number | null; readonly netWh: number | null }[];
  /** Received less event time, ms, where all readings of the window were dated wrong: below −2 s or above 5 s (R07). */
  readonly lagMs?: number;
  readonly coverage: number;
  readonly quality: Quality;
  readonly flags: readonly AccountFlag[];
}

export interface MeterCheck {
  readonly registerWh: number;
  readonly powerWh: number;
}

/** Wh unless the name says otherwise. */
export interface Totals {
  readonly importWh: number | null;
  readonly exportWh: number | null;
  readonly renewableWh: number | null;
  readonly gensetWh: number | null;
  readonly chargeWh: number | null;
  readonly dischargeWh: number | null;
  readonly itWh: number | null;
  readonly coolingWh: number | null;
  readonly lossWh: number | null;
  readonly otherWh: number | null;
  /** All consumption: IT, cooling, losses, other. */
  readonly loadWh: number | null;
  /** E_DC of kpi.md §2.1, with storage inside or outside the boundary as modelled. */
  readonly facilityWh: number | null;
  /** What storage inside the boundary gained, by its state of charge; 0 when there is none, null when unknown. */
  readonly storedWh?: number | null;
  readonly carbonG: number | null;
  /** The carbon-free part of what was imported, by the mix of the grid; absent when the site declares no mix. */
  readonly carbonFreeWh?: number | null;
  /** What renewables could have generated; null when one of them does not say. */
  readonly availableWh?: number | null;
  /** Energy cost less export income, in the site's currency. */
  readonly cost: number | null;
  /** Counter deltas of declared media (water, heat, reactive energy), by `<device>/<quantity>`, in its unit. */
  readonly media?: Readonly<Record<string, number | null>>;
  /** Energy of nodes whose accelerators were allocated, and of that while they idled, by node. */
  readonly idle?: Readonly<Record<string, { readonly allocatedWh: number | null; readonly idleWh: number | null }>>;
  /** What batteries said last of their health and limits; absent where none ever said any of it. */
  readonly batteries?: Readonly<Record<string, BatteryWord>>;
  /** How servers were used, by what they said at the end of the window; not in composed accounts, whose KPIs have it. */
  readonly servers?: ServerUse;
  /** Import by the period of the tariff (`market` when a device gave the price), with its cost. */
  readonly periods?: Readonly<Record<string, { readonly importWh: number | null; readonly cost: number | null }>>;
  /** Counter deltas of declared work, by `<device>/<quantity>`, with the energy of the node that bought them. */
  readonly work: Readonly<Record<string, { readonly amount: number | null; readonly energyWh: number | null }>>;
}

export interface BatteryWord {
  readonly sohPct: number | null;
  /** How long it says that it will last. */
  readonly runtimeS: number | null;
  readonly dischargeLimitW: number | null;
}

export interface ServerUse {
  /** ITEUsv of this time: mean CPU utilisation of the servers in operation; null when one of them did not say or none is. */
  readonly utilisationPct: number | null;
  /** Whether each server in operation gave its primary service; null when it did not say. */
  readonly serving: Readonly<Record<string, boolean | null>>;
  /** Servers whose utilisation, or whether they are in operation, is not known. */
  readonly silent: readonly string[];
}

/** supplied − consumed, with its own uncertainty (rule R01, vector TV-UNC-1). Null when an input is missing. */
export interface Balance {
  readonly supplyW: number | null;
  readonly loadW: number | null;
  readonly residualW: number | null;
  /** Standard uncertainty u. */
  readonly uncertaintyW: number | null;
  /** max(3u, 0.5 % of the bus rating, 2 kW): outside it the balance is open. */
  readonly toleranceW: number | null;
  /** The same in energy, registers first: supplied less consumed, and its standard uncertainty. */
  readonly residualWh?: number | null;
  readonly uncertaintyWh?: number | null;
  /** The meter that would close the open balance if it showed the truth. */
  readonly suspect?: Suspect;
}

/** kpi.md §1.7. */
export interface KpiResult {
  readonly kpi: string;
  readonly variant?: string;
  readonly standard: string;
  readonly value: number | null;
  readonly unit: string;
  readonly numerator: number | null;
  readonly denominator: number | null;
  readonly numUnit: string;
  readonly denUnit: string;
  readonly window: { readonly start: string; readonly end: string; readonly tz: string; readonly complete: boolean };
  readonly boundaryId: string;
  readonly coverage: number;
  /** k = 2, same unit. */
  readonly uncertainty?: number;
  readonly quality: Quality;
  readonly flags: readonly string[];
  readonly revision: number;
  /** Which way is good, where readers differ about it. */
  readonly better?: "higher" | "lower";
  readonly factors?: readonly { readonly id: string; readonly version: string }[];
}
