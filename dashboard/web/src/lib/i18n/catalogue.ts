// One catalogue per language: ICU messages by key. Formatting is cached per message.
import { IntlMessageFormat } from "intl-messageformat";
import type en from "./en.json";

export const locales = ["en", "zh-CN"] as const;
export type Locale = (typeof locales)[number];
export type MessageKey = keyof typeof en;
export type Catalogue = Readonly<Record<MessageKey, string>>;
export type MessageArgs = Readonly<Record<string, string | number>>;

export const isLocale = (text: string | null | undefined): text is Locale => locales.some((locale) => locale === text);

/** The first wish that we speak; any Chinese is zh-CN, everything else English. */
export const chooseLocale = (stored: string | null, wishes: readonly string[]): Locale => {
  if (isLocale(stored)) return stored;
  const wish = wishes.find((tag) => /^(zh|en)\b/i.test(tag));
  return wish !== undefined && /^zh\b/i.test(wish) ? "zh-CN" : "en";
};

/** Texts of one language. A key that the catalogue lacks shows itself, so that it is found. */
export const createTranslator = (locale: Locale, catalogue: Catalogue) => {
  const formats = new Map<string, IntlMessageFormat>();
  return (key: MessageKey, args?: MessageArgs): string => {
    const message: string | undefined = catalogue[key];
    if (message === undefined) return key;
    if (args === undefined && !message.includes("{")) return message;
    let format = formats.get(key);
    if (format === undefined) {
      format = new IntlMessageFormat(message, locale, undefined, { ignoreTag: true });
      formats.set(key, format);
    }
    return String(format.format(args));
  };
};
