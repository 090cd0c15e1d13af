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

/** The facts of a device that never change: what a silence length may be made of. */
export const deviceConstants = { interval_s: "Time" } as const satisfies Record<string, ValueType>;

export const factsOf = (on: "account" | "reading"): Readonly<Record<string, ValueType>> =>
  on === "account" ? accountFacts : deviceFacts;
