import type { Account, BatteryWord, Totals } from "./account.ts";
import type { Window } from "./calendar.ts";
import { serverUtilisation } from "./indicator.ts";
import { countBetween } from "./meter.ts";
import type { SiteModel } from "./model.ts";
import { gapOf, type SamplesByPoint, sampleKey, type WindowLimits } from "./node-account.ts";
import { meanBetween, valueAt } from "./power.ts";
import type { Price } from "./tariff.ts";

/** What declared registers beside the power tree counted; absent when none is declared. */
export const mediaOf = (
  model: SiteModel,
  window: Window,
  samples: SamplesByPoint,
  limits: WindowLimits,
): Pick<Totals, "media"> => {
  const media = model.declared?.media ?? [];
  if (media.length === 0) return {};
  const counted = media.map(({ device, quantity, intervalMs }) => {
    const key = sampleKey(device, quantity);
    const register = samples.get(key);
    const terms = { modulus: null, resolution: 0, maxPerHour: Infinity };
    const bounds = { bridgeMs: limits.bridgeMs, gapMs: gapOf(intervalMs) };
    return [key, register === undefined ? null : (countBetween(register, window, terms, bounds).amount ?? null)];
  });
  return { media: Object.fromEntries(counted) };
};

// A state is said when it changes and again every few minutes.
const serverFreshMs = 300_000;

// Allocation changes rarely and utilisation every few seconds; older than this neither says how the minute was.
const idleFreshMs = 300_000;

/** Energy while accelerators were allocated, and of that while they idled, by what they said at the window's end. */
export const idleOf = (
  model: SiteModel,
  window: Window,
  samples: SamplesByPoint,
  energyWh: (node: string) => number | null,
): Pick<Totals, "idle"> => {
  const declared = model.declared?.idle ?? [];
  if (declared.length === 0) return {};
  const idle = declared.map(({ node, device, utilisation, allocated, belowPct }) => {
    const said = (quantity: string) => valueAt(samples.get(sampleKey(device, quantity)), window.end, idleFreshMs);
    const [isAllocated, busyPct, wh] = [said(allocated), said(utilisation), energyWh(node)];
    if (isAllocated === null || busyPct === null || wh === null) return [node, { allocatedWh: null, idleWh: null }];
    const allocatedWh = isAllocated > 0 ? wh : 0;
    return [node, { allocatedWh, idleWh: busyPct < belowPct ? allocatedWh : 0 }];
  });
  return { idle: Object.fromEntries(idle) };
};

// Health is told once a day, limits and runtimes with every state.
const healthFreshMs = 86_400_000;
const limitFreshMs = 900_000;

/** What batteries say of themselves at the end of a window; absent when none ever said any of it. */
export const batteriesOf = (model: SiteModel, window: Window, samples: SamplesByPoint): Pick<Totals, "batteries"> => {
  const said: [string, BatteryWord][] = [];
  for (const node of model.nodes) {
    if (node.kind !== "battery" || node.counting !== "counted") continue;
    const last = (quantity: string, freshMs: number): number | null => {
      for (const { device } of node.points) {
        const value = valueAt(samples.get(sampleKey(device, quantity)), window.end, freshMs);
        if (value !== null) return value;
      }
      return null;
    };
    const word = {
      sohPct: last("soh_pct", healthFreshMs),
      runtimeS: last("runtime_s", limitFreshMs),
      dischargeLimitW: last("discharge_limit_w", limitFreshMs),
    };
    if (Object.values(word).some((value) => value !== null)) said.push([node.id, word]);
  }
  return said.length === 0 ? {} : { batteries: Object.fromEntries(said) };
};

/** How declared servers were used at the end of a window; absent when none is declared. */
export const serversOf = (model: SiteModel, window: Window, samples: SamplesByPoint): Pick<Totals, "servers"> => {
  const declared = model.declared?.servers ?? [];
  if (declared.length === 0) return {};
  const used: number[] = [];
  const serving: Record<string, boolean | null> = {};
  const silent: string[] = [];
  for (const { device, utilisation, intervalMs, operating, primary } of declared) {
    const said = (quantity: string) =>
      valueAt(samples.get(sampleKey(device, quantity)), window.end, Math.max(gapOf(intervalMs), serverFreshMs));
    const on = operating === null ? 1 : said(operating);
    if (on === 0) continue;
    const pct = said(utilisation);
    if (on === null || pct === null) silent.push(device);
    else used.push(pct);
    if (on !== null && primary.length > 0)
      serving[device] = anyAbove(primary.map((one) => ({ ...one, value: said(one.quantity) })));
    else if (on === null) serving[device] = null;
  }
  return { servers: { utilisationPct: silent.length > 0 ? null : serverUtilisation(used), serving, silent } };
};

/** True when one is above its limit, false when all are known and none is, otherwise not known. */
const anyAbove = (signs: readonly { readonly value: number | null; readonly above: number }[]): boolean | null => {
  if (signs.some(({ value, above }) => value !== null && value > above)) return true;
  return signs.some(({ value }) => value === null) ? null : false;
};

/** Import and its cost under the period of the tariff in force. */
export const periodsOf = (
  price: Price | null,
  energy: { readonly importWh: number | null },
): Pick<Totals, "periods"> => {
  if (price === null) return {};
  const { importWh } = energy;
  const cost = importWh === null ? null : (importWh * price.perKwh) / 1000;
  return { periods: { [price.period ?? "market"]: { importWh, cost } } };
};

/** Mean outdoor temperature; absent when the site declares no weather device. */
export const outdoorOf = (model: SiteModel, window: Window, samples: SamplesByPoint): Pick<Account, "outdoorC"> => {
  const weather = model.declared?.weather ?? null;
  if (weather === null) return {};
  const series = samples.get(sampleKey(weather.device, weather.quantity));
  // Weather stations speak every few minutes to every hour.
  return { outdoorC: series === undefined ? null : meanBetween(series, window, 3_600_000) };
};
