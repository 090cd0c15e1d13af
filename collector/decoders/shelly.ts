import { earliestTs } from "../check.ts";
import type { TopicLevels } from "./decoder.ts";
import { type JsonObject, numeric, own } from "./payload.ts";

// What both Shelly dialects share.
//
// Device names. The topic prefix is the device: its levels joined by ".", without leading "shellies"
// (`shelly/ug/trockner` is `shelly.ug.trockner`); a prefix `dc/<site>/<device>` is that device of that site.
// Channels. A message names its channel, never how many there are, so channel 0 is the device itself and channel n
// is `<device>.<n>` (a Pro 4PM is `x`, `x.1`, `x.2`, `x.3`). Phases of one meter stay one device: l1, l2, l3.

export type Values = (readonly [quantity: string, value: unknown])[];

export interface Place {
  readonly site: string;
  readonly device: string;
}

/** Where a topic prefix says the device is. */
export const placeOf = (prefix: readonly string[], foreignSite: string): Place => {
  const [dc, site, device] = prefix;
  if (prefix.length === 3 && dc === "dc" && site !== undefined && device !== undefined) return { site, device };
  const start = prefix.findIndex((level) => level !== "shellies");
  return { site: foreignSite, device: prefix.slice(start === -1 ? prefix.length : start).join(".") };
};

export const channelOf = (place: Place, channel: number): Place =>
  channel === 0 ? place : { site: place.site, device: `${place.device}.${channel}` };

/** Adds a value unless the device did not say it; a Shelly writes null for what it cannot measure. */
export const put = (values: Values, quantity: string, value: unknown): void => {
  if (value !== undefined && value !== null) values.push([quantity, numeric(value)]);
};

/** Seconds of a device clock as UTC ms; `undefined` before its clock is set, when it counts from 1970 (`ts: 1.61`). */
export const deviceTime = (seconds: unknown): number | undefined => {
  if (typeof seconds !== "number" || !Number.isFinite(seconds)) return undefined;
  const ms = Math.round(seconds * 1000);
  return ms < earliestTs ? undefined : ms;
};

/** `shellies/x/online` and `<prefix>/online`: the last will, `true` or `false`. */
export const isOnlineTopic = ({ levels }: TopicLevels): boolean => levels.length >= 2 && levels.at(-1) === "online";

export const celsiusOf = (object: JsonObject, key: string): unknown => {
  const inner = own(object, key);
  return typeof inner === "object" && inner !== null ? own(inner as JsonObject, "tC") : undefined;
};
