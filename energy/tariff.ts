import { civilDay, minuteOfDay } from "./calendar.ts";
import type { DayType, Tariff, TariffPeriod } from "./model.ts";

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

/** The bands of the tariff that hold on the local day of a time; none outside the dates of the tariff. */
export const bandsOn = (tariff: Tariff, ts: number, timeZone: string): Tariff["bands"] => {
  const { validFrom, validTo } = tariff;
  if (validFrom === undefined && validTo === undefined && !tariff.bands.some(isSeasonal)) return tariff.bands;
  const day = civilDay(ts, timeZone);
  if ((validFrom ?? "") > day.date || (validTo !== undefined && day.date >= validTo)) return [];
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
