import type { SiteModel } from "#energy";
import { holdAt, type ModeHistory, noModes, releaseAt, type SiteMode } from "./mode.ts";

/** What carries the site (kpi.md §9 R36), on the site's clock. */
export interface Supply {
  /** Null when no meter, UPS or generator has said anything about it. */
  readonly mode: SiteMode | null;
  /** UTC ms; null as long as the mode is. */
  readonly since: number | null;
  /** The incident that holds back what is told below it, and until when; null when nothing is held. */
  readonly incident: { readonly id: string; readonly releaseAt: number } | null;
  /** Changes of the last two hours and the one before, oldest first. */
  readonly changes: readonly (readonly [at: number, mode: SiteMode])[];
}

export const supplyOf = (history: ModeHistory, now: number | null): Supply => {
  const last = history.changes.at(-1);
  const releases = releaseAt(history);
  const held = now === null ? null : holdAt(history, now);
  return {
    mode: last?.[1] ?? null,
    since: last?.[0] ?? null,
    incident: held === null || releases === null ? null : { id: held, releaseAt: releases },
    changes: history.changes,
  };
};

type Watches = ReadonlyMap<string, { modes(): ModeHistory; now(): number | null }>;

/** Answers for every watched site. */
export const createSupplyDesk = (watches: Watches, sites: readonly SiteModel[]) => ({
  supply: (site: string): Supply | null => {
    if (!sites.some(({ id }) => id === site)) return null;
    const watch = watches.get(site);
    return supplyOf(watch?.modes() ?? noModes, watch?.now() ?? null);
  },
});
