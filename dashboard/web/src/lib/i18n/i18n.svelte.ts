import type { Text } from "#lib/wire.ts";
import {
  type Catalogue,
  chooseLocale,
  createTranslator,
  type Locale,
  type MessageArgs,
  type MessageKey,
} from "./catalogue.ts";

const storageKey = "wattlas.locale";
const loaders: Readonly<Record<Locale, () => Promise<{ default: Catalogue }>>> = {
  en: () => import("./en.json"),
  "zh-CN": () => import("./zh-CN.json"),
};

let current = $state.raw<{ locale: Locale; translate: ReturnType<typeof createTranslator> } | null>(null);

/** Loads the language that was chosen last, or the browser's. Awaited before the first screen. */
export const openLocale = (): Promise<void> =>
  setLocale(chooseLocale(localStorage.getItem(storageKey), navigator.languages));

/** Switches the language; it is remembered only when someone chose it. */
export const setLocale = async (locale: Locale, remember = false): Promise<void> => {
  const catalogue = (await loaders[locale]()).default;
  current = { locale, translate: createTranslator(locale, catalogue) };
  document.documentElement.lang = locale;
  if (remember) localStorage.setItem(storageKey, locale);
};

export const locale = (): Locale => current?.locale ?? "en";
export const t = (key: MessageKey, args?: MessageArgs): string => current?.translate(key, args) ?? "";
const unitKeys: Readonly<Record<string, MessageKey>> = {
  sample: "unit.sample",
  query: "unit.query",
  token: "unit.token",
  job: "unit.job",
};
/** A unit as people write it: words of declared work in their language, CO₂ with its index. */
export const unitText = (unit: string): string =>
  unit
    .split("/")
    .map((part) => (Object.hasOwn(unitKeys, part) ? t(unitKeys[part] ?? "unit.sample") : part))
    .join("/")
    .replace("CO2", "CO₂");
/** A text that the server sends in both languages. */
export const pick = (text: Text): string => text[locale()];

/** Precision of declared work; the flag says that the source did not state one. */
export const precisionText = (precision: string): string =>
  precision === "UNKNOWN_PRECISION" ? t("compute.precision.unknown") : precision;
