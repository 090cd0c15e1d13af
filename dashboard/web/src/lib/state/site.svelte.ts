import type { ListWire, SiteWire } from "#lib/wire.ts";
import { getJson } from "./api.ts";

const storageKey = "wattlas.site";

let sites = $state.raw<readonly SiteWire[] | null>(null);
let wanted = $state<string | null>(null);

/** The sites, and the one on screen: the URL's, else the one looked at last, else the first. */
export const places = {
  get sites() {
    return sites;
  },
  get current(): SiteWire | null {
    return sites?.find(({ id }) => id === wanted) ?? sites?.[0] ?? null;
  },
  get zone(): string {
    return places.current?.timeZone ?? "UTC";
  },
};

export const loadSites = async (): Promise<void> => {
  sites = (await getJson<ListWire<SiteWire>>("sites")).items;
};

/** Called with the URL's `site`; null keeps what was looked at last. */
export const wantSite = (id: string | null): void => {
  wanted = id ?? wanted ?? localStorage.getItem(storageKey);
  if (id !== null) localStorage.setItem(storageKey, id);
};
