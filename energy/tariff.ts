import { civilDay, minuteOfDay } from "./calendar.ts";
import type { DayType, DemandTerms, DemandVersion, Tariff, TariffPeriod, TariffVersion } from "./model.ts";

export interface Price {
  readonly perKwh: number;
  /** The band in force; null when a device's price is used. */
  readonly period: TariffPeriod | null;
  readonly by: "device" | "bands";
}

// Price feeds speak once per market interval, at most an hour; after two they are silent.
export const priceFreshMs = 7_200_000;

const minuteOf = (clock: string): number => {
  const cut = clock.indexOf(":");
  return Number(clock.slice(0, cut)) * 60 + Number(clock.slice(cut + 1));
};

const isSeasonal = ({ months, days }: Tariff["bands"][number]): boolean => months !== undefined || days !== undefined;

const dayTypeOf = (
  { holidays = [], workdays = [] }: Tariff,
  { date, weekday }: { readonly date: string; readonly weekday: number },
): DayType => {
  if (holidays.includes(date)) return "holiday";
  return (weekday === 0 || weekday === 6) && !workdays.includes(date) ? "weekend" : "workday";
};

interface Dated {
  readonly validFrom?: string | null;
  readonly validTo?: string | null;
}

const holdsOn = ({ validFrom, validTo }: Dated, date: string): boolean =>
  (validFrom ?? "") <= date && ((validTo ?? null) === null || date < (validTo ?? ""));

/** What a plan says on the local day of a time; null where it says nothing. */
const versionOn = <Version extends Dated>(
  versions: readonly Version[],
  ts: number,
  timeZone: string,
): Version | null => {
  const { date } = civilDay(ts, timeZone);
  return versions.find((version) => holdsOn(version, date)) ?? null;
};

/** The versions of a plan that hold on some day of a window. */
export const versionsIn = <Version extends Dated>(
  versions: readonly Version[],
  window: { readonly start: number; readonly end: number },
  timeZone: string,
): readonly Version[] => {
  const [first, last] = [civilDay(window.start, timeZone).date, civilDay(window.end - 1, timeZone).date];
  return versions.filter(
    ({ validFrom, validTo }) => (validFrom ?? "") <= last && ((validTo ?? null) === null || first < (validTo ?? "")),
  );
};

const inForce = new WeakMap<TariffVersion, Tariff>();

/** The tariff in force at a time: that version of its plan where it comes from one; null when none holds then. */
export const tariffAt = (tariff: Tariff, ts: number, timeZone: string): Tariff | null => {
  if (tariff.versions === undefined) return tariff;
  const version = versionOn(tariff.versions, ts, timeZone);
  if (version === null) return null;
  const known = inForce.get(version);
  if (known !== undefined && known.device === tariff.device) return known;
  const { bands, holidays, workdays, exportPricePerKwh, source } = version;
  const made: Tariff = {
    ...{ bands, exportPricePerKwh, source, device: tariff.device },
    ...(holidays === undefined ? {} : { holidays }),
    ...(workdays === undefined ? {} : { workdays }),
  };
  inForce.set(version, made);
  return made;
};

/** The version of its plan that prices a time, as `<plan>@<first day>`; null for a tariff without a plan. */
export const planVersionAt = ({ plan, versions }: Tariff, ts: number, timeZone: string): string | null => {
  if (plan === undefined || versions === undefined) return null;
  const version = versionOn(versions, ts, timeZone);
  return version === null ? null : `${plan}@${version.validFrom ?? "…"}`;
};

/** What demand costs at a time; null when the plan says nothing of that day. */
export const demandPriceAt = (
  terms: DemandTerms,
  ts: number,
  timeZone: string,
): Pick<DemandVersion, "pricePerKwMonth" | "billing" | "rebate"> | null => {
  if (terms.versions === undefined)
    return { pricePerKwMonth: terms.pricePerKwMonth, billing: terms.billing ?? "contract" };
  return versionOn(terms.versions, ts, timeZone);
};

/** The bands of the tariff that hold on the local day of a time; none outside the dates of the tariff. */
export const bandsOn = (given: Tariff, ts: number, timeZone: string): Tariff["bands"] => {
  const tariff = tariffAt(given, ts, timeZone);
  if (tariff === null) return [];
  const { validFrom, validTo } = tariff;
  if (validFrom === undefined && validTo === undefined && !tariff.bands.some(isSeasonal)) return tariff.bands;
  const day = civilDay(ts, timeZone);
  if (!holdsOn(tariff, day.date)) return [];
  const kind = dayTypeOf(tariff, day);
  return tariff.bands.filter(
    ({ months, days }) => (months?.includes(day.month) ?? true) && (days?.includes(kind) ?? true),
  );
};

/** The band of the tariff in force at a time: local civil time, bands may run over midnight. */
export const bandAt = (tariff: Tariff, ts: number, timeZone: string): Tariff["bands"][number] | null => {
  const minute = minuteOfDay(ts, timeZone);
  const inForce = bandsOn(tariff, ts, timeZone).find(({ from, to }) => {
    const start = minuteOf(from);
    const end = minuteOf(to);
    return start < end ? start <= minute && minute < end : minute >= start || minute < end;
  });
  return inForce ?? null;
};

/** Price of imported energy; a fresh reading of the price device wins over the bands. Null when neither knows. */
export const priceAt = (tariff: Tariff, ts: number, timeZone: string, reading: number | null): Price | null => {
  if (reading !== null) return { perKwh: reading, period: null, by: "device" };
  const band = bandAt(tariff, ts, timeZone);
  return band === null ? null : { perKwh: band.pricePerKwh, period: band.period, by: "bands" };
};

/** Import at its price less export at its own; energies in Wh, result in the site's currency. */
export const energyCost = (
  importWh: number,
  exportWh: number,
  pricePerKwh: number,
  exportPricePerKwh: number,
): number => (importWh * pricePerKwh - exportWh * exportPricePerKwh) / 1000;
