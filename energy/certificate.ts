import type { Window } from "./calendar.ts";
import type { Certificate, CertificateKind } from "./declared.ts";
import type { SiteModel } from "./model.ts";

export interface Counted {
  readonly kwh: number;
  readonly flags: readonly string[];
}

const overlap = (row: Certificate, window: Window): number =>
  Math.max(0, Math.min(row.to, window.end) - Math.max(row.from, window.start)) / (row.to - row.from);

/**
 * Certificates of some kinds that count in a window: cancelled for this site, each once. What came bundled with a
 * contract row is in that row already. A production period that reaches beyond the window counts in proportion.
 */
export const certified = (model: SiteModel, kinds: readonly CertificateKind[], window: Window): Counted => {
  const flags = new Set<string>();
  let kwh = 0;
  for (const row of model.declared?.certificates ?? []) {
    if (!kinds.includes(row.kind) || row.cancelledFor !== model.id || row.bundledWith !== null) continue;
    const share = overlap(row, window);
    if (share > 0 && share < 1) flags.add(`PRORATED:${row.id}`);
    kwh += share * row.volumeKwh;
  }
  return { kwh, flags: [...flags] };
};

/** On-site generation whose certificates went to somebody else, or to nobody: it is not the site's green energy. */
export const givenAway = (model: SiteModel, window: Window): number =>
  (model.declared?.certificates ?? [])
    .filter((row) => row.kind === "on_site" && row.cancelledFor !== model.id)
    .reduce((sum, row) => sum + overlap(row, window) * row.volumeKwh, 0);
