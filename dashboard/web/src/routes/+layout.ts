import { openLocale } from "#lib/i18n/i18n.svelte.ts";
import { loadSites } from "#lib/state/site.svelte.ts";

// A static application: the server that holds the data is another one.
export const ssr = false;

export const load = async (): Promise<void> => {
  // Without the list of sites the shell still opens and says that the server does not answer.
  await Promise.all([openLocale(), loadSites().catch(() => undefined)]);
};
