// One site over the years: which model was in force when, and what a swapped meter counted on both sides of it.
import type { Samples } from "./meter.ts";
import type { Point, SiteModel } from "./model.ts";
import { type SamplesByPoint, sampleKey } from "./node-account.ts";

const begins = (model: SiteModel): number => model.validFrom ?? Number.NEGATIVE_INFINITY;

/** All models of a site, the one that was in force first at the front. */
export const versionsOf = (site: SiteModel): readonly SiteModel[] =>
  site.versions === undefined ? [site] : [...site.versions, site].sort((a, b) => begins(a) - begins(b));

/** The model in force at a moment; before the first validity date that is the first one. */
export const modelAt = (site: SiteModel, ts: number): SiteModel => {
  if (site.versions === undefined) return site;
  const versions = versionsOf(site);
  return versions.findLast((version) => begins(version) <= ts) ?? versions[0] ?? site;
};

/** Models of one site as one: the one in force now, with the others at hand. */
export const joinVersions = (models: readonly [SiteModel, ...SiteModel[]], now: number): SiteModel => {
  const [only, ...more] = [...models].sort((a, b) => begins(a) - begins(b)) as [SiteModel, ...SiteModel[]];
  if (more.length === 0) return only;
  const sorted = [only, ...more];
  const current = sorted.findLast((model) => begins(model) <= now) ?? only;
  return { ...current, versions: sorted.filter((model) => model !== current) };
};

const joined = new WeakMap<SiteModel, Map<string, SiteModel>>();

/** A site as it is in force at a moment of a running product, with its other models at hand. */
export const modelNow = (site: SiteModel, now: number): SiteModel => {
  if (site.versions === undefined) return site;
  const { revision } = modelAt(site, now);
  if (revision === site.revision) return site;
  const known = joined.get(site) ?? new Map<string, SiteModel>();
  joined.set(site, known);
  const found = known.get(revision);
  if (found !== undefined) return found;
  const { versions, ...own } = site;
  const made = joinVersions([own, ...versions], now);
  known.set(revision, made);
  return made;
};

/** The models of a site that begin to hold after the one in force now, soonest first. */
export const modelsAfter = (site: SiteModel): readonly SiteModel[] =>
  versionsOf(site).filter((version) => begins(version) > begins(site));

/** Devices that publish prices or factors under any of the models. */
export const factorDevices = (site: SiteModel): readonly string[] => {
  const named = versionsOf(site).flatMap(({ tariff, carbon }) => [tariff?.device, carbon?.device]);
  return [...new Set(named.filter((device) => typeof device === "string"))];
};

/** The period `[from, to)` in which a model is in force, and the model after it. */
const period = (site: SiteModel, model: SiteModel) => {
  const versions = versionsOf(site);
  const index = versions.findIndex(({ revision }) => revision === model.revision);
  const next = index < 0 ? undefined : versions[index + 1];
  return { from: begins(model), to: next?.validFrom ?? Number.POSITIVE_INFINITY, next };
};

const pointsOf = (model: SiteModel): readonly Point[] => model.nodes.flatMap((node) => node.points);

const cut = (samples: Samples, keep: (ts: number) => boolean): { ts: number[]; value: number[] } => {
  const ts: number[] = [];
  const value: number[] = [];
  for (const [index, at] of samples.ts.entries()) {
    if (!keep(at)) continue;
    ts.push(at);
    value.push(samples.value[index] ?? 0);
  }
  return { ts, value };
};

const registers = ["energyForward", "energyReverse"] as const;
const none: Samples = { ts: [], value: [] };

/**
 * The samples that a minute of this model may use. Where a meter took the place of another, the old register ends at
 * the swap with its last reading and the new one begins there with its first: neither is differenced with the other.
 */
export const samplesUnder = (
  site: SiteModel,
  model: SiteModel,
  columns: SamplesByPoint,
  around: { readonly from: number; readonly to: number },
): SamplesByPoint => {
  if (site.versions === undefined) return columns;
  const { from, to, next } = period(site, model);
  const changed = new Map<string, Samples>();
  const read = (key: string): Samples => changed.get(key) ?? columns.get(key) ?? none;
  if (from >= around.from) {
    for (const { device, swap, ...point } of pointsOf(model)) {
      for (const register of swap === undefined ? [] : registers) {
        const quantity = point[register];
        if (quantity === null) continue;
        const key = sampleKey(device, quantity);
        const own = cut(read(key), (ts) => ts >= from);
        const first = swap?.started?.[register] ?? null;
        if (first !== null && own.ts[0] !== from) {
          own.ts.unshift(from);
          own.value.unshift(first);
        }
        changed.set(key, own);
      }
    }
  }
  if (next !== undefined && to <= around.to) {
    for (const { device, swap } of pointsOf(next)) {
      const before =
        swap === undefined ? undefined : pointsOf(model).find((point) => point.device === (swap.device ?? device));
      if (swap === undefined || before === undefined) continue;
      for (const register of registers) {
        const quantity = before[register];
        if (quantity === null) continue;
        const key = sampleKey(before.device, quantity);
        const own = cut(read(key), (ts) => ts < to);
        const last = swap.ended?.[register] ?? null;
        if (last !== null) {
          own.ts.push(to);
          own.value.push(last);
        }
        changed.set(key, own);
      }
    }
  }
  if (changed.size === 0) return columns;
  const { lags, sentinels } = columns;
  return {
    get: (key) => changed.get(key) ?? columns.get(key),
    ...(lags === undefined ? {} : { lags }),
    ...(sentinels === undefined ? {} : { sentinels }),
  };
};
