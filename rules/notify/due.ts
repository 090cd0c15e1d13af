import type { Alert } from "../alert.ts";
import type { Occasion } from "./channel.ts";
import type { Route } from "./plan.ts";

//  raised ─after_s─▶ tier 0 ─after_s─▶ tier 1 … tier 4   until acknowledged
//            └ repeat_s, repeat_s …                      └ returned, to everyone who was told

/** What was told of one alert, by step; survives a restart with the deliveries. */
export type Told = Readonly<Record<string, number>>;

export interface Standing {
  readonly alert: Alert;
  /** Wall clock at which it became active, or worse; null while it was not. */
  readonly raisedAt: number | null;
  readonly told: Told;
}

export interface Due {
  readonly occasion: Occasion;
  /** Names what is told once and never again. */
  readonly step: string;
  /** Tiers whose targets are told. */
  readonly tiers: readonly number[];
  /** Wall clock from which on. */
  readonly at: number;
  /** Steps that need no telling after this one. */
  readonly covers: readonly string[];
}

// What a loaded history raised is told only if it is still so a minute later.
const historyMs = 900_000;
const historyWaitMs = 60_000;

/** Each is told anew: that it came back, that it is worse, that the supply mode of an incident changed. */
export const roundOf = ({ occurrences, severity, timeline }: Alert): string =>
  `${occurrences}/${severity}${timeline === undefined ? "" : `/${timeline.length}`}`;

const isOver = ({ state }: Alert): boolean => state === "RETURNED" || state === "CLOSED";

/** The next thing to tell about an alert on a route; null when nothing is due by now. */
export const dueOf = ({ alert, raisedAt, told }: Standing, route: Route, now: number): Due | null => {
  if (alert.active === null || raisedAt === null || alert.shadow === true) return null;
  const round = roundOf(alert);
  const step = (what: string): string => `${route.name}/${what}/${round}`;
  const tierStep = (tier: number): string => step(`tier-${tier}`);
  const back = `${route.name}/returned/${alert.occurrences}`;
  const [first] = route.tiers;
  const begun = told[tierStep(0)];

  if (begun === undefined) {
    // Told to some at a lesser severity, and over before it was told at this one: they hear of the end below.
    const before = wasTold(told, route, alert.occurrences);
    if (!before) {
      const at = raisedAt + (first?.after_s ?? 0) * 1000;
      if (alert.state === "CLOSED" || alert.acknowledged !== null || now < at) return null;
      if (isHistory(alert, raisedAt) && (isOver(alert) || now < alert.changed.wall + historyWaitMs)) return null;
      return { occasion: "raised", step: tierStep(0), tiers: [0], at, covers: isOver(alert) ? [back] : [] };
    }
    if (!isOver(alert))
      return alert.acknowledged !== null
        ? null
        : { occasion: "raised", step: tierStep(0), tiers: reached(told, route, alert), at: raisedAt, covers: [] };
  }
  if (isOver(alert)) {
    if (route.returned === "quiet" || told[back] !== undefined)
      return tierDue(alert, route, begun, told, tierStep, now);
    return { occasion: "returned", step: back, tiers: reached(told, route, alert), at: alert.changed.wall, covers: [] };
  }
  if (begun === undefined || alert.acknowledged !== null) return null;
  const tier = tierDue(alert, route, begun, told, tierStep, now);
  if (tier !== null || route.repeat_s === undefined) return tier;
  const count = Math.floor((now - begun) / (route.repeat_s * 1000));
  if (count < 1 || told[step(`repeat-${count}`)] !== undefined) return null;
  const at = begun + count * route.repeat_s * 1000;
  return { occasion: "repeated", step: step(`repeat-${count}`), tiers: reached(told, route, alert), at, covers: [] };
};

/** The next tier, while nobody has acknowledged: one that returned by itself still waits for somebody to look. */
const tierDue = (
  alert: Alert,
  route: Route,
  begun: number | undefined,
  told: Told,
  tierStep: (tier: number) => string,
  now: number,
): Due | null => {
  if (begun === undefined || alert.acknowledged !== null || alert.state === "CLOSED") return null;
  const base = begun - (route.tiers[0]?.after_s ?? 0) * 1000;
  for (const [tier, { after_s }] of route.tiers.entries()) {
    if (tier === 0 || told[tierStep(tier)] !== undefined) continue;
    const at = base + after_s * 1000;
    return now < at ? null : { occasion: "escalated", step: tierStep(tier), tiers: [tier], at, covers: [] };
  }
  return null;
};

const isHistory = (alert: Alert, raisedAt: number): boolean => raisedAt - (alert.active ?? raisedAt) > historyMs;

const wasTold = (told: Told, route: Route, occurrence: number): boolean =>
  Object.keys(told).some((key) => key.startsWith(`${route.name}/tier-0/${occurrence}/`));

/** Tiers that have heard of this occurrence. */
const reached = (told: Told, route: Route, { occurrences }: Alert): readonly number[] =>
  route.tiers.flatMap((_, tier) =>
    Object.keys(told).some((key) => key.startsWith(`${route.name}/tier-${tier}/${occurrences}/`)) ? [tier] : [],
  );
