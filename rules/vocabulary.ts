import type { ValueType } from "./expression.ts";

/**
 * What a rule on a closed window may read, with units. Null (missing) makes whatever needs it unknown.
 * Demand facts are there only where the site model has demand terms.
 */
const accountFacts = {
  /** supplied − consumed, its standard uncertainty, and max(3u, 0.5 % of the bus rating, 2 kW). */
  residual_w: "Power",
  u_w: "Power",
  tolerance_w: "Power",
  supply_w: "Power",
  load_w: "Power",
  bus_rating_w: "Power",
  coverage: "double",
  quality: "string",
  has_demand: "bool",
  /** Contract demand. */
  limit_w: "Power",
  /** Mean import of this minute. */
  p_now_w: "Power",
  /** Part of the demand window that is over, above 0 to 1; 2/3 for a sliding meter, which looks a third ahead. */
  window_share: "double",
  remaining_s: "Time",
  /** Mean demand at the end of that window if the load stays as it is. */
  p_end_w: "Power",
  /** Power to take off now to stay at the limit until the window ends; 0 when none. */
  shed_w: "Power",
  /** A demand window was completed by this minute: every minute for a sliding meter. */
  window_complete: "bool",
  /** Demand of the newest completed window. */
  demand_w: "Power",
  /** Source, grid, load and storage, means of this minute; critical is IT, cooling and losses. */
  import_w: "Power",
  export_w: "Power",
  renewable_w: "Power",
  charge_w: "Power",
  discharge_w: "Power",
  critical_w: "Power",
  it_w: "Power",
  /** Sums of the ratings in the site model; missing when one is. */
  grid_rating_w: "Power",
  it_rating_w: "Power",
  /** Storage with a capacity: batteries and UPSs. */
  has_storage: "bool",
  storage_rating_w: "Power",
  storage_capacity_wh: "Energy",
  /** Of all storage, by capacity, 0 to 100. */
  soc_pct: "double",
  /** Share of its rating that one unit gives while another takes as much of its own, 0 to 1. */
  storage_opposed: "double",
  grid_opposed: "double",
  /** Tariff of the site model: in a peak or critical peak now, a critical peak to come today, highest price, price of export. */
  has_tariff: "bool",
  at_peak: "bool",
  critical_peak_later: "bool",
  price_peak: "double",
  price_export: "double",
  /** PUE of the trailing quarter hour, its standard uncertainty, and the IT load it stands on. */
  pue: "double",
  u_pue: "double",
  it_mean_w: "Power",
} as const satisfies Record<string, ValueType>;

/** What a rule on nodes may read about one metered node besides the site's facts. */
const nodeFacts = {
  node_kind: "string",
  /** Times its registers wrapped, were reset or made no sense within the last day. */
  rollovers: "double",
  resets: "double",
  faults: "double",
  /** Impossible jumps of its registers within the last quarter hour. */
  spikes: "double",
  has_rating: "bool",
  rating_w: "Power",
  /** Mean power of this minute, signed as its kind is. */
  mean_w: "Power",
} as const satisfies Record<string, ValueType>;

/** What a rule on readings may read about one device of a modelled point. */
const deviceFacts = {
  /** From the later of the device's newest reading and when this process began to listen, to the site's clock. */
  age_s: "Time",
  /** Sampling interval of the model. */
  interval_s: "Time",
  /** Readings in a row that came in time, the newest included. */
  good_samples: "double",
} as const satisfies Record<string, ValueType>;

/** What a rule on readings may read of any device that reports it, modelled or not: the newest value of a quantity. */
export const valueFacts = { inlet_c: "Temperature" } as const satisfies Record<string, ValueType>;

/** The facts of a device that never change: what a silence length may be made of. */
export const deviceConstants = { interval_s: "Time" } as const satisfies Record<string, ValueType>;

export const factsOf = (subject: "site" | "node" | "device"): Readonly<Record<string, ValueType>> => {
  if (subject === "device") return { ...deviceFacts, ...valueFacts };
  return subject === "site" ? accountFacts : { ...accountFacts, ...nodeFacts };
};
