import { type Account, bandsOn, minuteOfDay, type SiteModel, type Tariff, tariffAt } from "#energy";
import type { Facts } from "./evaluate.ts";
import type { NodeParts } from "./node-parts.ts";
import { type SitePlan, sumOf, type Units } from "./site-plan.ts";

/** Energies of the minutes of the trailing quarter hour, oldest first. Plain data, saved as it is. */
export type PueMinutes = readonly {
  readonly start: number;
  readonly facilityWh: number | null;
  readonly itWh: number | null;
  /** IT energy by the three places of kpi.md §2.1. */
  readonly points?: readonly (number | null)[];
}[];

const quarterMs = 900_000;
const msPerHour = 3_600_000;

/** What every window rule may read about source, grid, load, storage and tariff in one closed minute. */
export const supplyFactsAt = (
  plan: SitePlan,
  model: SiteModel,
  account: Account,
  { columns }: Pick<NodeParts, "columns">,
): Facts => {
  const { totals, start, end } = account;
  const { grids, storages } = plan;
  const { meanW } = columns;
  const watts = (wh: number | null): number | null => (wh === null ? null : (wh * msPerHour) / (end - start));
  return {
    ...plan.facts,
    import_w: watts(totals.importWh),
    export_w: watts(totals.exportWh),
    renewable_w: watts(totals.renewableWh),
    available_w: watts(totals.availableWh ?? null),
    cooling_w: watts(totals.coolingWh),
    charge_w: watts(totals.chargeWh),
    discharge_w: watts(totals.dischargeWh),
    critical_w: watts(sumOf([totals.itWh, totals.coolingWh, totals.lossWh])),
    it_w: watts(totals.itWh),
    soc_pct: socOf(storages, columns.socPct),
    storage_opposed: opposed(storages, meanW),
    circulating_w: circulating(storages, meanW),
    grid_opposed: opposed(grids, meanW),
    ...tariffFactsAt(model.tariff, start, model.timeZone),
  };
};

/** PUE of the trailing quarter hour, and what its meters can be wrong by; `placeOf`: where a node stands in the columns. */
export const pueFactsAt = (
  model: SiteModel,
  account: Account,
  { meanW }: NodeParts["columns"],
  placeOf: ReadonlyMap<string, number>,
  before: PueMinutes,
): { readonly facts: Facts; readonly minutes: PueMinutes } => {
  const { facilityWh, itWh, storedWh } = account.totals;
  const { start, end } = account;
  // Inside the boundary the swing of the state of charge would be taken for overhead (kpi.md §2.1).
  const consumed = facilityWh === null || storedWh === null ? null : facilityWh - (storedWh ?? 0);
  const places = model.declared?.puePoints;
  const energyOf = (nodes: readonly string[] | null): number | null => {
    if (nodes === null) return null;
    let sum = 0;
    for (const place of placesIn(nodes, placeOf)) {
      const watts = meanW[place] ?? Number.NaN;
      if (Number.isNaN(watts)) return null;
      sum += (watts * (end - start)) / msPerHour;
    }
    return sum;
  };
  const points =
    places === undefined ? {} : { points: [energyOf(places["1"]), energyOf(places["2"]), energyOf(places["3"])] };
  const minutes: PueMinutes[number][] = [];
  for (const minute of before) if (minute.start >= end - quarterMs) minutes.push(minute);
  if (start >= end - quarterMs) minutes.push({ start, facilityWh: consumed, itWh, ...points });
  const whole = minutes.length * (end - start) === quarterMs;
  const facility = whole ? sumOver(minutes, ofFacility) : null;
  const it = whole ? sumOver(minutes, ofIt) : null;
  const itW = it === null ? null : (it * msPerHour) / quarterMs;
  const { uncertaintyW } = account.balance;
  const pueOf = (place: number): number | null => {
    if (facility === null || places === undefined) return null;
    const wh = sumOver(minutes, (minute) => minute.points?.[place] ?? null);
    return wh === null || wh <= 0 ? null : facility / wh;
  };
  return {
    minutes,
    facts: {
      facility_w: consumed === null ? null : (consumed * msPerHour) / (end - start),
      pue1: pueOf(0),
      pue2: pueOf(1),
      pue3: pueOf(2),
      pue: facility === null || it === null || it <= 0 ? null : facility / it,
      // Near 1 the error of E_DC / E_IT is that of E_DC − E_IT over E_IT, and the balance knows the former.
      u_pue: uncertaintyW === null || itW === null || itW <= 0 ? null : uncertaintyW / itW,
      it_mean_w: itW,
    },
  };
};

type PueMinute = PueMinutes[number];
const ofFacility = (minute: PueMinute): number | null => minute.facilityWh;
const ofIt = (minute: PueMinute): number | null => minute.itWh;

/** Null when a minute is missing. */
const sumOver = (minutes: PueMinutes, of: (minute: PueMinute) => number | null): number | null => {
  let sum = 0;
  for (const minute of minutes) {
    const part = of(minute);
    if (part === null) return null;
    sum += part;
  }
  return sum;
};

const placesKnown = new WeakMap<readonly string[], readonly number[]>();

const placesIn = (nodes: readonly string[], placeOf: ReadonlyMap<string, number>): readonly number[] => {
  const known = placesKnown.get(nodes);
  if (known !== undefined) return known;
  const places = nodes.map((id) => placeOf.get(id) ?? -1);
  placesKnown.set(nodes, places);
  return places;
};

/** By capacity; null when one unit's is not known. */
const socOf = ({ nodes, places, capacityWh }: Units, socPct: Float64Array): number | null => {
  let charge = 0;
  for (let unit = 0; unit < nodes.length; unit++) {
    const soc = socPct[places[unit] ?? -1] ?? Number.NaN;
    const capacity = nodes[unit]?.capacityWh ?? null;
    if (Number.isNaN(soc) || capacity === null) return null;
    charge += soc * capacity;
  }
  return capacityWh === null || capacityWh === 0 ? null : charge / capacityWh;
};

/** The share of its rating that one unit gives while another takes as much of its own; 0 for a single unit. */
const opposed = ({ nodes, places }: Units, meanW: Float64Array): number | null => {
  let forward = 0;
  let reverse = 0;
  if (nodes.length < 2) return 0;
  for (let unit = 0; unit < nodes.length; unit++) {
    const watts = meanW[places[unit] ?? -1] ?? Number.NaN;
    const ratingW = nodes[unit]?.ratingW ?? null;
    if (Number.isNaN(watts) || ratingW === null || ratingW === 0) return null;
    forward = Math.max(forward, watts / ratingW);
    reverse = Math.max(reverse, -watts / ratingW);
  }
  return Math.min(forward, reverse);
};

/** Power that units give while others take as much; 0 for a single unit. */
const circulating = ({ nodes, places }: Units, meanW: Float64Array): number | null => {
  let given = 0;
  let taken = 0;
  if (nodes.length < 2) return 0;
  for (const place of places) {
    const watts = meanW[place] ?? Number.NaN;
    if (Number.isNaN(watts)) return null;
    given += Math.max(0, watts);
    taken += Math.max(0, -watts);
  }
  return Math.min(given, taken);
};

const minutesOf = (clock: string): number => {
  const [hours, minutes] = clock.split(":").map(Number);
  return (hours ?? 0) * 60 + (minutes ?? 0);
};

const noTariff: Facts = { has_tariff: false, period: null, at_peak: false, critical_peak_later: false };

// Bands mostly begin and end at full quarters, as the offsets of zones do: then a quarter has one answer.
const quarterKnown = new WeakMap<
  Tariff,
  { readonly timeZone: string; readonly quarter: number; readonly facts: Facts }
>();

const tariffFactsAt = (tariff: Tariff | null, ts: number, timeZone: string): Facts => {
  if (tariff === null) return noTariff;
  const quarter = Math.floor(ts / quarterMs);
  const known = quarterKnown.get(tariff);
  if (known?.quarter === quarter && known.timeZone === timeZone) return known.facts;
  const bands = bandsOn(tariff, ts, timeZone);
  const facts = tariffFacts(tariff, bands, ts, timeZone);
  if (bands.every(({ from, to }) => minutesOf(from) % 15 === 0 && minutesOf(to) % 15 === 0))
    quarterKnown.set(tariff, { timeZone, quarter, facts });
  return facts;
};

const tariffFacts = (tariff: Tariff, bands: Tariff["bands"], ts: number, timeZone: string): Facts => {
  const minute = minuteOfDay(ts, timeZone);
  const band = bands.find(({ from, to }) => {
    const [start, end] = [minutesOf(from), minutesOf(to)];
    return start < end ? minute >= start && minute < end : minute >= start || minute < end;
  });
  const prices = bands.map(({ pricePerKwh }) => pricePerKwh);
  return {
    has_tariff: true,
    period: band?.period ?? null,
    at_peak: band?.period === "peak" || band?.period === "critical_peak",
    critical_peak_later:
      band?.period !== "critical_peak" &&
      bands.some(({ from, period }) => period === "critical_peak" && minutesOf(from) > minute),
    price_peak: prices.length === 0 ? null : Math.max(...prices),
    price_now: band?.pricePerKwh ?? null,
    price_low: prices.length === 0 ? null : Math.min(...prices),
    price_export: tariffAt(tariff, ts, timeZone)?.exportPricePerKwh ?? null,
  };
};
