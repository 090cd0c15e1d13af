import { type Account, demandProjection, demandWindows, type SiteModel, windowOf } from "#energy";
import type { Facts } from "./evaluate.ts";

/** Imports of the minutes that a demand window can still need, oldest first. Plain data, saved as it is. */
export interface DemandMinutes {
  readonly minutes: readonly { readonly start: number; readonly wh: number | null }[];
  /** Demand of the newest completed window. */
  readonly demandW: number | null;
}

export const noMinutes: DemandMinutes = { minutes: [], demandW: null };

const minuteMs = 60_000;
const msPerHour = 3_600_000;

/** What the window rules may read about one closed minute. */
export const accountFactsAt = (
  model: SiteModel,
  account: Account,
  before: DemandMinutes,
): { readonly facts: Facts; readonly minutes: DemandMinutes } => {
  const { balance } = account;
  const demand = demandFacts(model, account, before);
  return {
    minutes: demand.minutes,
    facts: {
      residual_w: balance.residualW,
      u_w: balance.uncertaintyW,
      tolerance_w: balance.toleranceW,
      supply_w: balance.supplyW,
      load_w: balance.loadW,
      bus_rating_w: model.busRatingW,
      coverage: account.coverage,
      quality: account.quality,
      has_demand: model.demand !== null,
      ...demand.facts,
    },
  };
};

const demandFacts = (
  model: SiteModel,
  account: Account,
  before: DemandMinutes,
): { readonly facts: Facts; readonly minutes: DemandMinutes } => {
  if (model.demand === null) return { facts: {}, minutes: noMinutes };
  const { contractW: limitW, windowMin, method } = model.demand;
  const wh = account.totals.importWh;
  const oldest = account.start - windowMin * minuteMs;
  const minutes: DemandMinutes["minutes"][number][] = [];
  for (const minute of before.minutes) if (minute.start > oldest) minutes.push(minute);
  minutes.push({ start: account.start, wh });
  const window = windowAt(model, account.start, windowMin);
  // A sliding meter closes a window every minute; the one that ends a third of a window from now can still be helped.
  const ahead = Math.max(1, Math.round(windowMin / 3));
  const from = method === "fixed" ? window : account.end - (windowMin - ahead) * minuteMs;
  const elapsedMs = account.end - from;
  const energySoFarWh = sumFrom(minutes, from, account.end);
  const nowW = wh === null ? null : (wh * msPerHour) / (account.end - account.start);
  const complete = method === "sliding" || elapsedMs === windowMin * minuteMs;
  const closed = complete ? meanOfWindow(minutes, account.end, windowMin) : before.demandW;
  const projection =
    energySoFarWh === null || nowW === null
      ? null
      : demandProjection({ energySoFarWh, elapsedMs, windowMs: windowMin * minuteMs, nowW, limitW });
  return {
    minutes: { minutes, demandW: closed },
    facts: {
      limit_w: limitW,
      p_now_w: nowW,
      window_share: elapsedMs / (windowMin * minuteMs),
      remaining_s: (windowMin * minuteMs - elapsedMs) / 1000,
      p_end_w: projection?.projectedW ?? null,
      shed_w: projection === null ? null : (projection.shedW ?? 0),
      window_complete: complete,
      demand_w: closed,
    },
  };
};

// The hour of the newest minute, by zone.
const hours = new Map<string, { readonly start: number; readonly end: number }>();

/** Demand windows divide the hour and follow the wall clock of the site. */
const windowAt = ({ timeZone }: SiteModel, start: number, windowMin: number): number => {
  let hour = hours.get(timeZone);
  if (hour === undefined || start < hour.start || start >= hour.end) {
    hour = windowOf("1h", start, timeZone);
    hours.set(timeZone, hour);
  }
  const length = windowMin * minuteMs;
  return hour.start + Math.floor((start - hour.start) / length) * length;
};

/** Null when a minute is missing: a window with a hole is not known, never lower. */
const sumFrom = (minutes: DemandMinutes["minutes"], from: number, to: number): number | null => {
  let count = 0;
  let sum: number | null = 0;
  for (const { start, wh } of minutes) {
    if (start < from || start >= to) continue;
    count++;
    sum = sum === null || wh === null ? null : sum + wh;
  }
  return count === Math.round((to - from) / minuteMs) ? sum : null;
};

const meanOfWindow = (minutes: DemandMinutes["minutes"], end: number, windowMin: number): number | null => {
  const inside = minutes.filter(({ start }) => start >= end - windowMin * minuteMs && start < end);
  return (
    demandWindows(
      inside.map(({ wh }) => wh),
      windowMin,
      "fixed",
    )[0] ?? null
  );
};
