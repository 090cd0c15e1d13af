import { type Account, bandsOn, minuteOfDay, type SiteModel, type SiteNode, type Tariff, tariffAt } from "#energy";
import type { Facts } from "./evaluate.ts";
import type { NodeParts } from "./node-parts.ts";

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
export const supplyFactsAt = (model: SiteModel, account: Account, parts: Pick<NodeParts, "part">): Facts => {
  const { totals } = account;
  const watts = (wh: number | null): number | null =>
    wh === null ? null : (wh * msPerHour) / (account.end - account.start);
  const counted = model.nodes.filter((node) => node.counting === "counted" && node.points.length > 0);
  const grids = counted.filter(({ role }) => role === "grid");
  const storages = counted.filter(({ role, capacityWh }) => role === "storage" && capacityWh !== null);
  const critical = sumOf([totals.itWh, totals.coolingWh, totals.lossWh]);
  return {
    import_w: watts(totals.importWh),
    export_w: watts(totals.exportWh),
    renewable_w: watts(totals.renewableWh),
    available_w: watts(totals.availableWh ?? null),
    cooling_w: watts(totals.coolingWh),
    charge_w: watts(totals.chargeWh),
    discharge_w: watts(totals.dischargeWh),
    critical_w: watts(critical),
    it_w: watts(totals.itWh),
    grid_rating_w: sumOf(grids.map(({ ratingW }) => ratingW)),
    grid_count: grids.length,
    grid_firm_w: firmOf(grids.map(({ ratingW }) => ratingW)),
    renewable_rating_w: sumOf(ratingsOf(counted, ["pv", "wind"])),
    cooling_rating_w: sumOf(ratingsOf(counted, ["cooling"])),
    it_rating_w: sumOf(counted.filter(({ kind }) => kind === "it").map(({ ratingW }) => ratingW)),
    has_storage: storages.length > 0,
    storage_rating_w: sumOf(storages.map(({ ratingW }) => ratingW)),
    storage_capacity_wh: sumOf(storages.map(({ capacityWh }) => capacityWh)),
    soc_pct: socOf(storages, parts),
    storage_opposed: opposed(storages, parts),
    circulating_w: circulating(storages, parts),
    grid_opposed: opposed(grids, parts),
    ...tariffFacts(model.tariff, account.start, model.timeZone),
  };
};

/** PUE of the trailing quarter hour, and what its meters can be wrong by. */
export const pueFactsAt = (
  model: SiteModel,
  account: Account,
  parts: Pick<NodeParts, "part">,
  before: PueMinutes,
): { readonly facts: Facts; readonly minutes: PueMinutes } => {
  const { facilityWh, itWh, storedWh } = account.totals;
  // Inside the boundary the swing of the state of charge would be taken for overhead (kpi.md §2.1).
  const consumed = facilityWh === null || storedWh === null ? null : facilityWh - (storedWh ?? 0);
  const places = model.declared?.puePoints;
  const points =
    places === undefined
      ? {}
      : { points: (["1", "2", "3"] as const).map((one) => energyOf(places[one], account, parts)) };
  const minutes = [...before, { start: account.start as number, facilityWh: consumed, itWh, ...points }].filter(
    ({ start }) => start >= account.end - quarterMs,
  );
  const whole = minutes.length * (account.end - account.start) === quarterMs;
  const facility = whole ? sumOf(minutes.map((minute) => minute.facilityWh)) : null;
  const it = whole ? sumOf(minutes.map((minute) => minute.itWh)) : null;
  const itW = it === null ? null : (it * msPerHour) / quarterMs;
  const { uncertaintyW } = account.balance;
  const pueOf = (place: number): number | null => {
    const wh = whole ? sumOf(minutes.map((minute) => minute.points?.[place] ?? null)) : null;
    return facility === null || wh === null || wh <= 0 ? null : facility / wh;
  };
  return {
    minutes,
    facts: {
      facility_w: consumed === null ? null : (consumed * msPerHour) / (account.end - account.start),
      ...{ pue1: pueOf(0), pue2: pueOf(1), pue3: pueOf(2) },
      pue: facility === null || it === null || it <= 0 ? null : facility / it,
      // Near 1 the error of E_DC / E_IT is that of E_DC − E_IT over E_IT, and the balance knows the former.
      u_pue: uncertaintyW === null || itW === null || itW <= 0 ? null : uncertaintyW / itW,
      it_mean_w: itW,
    },
  };
};

/** Null when a part is missing: never smaller for it. */
const sumOf = (parts: readonly (number | null)[]): number | null =>
  parts.reduce<number | null>((sum, part) => (sum === null || part === null ? null : sum + part), 0);

const energyOf = (nodes: readonly string[] | null, account: Account, parts: Pick<NodeParts, "part">): number | null =>
  nodes === null
    ? null
    : sumOf(
        nodes.map((id) => {
          const meanW = parts.part(id)?.meanW ?? null;
          return meanW === null ? null : (meanW * (account.end - account.start)) / msPerHour;
        }),
      );

const ratingsOf = (nodes: readonly SiteNode[], kinds: readonly string[]): (number | null)[] =>
  nodes.filter(({ kind }) => kinds.includes(kind)).map(({ ratingW }) => ratingW);

/** What is left when the largest fails; null when a rating is missing. */
const firmOf = (ratings: readonly (number | null)[]): number | null => {
  const sum = sumOf(ratings);
  return sum === null ? null : sum - Math.max(0, ...ratings.map((rating) => rating ?? 0));
};

/** By capacity; null when one unit's is not known. */
const socOf = (storages: readonly SiteNode[], { part }: Pick<NodeParts, "part">): number | null => {
  const capacity = sumOf(storages.map(({ capacityWh }) => capacityWh));
  const charge = sumOf(
    storages.map(({ id, capacityWh }) => {
      const soc = part(id)?.socPct ?? null;
      return soc === null || capacityWh === null ? null : soc * capacityWh;
    }),
  );
  return charge === null || capacity === null || capacity === 0 ? null : charge / capacity;
};

/** The share of its rating that one unit gives while another takes as much of its own; 0 for a single unit. */
const opposed = (nodes: readonly SiteNode[], { part }: Pick<NodeParts, "part">): number | null => {
  let forward = 0;
  let reverse = 0;
  if (nodes.length < 2) return 0;
  for (const { id, ratingW } of nodes) {
    const meanW = part(id)?.meanW ?? null;
    if (meanW === null || ratingW === null || ratingW === 0) return null;
    forward = Math.max(forward, meanW / ratingW);
    reverse = Math.max(reverse, -meanW / ratingW);
  }
  return Math.min(forward, reverse);
};

/** Power that units give while others take as much; 0 for a single unit. */
const circulating = (nodes: readonly SiteNode[], parts: Pick<NodeParts, "part">): number | null => {
  let given = 0;
  let taken = 0;
  if (nodes.length < 2) return 0;
  for (const { id } of nodes) {
    const meanW = parts.part(id)?.meanW ?? null;
    if (meanW === null) return null;
    given += Math.max(0, meanW);
    taken += Math.max(0, -meanW);
  }
  return Math.min(given, taken);
};

const minutesOf = (clock: string): number => {
  const [hours, minutes] = clock.split(":").map(Number);
  return (hours ?? 0) * 60 + (minutes ?? 0);
};

const tariffFacts = (tariff: Tariff | null, ts: number, timeZone: string): Facts => {
  if (tariff === null) return { has_tariff: false, period: null, at_peak: false, critical_peak_later: false };
  const minute = minuteOfDay(ts, timeZone);
  const bands = bandsOn(tariff, ts, timeZone);
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
