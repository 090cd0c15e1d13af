// Values whose unit is in their name: `residual_w`, `ageMs`, `coverage_pct`.
import { formatUnit, type Shown } from "./number.ts";

const units: Readonly<Record<string, string>> = {
  w: "W",
  kw: "kW",
  wh: "Wh",
  kwh: "kWh",
  v: "V",
  a: "A",
  hz: "Hz",
  c: "°C",
  pct: "%",
  percent: "%",
  ms: "ms",
  s: "s",
  min: "min",
  h: "h",
};

/** `residual_w` and `residualW` are watts; a name without a unit has none. */
export const unitOfName = (name: string): string | null => {
  const last = name.includes("_") ? name.split("_").at(-1) : name.match(/[A-Z][a-z]*$/)?.[0];
  const key = last?.toLowerCase() ?? "";
  return Object.hasOwn(units, key) ? (units[key] ?? null) : null;
};

/** The name as words, without its unit. */
export const wordsOfName = (name: string): string => {
  const words = name
    .replaceAll(/([a-z0-9])([A-Z])/g, "$1 $2")
    .replaceAll("_", " ")
    .toLowerCase()
    .split(" ");
  if (unitOfName(name) !== null && words.length > 1) words.pop();
  return words.join(" ");
};

export const formatNamed = (locale: string, name: string, value: number | string | null): Shown =>
  typeof value === "string" ? { value, unit: "" } : formatUnit(locale, value, unitOfName(name));
