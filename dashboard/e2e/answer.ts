// What the scene answers to each request.
import type { HealthWire, NowWire } from "../server/wire.ts";
import { alertsAt, historyOf, pastAlerts } from "./scene/alerts.ts";
import { devicesAt, ingestAt, lettersAt } from "./scene/ingest.ts";
import { trendOf } from "./scene/kpis.ts";
import { channelsAt, deliveriesAt, scheduleAt, silencesAt } from "./scene/notify.ts";
import { permitsAt, qualityAt, supplyAt, wasteAt } from "./scene/operations.ts";
import { type Mood, place } from "./scene/place.ts";
import { activityAt, backtestOf, rules } from "./scene/rules.ts";
import { otherSite, site } from "./scene/site.ts";

export interface Asked {
  readonly method: string;
  /** Below /api/v1/. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** What was posted. */
  readonly body: unknown;
  readonly ts: number;
  readonly mood: Mood;
  /** Nothing is modelled, nothing has happened. */
  readonly empty: boolean;
  /** Alerts that opened while somebody was looking. */
  readonly raised: readonly NowWire["alerts"][number][];
  readonly health: HealthWire;
}

const list = (items: readonly unknown[]) => ({ items, next: null });
const every = ({ ts, raised }: Asked) => [...raised, ...alertsAt(ts), ...pastAlerts(ts)];
const range = ({ query }: Asked): readonly [from: number, to: number] => [
  Number(query.get("from")),
  Number(query.get("to")),
];

const alerts = (asked: Asked): unknown => {
  const severity = asked.query.get("severity")?.split(",");
  return list(
    every(asked)
      .filter((alert) => asked.query.get("state") !== "!CLOSED" || alert.state !== "CLOSED")
      .filter((alert) => severity === undefined || severity.includes(alert.severity)),
  );
};

const accounts = (asked: Asked): unknown => {
  const [from, to] = range(asked);
  const minutes = Math.max(0, Math.floor((to - from) / 60_000));
  return list(
    Array.from({ length: minutes }, (_, index) => {
      const start = from + index * 60_000;
      const bump = asked.mood === "open" && index > minutes - 14 ? 17_500 : 0;
      return { start, balance: { residualW: 2600 * Math.sin(start / 400_000) + bump, toleranceW: 10_000 } };
    }),
  );
};

const series = (asked: Asked): unknown => {
  const trend = trendOf("pue", null, ...range(asked));
  const mean = trend.value.map((value) => (value === null ? null : (value - 1) * 250));
  return {
    site: place.id,
    device: asked.query.get("device"),
    quantity: asked.query.get("quantity"),
    unit: "%",
    step: trend.step === "1d" ? "1h" : trend.step,
    ts: trend.start,
    mean,
    min: mean,
    max: mean,
    coverage: trend.coverage,
  };
};

const silences = ({ method, empty, ts, body }: Asked): unknown => {
  if (method !== "POST") return list(empty ? [] : silencesAt(ts));
  return { ...(body as object), id: "s-new", from: ts, ended: null, warned: false, state: "active", matching: 1 };
};

const deliveries = ({ query, empty, ts }: Asked): unknown => {
  const [state, channel] = [query.get("state"), query.get("channel")];
  const all = empty ? [] : deliveriesAt(ts);
  return list(all.filter((one) => (state ?? one.state) === one.state && (channel ?? one.channel) === one.channel));
};

const permits = ({ method, empty, ts, body }: Asked): unknown =>
  method === "POST" ? { ...(body as object), id: "p-new", from: ts, closed: null } : list(empty ? [] : permitsAt(ts));

const nothingScheduled = { jobs: [], heartbeat: null, maintenance: [], windows: [] };

const answers: Readonly<Record<string, (asked: Asked) => unknown>> = {
  health: ({ health }) => health,
  sites: ({ empty }) => list(empty ? [] : [site, otherSite]),
  rules: () => list(rules),
  "rules/activity": ({ ts }) => activityAt(ts),
  "rules/backtest": ({ body }) => backtestOf(body as Parameters<typeof backtestOf>[0]),
  alerts,
  accounts,
  series,
  trends: (asked) => trendOf(asked.query.get("kpi") ?? "", asked.query.get("variant"), ...range(asked)),
  devices: ({ empty, ts }) => list(empty ? [] : devicesAt(ts)),
  ingest: ({ ts }) => ingestAt(ts),
  "alerts/waste": ({ ts, empty }) => list(empty ? [] : wasteAt(ts)),
  "alarm-quality": (asked) => qualityAt(...range(asked), Number(asked.query.get("operators"))),
  silences,
  "silences/preview": ({ body }) => ({ matching: JSON.stringify(body).includes("R04") ? 1 : 3 }),
  channels: ({ ts, empty }) => ({ items: empty ? [] : channelsAt(ts) }),
  deliveries,
  schedule: ({ ts, empty }) => (empty ? nothingScheduled : scheduleAt(ts)),
  permits,
  "dead-letters": ({ ts, query }) => {
    const code = query.get("code");
    return list(lettersAt(ts).filter((letter) => code === null || letter.code === code));
  },
};

/** Undefined when there is no such thing. */
export const answer = (asked: Asked): unknown => {
  const { path } = asked;
  if (Object.hasOwn(answers, path)) return answers[path]?.(asked);
  if (/^sites\/[^/]+\/supply$/.test(path)) return supplyAt(asked.ts, asked.mood);
  if (/^silences\/[^/]+\/end$/.test(path)) return { ...silencesAt(asked.ts)[0], state: "over" };
  if (/^channels\/[^/]+\/test$/.test(path)) return { ...deliveriesAt(asked.ts)[0], occasion: "test", said: "200 OK" };
  if (/^permits\/[^/]+\/close$/.test(path)) return permitsAt(asked.ts)[0];
  const id = /^alerts\/([^/]+)/.exec(path)?.[1];
  const found = every(asked).find((alert) => alert.id === id);
  if (found === undefined) return undefined;
  return path.endsWith("/history") ? list(historyOf(found)) : found;
};
