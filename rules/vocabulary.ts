import { findQuantity } from "#store";
import type { ValueType } from "./expression.ts";

type Facts = Readonly<Record<string, ValueType>>;

/** Local civil time of the site: 1 is Monday; seconds since midnight by the clock on the wall. */
const timeFacts = { weekday: "double", time_of_day_s: "Time" } as const satisfies Facts;

/**
 * What a rule on a closed window may read, with units. Null (missing) makes whatever needs it unknown.
 * Demand facts are there only where the site model has demand terms.
 */
const accountFacts = {
  ...timeFacts,
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
  /** Highest demand of this billing cycle before that window, as far as it was recorded here; money a kW and month. */
  month_demand_w: "Power",
  demand_price: "double",
  /** How a month is billed: contract, contract_twice, actual or capacity. */
  demand_billing: "string",
  /** Source, grid, load and storage, means of this minute; critical is IT, cooling and losses. */
  import_w: "Power",
  export_w: "Power",
  renewable_w: "Power",
  /** What renewables could have generated (`available_w`). */
  available_w: "Power",
  charge_w: "Power",
  discharge_w: "Power",
  critical_w: "Power",
  it_w: "Power",
  cooling_w: "Power",
  /** Sums of the ratings in the site model less what a work permit isolates; missing when one is. */
  grid_rating_w: "Power",
  it_rating_w: "Power",
  renewable_rating_w: "Power",
  cooling_rating_w: "Power",
  /** Grid connections in service, and what is left of their ratings without the largest. */
  grid_count: "double",
  grid_firm_w: "Power",
  /** Storage with a capacity: batteries and UPSs. */
  has_storage: "bool",
  storage_rating_w: "Power",
  storage_capacity_wh: "Energy",
  /** Of all storage, by capacity, 0 to 100. */
  soc_pct: "double",
  /** Share of its rating that one unit gives while another takes as much of its own, 0 to 1. */
  storage_opposed: "double",
  grid_opposed: "double",
  /** Power that storage units give while others take as much. */
  circulating_w: "Power",
  /** What storage says that it can give and take now, by its rating where a unit does not say; health by capacity. */
  storage_give_w: "Power",
  storage_take_w: "Power",
  storage_soh_pct: "double",
  /** The shortest time that a UPS or battery says it would carry. */
  storage_runtime_s: "Time",
  /** Tariff of the site model: in a peak or critical peak now, a critical peak to come today, highest price, price of export. */
  has_tariff: "bool",
  period: "string",
  at_peak: "bool",
  critical_peak_later: "bool",
  price_peak: "double",
  /** Price of import now, and the lowest of today. */
  price_now: "double",
  price_low: "double",
  price_export: "double",
  /** PUE of the trailing quarter hour, its standard uncertainty, and the IT load it stands on. */
  pue: "double",
  u_pue: "double",
  it_mean_w: "Power",
  /** What the facility took this minute, as PUE counts it. */
  facility_w: "Power",
  /** E_DC over the IT energy at each of the three places where it is measured, of the trailing quarter hour. */
  pue1: "double",
  pue2: "double",
  pue3: "double",
  /** What PUE was in the baseline at this IT load and outdoor temperature; missing outside what was seen. */
  pue_baseline: "double",
  /** How far PUE strayed from that while it was learned, a standard deviation. */
  pue_sigma: "double",
  outdoor_c: "Temperature",
  /** Since the year began, as far as it was recorded here. */
  year_green_wh: "Energy",
  year_total_wh: "Energy",
  year_renewable_wh: "Energy",
  year_export_wh: "Energy",
  /** 99 % of the quarter-hour changes of renewables seen at this hour of the day in 30 days, as powers of at least 0. */
  drop_w: "Power",
  rise_w: "Power",
  /** The same of rises of the load. */
  load_ramp_w: "Power",
  /** Lowest generation that is forecast for the next quarter of an hour; missing when a renewable does not say. */
  forecast_w: "Power",
  irradiance_w_per_m2: "double",
  /** The hottest inlet of this minute, and how much it rises a minute at this IT load without cooling, as seen before. */
  inlet_max_c: "Temperature",
  room_rise_c: "Temperature",
  /** Generators in automatic that did not fail to start, and their ratings; missing while one does not say. */
  genset_count: "double",
  gensets_available: "double",
  genset_available_w: "Power",
} as const satisfies Facts;

/** Facts that stand on more than the minute at hand: what an alert recorded of them stands for them later. */
export const rememberedFacts: readonly string[] = [
  "pue_baseline",
  "pue_sigma",
  "month_demand_w",
  "drop_w",
  "rise_w",
  "load_ramp_w",
  "room_rise_c",
  "year_green_wh",
  "year_total_wh",
  "year_renewable_wh",
  "year_export_wh",
];

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
  /** Mean power of this minute, signed as its kind is; lowest and highest. */
  mean_w: "Power",
  min_w: "Power",
  max_w: "Power",
  /** Share of this minute that its meters told; the longest interval of its meters; the coarsest register. */
  node_coverage: "double",
  node_interval_s: "Time",
  resolution_wh: "Energy",
  /** Standard uncertainty of its meters at this power. */
  node_u_w: "Power",
  /** The metered node above it; the load of the site when there is none. */
  above_w: "Power",
  /** Energy of this minute by the registers and by the gauge, where the node has both. */
  register_wh: "Energy",
  gauge_wh: "Energy",
  forward_wh: "Energy",
  reverse_wh: "Energy",
  /** Storage: capacity, state of charge of this node, and what it gained by it. */
  capacity_wh: "Energy",
  node_soc_pct: "double",
  stored_wh: "Energy",
  has_children: "bool",
  /** Sum of the nodes under it of the same role; missing when one is. */
  children_w: "Power",
  /** Standard uncertainty of that sum. */
  children_u_w: "Power",
  /** The balance is open and would close if this node's meter showed the truth: by which factor it is wrong. */
  is_suspect: "bool",
  suspect_factor: "double",
  /** Declared work of this node this minute, and the energy that bought it. */
  work: "double",
  work_wh: "Energy",
  node_util_pct: "double",
  software_version: "double",
} as const satisfies Facts;

/** Whether it is said of each node, not of the site. */
export const isNodeFact = (name: string): boolean => Object.hasOwn(nodeFacts, name);

/** What a rule on silence may read about one device of a modelled point. */
const silenceFacts = {
  /** From the later of the device's newest reading and when this process began to listen, to the site's clock. */
  age_s: "Time",
  /** Sampling interval of the model. */
  interval_s: "Time",
  /** Readings in a row that came in time, the newest included. */
  good_samples: "double",
} as const satisfies Facts;

/** The facts of a device that never change: what a silence length may be made of. */
export const deviceConstants = { interval_s: "Time" } as const satisfies Facts;

/** What the site model says of a device: by what a rule chooses whom it is about. */
export const modelConstants = {
  interval_s: "Time",
  node_kind: "string",
  has_rating: "bool",
  rating_w: "Power",
  /** Between a phase and neutral by the site model; missing where it does not say. */
  declared_v: "Voltage",
} as const satisfies Facts;

/** What a rule on the values of a device may read besides its quantities: where it stands in the model. */
const deviceFacts = {
  ...timeFacts,
  ...modelConstants,
  /** Receive time less event time of the newest reading; negative for one dated ahead. */
  lag_s: "Time",
  /** Of five minutes: the median of that without its sign, its change a minute, the share of readings out of order. */
  lag_median_s: "Time",
  lag_trend_s: "Time",
  disorder_share: "double",
  /** Standard uncertainty of the meter at its rating. */
  rated_u_w: "Power",
  /** IT load of the site over its rating, of the minute before the last. */
  it_share: "double",
} as const satisfies Facts;

/** What a rule on the present power of a node may read; powers are sums of its newest readings. */
const nodeNowFacts = {
  ...timeFacts,
  node_kind: "string",
  has_rating: "bool",
  rating_w: "Power",
  /** Points that count into the node and out of it. */
  in_w: "Power",
  out_w: "Power",
  /** Points on two feeds, by `feed` in the site file or a code that ends in .A and .B: the two cords of a node. */
  has_sides: "bool",
  side_a_w: "Power",
  side_b_w: "Power",
} as const satisfies Facts;

/** What a rule on the present of a site may read besides the points it names. */
const siteNowFacts = {
  ...timeFacts,
  /** Sum over the grid connections, import positive; its export; and the longest interval of their meters. */
  grid_w: "Power",
  grid_export_w: "Power",
  grid_interval_s: "Time",
  /** Power at the rated primary current of its transformers, and what the contract lets go out, where the site file says. */
  grid_ct_w: "Power",
  contract_export_w: "Power",
  /** How often the rule became active before now, this billing month, as far as it was recorded here. */
  month_events: "double",
  /** mains, ups, genset, returning or island. */
  site_mode: "string",
} as const satisfies Facts;

const typeOfUnit: Readonly<Record<string, ValueType>> = {
  W: "Power",
  Wh: "Energy",
  V: "Voltage",
  A: "Current",
  Hz: "Frequency",
  VA: "Apparent",
  var: "Reactive",
  "°C": "Temperature",
  s: "Time",
  "1/kWh": "Price",
  "g/kWh": "Intensity",
};

const ownHealth = /^(broker|collector|store|memory|cpu|refused)_/;
const typeOfQuantity = (name: string): ValueType | undefined => {
  const quantity = ownHealth.test(name) ? undefined : findQuantity(name);
  return quantity === undefined ? undefined : (typeOfUnit[quantity.unit] ?? "double");
};

/**
 * The type of a value of a device: any known quantity; `peer_mean_<quantity>` and `peer_median_<quantity>` over the
 * devices of its node; `<quantity>_steady_s`, the time since it last changed; `<quantity>_per_min`, its change a minute since
 * the reading before. Undefined for anything else.
 */
export const typeOfValue = (name: string): ValueType | undefined => {
  const known = typeOfQuantity(name);
  if (known !== undefined) return known;
  const derived = derivedValue(name);
  if (derived === null) return undefined;
  const type = typeOfQuantity(derived.quantity);
  return type === undefined || derived.how !== "steady" ? type : "Time";
};

export interface DerivedValue {
  readonly how: "steady" | "per_min" | "peer_mean" | "peer_median";
  readonly quantity: string;
}

export const derivedValue = (name: string): DerivedValue | null => {
  const match = /^(?:(peer_mean|peer_median)_(.+)|(.+)_(steady_s|per_min))$/.exec(name);
  if (match === null) return null;
  return match[3] === undefined
    ? { how: match[1] as "peer_mean", quantity: match[2] ?? "" }
    : { how: match[4] === "per_min" ? "per_min" : "steady", quantity: match[3] };
};

export interface Vocabulary {
  /** Those with a name of their own: any quantity may come besides. */
  readonly facts: Facts;
  readonly type: (name: string) => ValueType | undefined;
  /** Said when a name is not known. */
  readonly expected: string;
}

const vocabulary = (facts: Facts, values = false): Vocabulary => ({
  facts,
  type: (name) => (Object.hasOwn(facts, name) ? facts[name] : values ? typeOfValue(name) : undefined),
  expected: `one of ${Object.keys(facts).join(", ")}${values ? " or a known quantity such as power_w" : ""}`,
});

const silence = vocabulary(silenceFacts);
const values = vocabulary(deviceFacts, true);
const site = vocabulary(accountFacts);
const node = vocabulary({ ...accountFacts, ...nodeFacts });
const nodeNow = vocabulary(nodeNowFacts);
const siteNow = vocabulary(siteNowFacts);

/** A rule on readings that looks at silence reads nothing else. */
export const readsSilence = (inputs: readonly string[]): boolean =>
  inputs.includes("age_s") || inputs.includes("good_samples");

export const vocabularyOf = (
  on: "account" | "reading",
  subject: "site" | "node" | "device",
  inputs: readonly string[],
): Vocabulary => {
  if (on === "account") return subject === "site" ? site : node;
  if (subject === "device") return readsSilence(inputs) ? silence : values;
  return subject === "site" ? siteNow : nodeNow;
};

/** Which rules could read a name that this one cannot; null: none. */
export const placesOfName = (name: string): string | null => {
  if (Object.hasOwn(accountFacts, name)) return "to rules on: account";
  if (Object.hasOwn(nodeFacts, name)) return "to rules on: account, subject: node";
  if (Object.hasOwn(silenceFacts, name)) return "to rules on: reading, subject: device that look at silence";
  if (Object.hasOwn(siteNowFacts, name)) return "to rules on: reading, subject: site";
  if (Object.hasOwn(nodeNowFacts, name)) return "to rules on: reading, subject: node";
  if (Object.hasOwn(deviceFacts, name) || typeOfValue(name) !== undefined)
    return "to rules on: reading, subject: device";
  return null;
};
