import type { Locale } from "./catalogue.ts";
import { locale } from "./i18n.svelte.ts";

type Advice = Readonly<Record<string, string>>;
const loaders: Readonly<Record<Locale, () => Promise<{ default: Advice }>>> = {
  en: () => import("./advice.en.json"),
  "zh-CN": () => import("./advice.zh-CN.json"),
};
let known = $state.raw<Readonly<Partial<Record<Locale, Advice>>>>({});
const asked = new Set<Locale>();

/** What a person does about a code; null where nothing can be added, or until the texts are read. */
export const adviceOf = (code: string): string | null => {
  const language = locale();
  const there = known[language];
  if (there !== undefined) return there[code] ?? null;
  if (!asked.has(language)) {
    asked.add(language);
    loaders[language]().then(
      ({ default: advice }) => {
        known = { ...known, [language]: advice };
      },
      // The server may be away: the next code asks again.
      () => asked.delete(language),
    );
  }
  return null;
};
