import { type Account, modelsAfter, type SiteModel } from "#energy";
import { eachReading, type Reading, type ReadingColumns } from "#store";
import type { Alert } from "./alert.ts";
import type { NodeParts } from "./node-parts.ts";
import type { Rule } from "./rule.ts";
import { rulesOf } from "./site-rules.ts";
import { nextOf, type Stretch, type StretchPlace } from "./stretch.ts";
import { createSiteWatch, deviceIntervals, type SavedWatch, type SiteWatch } from "./watch.ts";

// happenings, in the order they were given ─▶ the watch of their site ─▶ transitions, in order

/** What moves the rules. `wall` is the wall clock at that moment; a reading carries its own. */
export type Happening =
  | { readonly kind: "readings"; readonly readings: readonly Reading[] }
  | { readonly kind: "columns"; readonly columns: ReadingColumns }
  | { readonly kind: "account"; readonly account: Account; readonly wall: number; readonly nodes?: NodeParts }
  | { readonly kind: "tick"; readonly wall: number };

/** The watches of several sites. Live, replayed and backtested alerts are made here and nowhere else. */
export interface RuleRun {
  readonly watches: ReadonlyMap<string, SiteWatch>;
  /** The transitions that it causes; those of a site that is not watched are none. */
  take(happening: Happening): readonly Alert[];
  /**
   * What taking the readings and ticks of a stretch one by one would do, until one of them causes transitions, and those;
   * none when the stretch is over. `place` says how far that was.
   */
  hear(stretch: Stretch, place: StretchPlace): readonly Alert[];
}

export interface RunDeps {
  readonly sites: readonly SiteModel[];
  readonly rules: readonly Rule[];
  /** Of a text, for alert ids. */
  readonly hash: (text: string) => string;
  /** Wall time without a reading after which a site's clock follows the wall again, ms. */
  readonly catchupWaitMs: number;
  /** Where the watch of a site stood; null for one that begins. */
  readonly saved?: (site: string) => SavedWatch | null;
}

/** Nobody waits for a meter that was taken away. */
const withoutFormer = (saved: SavedWatch, next: SiteModel): SavedWatch => {
  const kept = deviceIntervals(next);
  const members = Object.entries(saved.members).map(
    ([group, mine]) => [group, mine.filter(([device]) => kept.has(device))] as const,
  );
  return { ...saved, members: Object.fromEntries(members) };
};

/** No I/O and no clock of its own: the same happenings give the same transitions. */
export const createRun = ({ sites, rules, hash, catchupWaitMs, saved = () => null }: RunDeps): RuleRun => {
  const watchOf = (model: SiteModel, from: SavedWatch | null): SiteWatch =>
    createSiteWatch({ model, rules: rulesOf(model, rules), hash, catchupWaitMs, saved: from });
  const watches = new Map(sites.map((model) => [model.id, watchOf(model, saved(model.id))]));
  const later = new Map(sites.map((model) => [model.id, [...modelsAfter(model)]]));
  for (const [site, after] of later) if (after.length === 0) later.delete(site);

  /** One step of a site; a model whose validity begins takes over where the one before it stands. */
  const step = (site: string, act: (watch: SiteWatch) => readonly Alert[]): readonly Alert[] => {
    const watch = watches.get(site);
    if (watch === undefined) return [];
    const alerts = act(watch);
    const next = later.size === 0 ? undefined : later.get(site)?.[0];
    const now = watch.now();
    if (next === undefined || now === null || now < (next.validFrom ?? Infinity)) return alerts;
    const rest = later.get(site) ?? [];
    rest.shift();
    if (rest.length === 0) later.delete(site);
    const taken = watchOf(next, withoutFormer(watch.save(), next));
    watches.set(site, taken);
    return [...alerts, ...taken.retire(now)];
  };

  const run: RuleRun = {
    watches,
    hear(stretch, place) {
      const { site } = stretch;
      const watch = watches.get(site);
      if (watch !== undefined && watches.size === 1 && !later.has(site)) return watch.hear(stretch, place);
      let changed: readonly Alert[] = [];
      while (changed.length === 0) {
        const next = nextOf(stretch, place);
        if (next === null) break;
        changed = run.take(
          typeof next === "number" ? { kind: "tick", wall: next } : { kind: "readings", readings: [next] },
        );
      }
      return changed;
    },
    take(happening) {
      if (happening.kind === "readings")
        return happening.readings.flatMap((reading) => step(reading.site, (watch) => watch.reading(reading)));
      if (happening.kind === "columns") {
        const changed: Alert[] = [];
        eachReading(happening.columns, (reading) => {
          const alerts = step(reading.site, (watch) => watch.reading(reading));
          if (alerts.length > 0) changed.push(...alerts);
        });
        return changed;
      }
      if (happening.kind === "account")
        return step(happening.account.site, (watch) =>
          watch.account(happening.account, happening.wall, happening.nodes),
        );
      return [...watches.keys()].flatMap((site) => step(site, (watch) => watch.tick(happening.wall)));
    },
  };
  return run;
};

/**
 * Transitions in one order, one JSON line each, without the wall clock: what a run is compared by, byte for byte.
 * Readings and accounts reach a running system by two roads, so only the order on the site's clock means anything.
 */
export const canonical = (transitions: readonly Alert[]): readonly string[] =>
  transitions
    .map((alert, index) => ({ alert, index }))
    .sort(
      (a, b) =>
        a.alert.changed.site - b.alert.changed.site ||
        (a.alert.id < b.alert.id ? -1 : a.alert.id > b.alert.id ? 1 : a.index - b.index),
    )
    .map(({ alert }) => JSON.stringify({ ...alert, changed: alert.changed.site }));
