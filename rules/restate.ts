import { type Ledger, timestamp } from "#store";
import type { Alert } from "./alert.ts";
import { alertKind, readAlert } from "./record.ts";
import type { SiteWatch } from "./watch.ts";

/** A window whose account has a later revision. */
export interface Restatement {
  readonly site: string;
  readonly start: number;
  readonly end: number;
}

interface RestateDeps {
  readonly ledger: Ledger;
  readonly watches: ReadonlyMap<string, SiteWatch>;
  readonly accountRules: ReadonlySet<string>;
  readonly now: () => number;
}

// Accounts are restated for seven days after they close (kpi.md §1.5): no older alert can depend on one.
const reachMs = 7 * 86_400_000;
const pageRows = 500;

/** Alerts of window rules whose life covers a restated window, marked once; nothing else of them changes. */
export const markRestated = async (
  { ledger, watches, accountRules, now }: RestateDeps,
  restated: readonly Restatement[],
): Promise<readonly Alert[]> => {
  const marked: Alert[] = [];
  for (const site of new Set(restated.map((window) => window.site))) {
    const windows = restated.filter((window) => window.site === site);
    const watch = watches.get(site);
    if (watch === undefined) continue;
    const depends = (alert: Alert): boolean =>
      !alert.restated &&
      accountRules.has(alert.rule) &&
      windows.some(({ start, end }) => end > alert.start && start < (alert.returned ?? alert.closed ?? Infinity));
    const mark = (alert: Alert, siteNow: number): Alert => ({
      ...alert,
      restated: true,
      changed: { wall: now(), site: siteNow },
    });
    for (const alert of watch.open().filter(depends)) {
      const amended = watch.amend(alert.id, mark);
      if (amended !== null) marked.push(amended);
    }
    const from = Math.min(...windows.map(({ start }) => start)) - reachMs;
    const to = Math.max(...windows.map(({ end }) => end));
    let cursor: string | null = null;
    do {
      const page = await ledger.list({
        kind: alertKind,
        site,
        from: timestamp(from),
        to: timestamp(to),
        limit: pageRows,
        ...(cursor === null ? {} : { cursor }),
      });
      for (const row of page.items) {
        const alert = readAlert(row);
        if (alert?.state === "CLOSED" && depends(alert)) marked.push(mark(alert, alert.changed.site));
      }
      cursor = page.next;
    } while (cursor !== null);
  }
  return marked;
};
