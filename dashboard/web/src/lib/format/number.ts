// Numbers as people of the house read them: three to four significant figures, unit apart from the value.
export interface Shown {
  readonly value: string;
  readonly unit: string;
}

export const missing = "—";

const formats = new Map<string, Intl.NumberFormat>();
const numberFormat = (locale: string, digits: number, grouping: boolean): Intl.NumberFormat => {
  const key = `${locale}/${digits}/${grouping}`;
  let format = formats.get(key);
  if (format === undefined) {
    format = new Intl.NumberFormat(locale, {
      minimumFractionDigits: digits,
      maximumFractionDigits: digits,
      useGrouping: grouping,
      signDisplay: "negative",
    });
    formats.set(key, format);
  }
  return format;
};

/** A plain number with a fixed count of decimals. */
export const formatNumber = (locale: string, value: number | null | undefined, digits = 0): string =>
  value === null || value === undefined || !Number.isFinite(value)
    ? missing
    : minus(numberFormat(locale, digits, Math.abs(value) >= 10_000).format(value));

const minus = (text: string): string => text.replace("-", "−");

/** Decimals that leave about three significant figures: 4.21, 42.1, 421. */
export const digitsFor = (value: number): number => {
  const size = Math.abs(value);
  if (size === 0 || size >= 99.95) return 0;
  if (size >= 9.995) return 1;
  if (size >= 0.1) return 2;
  return Math.min(6, 2 - Math.floor(Math.log10(size)));
};

/** From here on a number is read as so many thousands, millions or 万. */
const compactFrom = 100_000;
const compactFormat = (locale: string, least: number): Intl.NumberFormat =>
  new Intl.NumberFormat(locale, { notation: "compact", minimumSignificantDigits: least, maximumSignificantDigits: 4 });
const compacts = new Map<string, Intl.NumberFormat>();

/** About three figures; large numbers as 26.83M or 2683万. */
export const formatSignificant = (locale: string, value: number | null | undefined): string => {
  if (value === null || value === undefined || !Number.isFinite(value)) return missing;
  if (Math.abs(value) < compactFrom) return formatNumber(locale, value, digitsFor(value));
  let format = compacts.get(locale);
  if (format === undefined) {
    format = compactFormat(locale, 4);
    compacts.set(locale, format);
  }
  return minus(format.format(value));
};

/** Labels of an axis: as many decimals as its steps need. */
export const formatAxis = (locale: string, splits: readonly number[]): string[] => {
  const step = Math.abs((splits[1] ?? 1) - (splits[0] ?? 0)) || 1;
  let digits = 0;
  while (digits < 6 && Math.abs(step * 10 ** digits - Math.round(step * 10 ** digits)) > 1e-6 * step * 10 ** digits)
    digits += 1;
  const large = splits.some((value) => Math.abs(value) >= compactFrom);
  const compact = compactFormat(locale, 1);
  return splits.map((value) => (large ? minus(compact.format(value)) : formatNumber(locale, value, digits)));
};

export const formatPercent = (locale: string, share: number | null | undefined, digits = 0): Shown => ({
  value: formatNumber(locale, share === null || share === undefined ? null : share * 100, digits),
  unit: "%",
});

type Step = readonly [from: number, divisor: number, unit: string];

const powerSteps: readonly Step[] = [
  [999.5e6, 1e9, "GW"],
  [999.5e3, 1e6, "MW"],
  [999.5, 1e3, "kW"],
  [0, 1, "W"],
];
const energySteps: readonly Step[] = [
  [999.5e6, 1e9, "GWh"],
  [999.5e3, 1e6, "MWh"],
  [999.5, 1e3, "kWh"],
  [0, 1, "Wh"],
];
// 万千瓦时 (10 MWh) is the unit of Chinese bills and filings.
const energyStepsZh: readonly Step[] = [
  [1e7, 1e7, "万千瓦时"],
  [999.5, 1e3, "kWh"],
  [0, 1, "Wh"],
];

const scale = (locale: string, value: number | null | undefined, steps: readonly Step[], base: string): Shown => {
  if (value === null || value === undefined || !Number.isFinite(value)) return { value: missing, unit: base };
  const step = steps.find(([from]) => Math.abs(value) >= from);
  const scaled = value / (step?.[1] ?? 1);
  const digits = step?.[2] === "W" || step?.[2] === "Wh" ? 0 : digitsFor(scaled);
  return { value: formatNumber(locale, scaled, digits), unit: step?.[2] ?? base };
};

/** W, kW, MW or GW. */
export const formatPower = (locale: string, w: number | null | undefined): Shown => scale(locale, w, powerSteps, "kW");

/** Wh to GWh; 万千瓦时 in Chinese. */
export const formatEnergy = (locale: string, wh: number | null | undefined): Shown =>
  scale(locale, wh, locale.startsWith("zh") ? energyStepsZh : energySteps, "kWh");

const byteSteps: readonly Step[] = [
  [1e9, 1e9, "GB"],
  [1e6, 1e6, "MB"],
  [1e3, 1e3, "kB"],
  [0, 1, "B"],
];
export const formatBytes = (locale: string, bytes: number | null | undefined): Shown =>
  scale(locale, bytes, byteSteps, "B");

/** A value with the unit its name carries: watts and watt-hours scale, others stay as they are. */
export const formatUnit = (locale: string, value: number | null | undefined, unit: string | null): Shown => {
  if (unit === "W") return formatPower(locale, value);
  if (unit === "Wh") return formatEnergy(locale, value);
  if (unit === "B") return formatBytes(locale, value);
  if (unit === "%") return { value: formatNumber(locale, value, 1), unit: "%" };
  const whole = value !== null && value !== undefined && Number.isInteger(value);
  return {
    value: whole ? formatNumber(locale, value) : formatSignificant(locale, value),
    unit: unit === null || unit === "1" ? "" : unit,
  };
};

export const joined = (shown: Shown): string => (shown.unit === "" ? shown.value : `${shown.value} ${shown.unit}`);
