// The HTTP contract, as types that the web part imports and the zod schemas of api/ must equal.
import type { KpiResult, Origin, SiteNow, Text } from "#energy";
import type {
  AlarmQuality,
  Alert,
  BacktestResult,
  ChannelView,
  Delivery,
  Notify,
  Permit,
  RuleSummary,
  SilenceView,
  Supply,
} from "#rules";

/** Every list. */
export interface ListWire<Item> {
  readonly items: readonly Item[];
  /** Pass it back as `cursor`; null is the end. */
  readonly next: string | null;
}

/** Every error, as application/problem+json. `code` is one of `dashboardCodes`. */
export interface ProblemWire {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: string;
  /** Every parameter that is wrong, when parameters are wrong. */
  readonly errors?: readonly { readonly name: string; readonly message: string }[];
}

/** GET /api/v1/health: 200, or a problem with status 503 until MQTT accepts connections. */
export interface HealthWire {
  readonly status: "ok" | "degraded";
  readonly version: string;
  readonly ts: number;
  readonly parts: readonly string[];
  /** Null where no broker runs (PARTS without broker). */
  readonly mqtt: { readonly host: string; readonly port: number; readonly wsPort: number | null } | null;
  readonly store: {
    readonly adapter: string;
    readonly state: string;
    readonly reason: string;
    readonly pendingReadings: number;
    readonly bytes: number;
  };
  /** Progress of the demonstration's history, 0..1; null when there is none. */
  readonly demo: { readonly phase: "history" | "live"; readonly progress: number } | null;
}

/** GET /api/v1/sites → {items, next} */
export interface SiteWire {
  readonly id: string;
  readonly name: Text;
  readonly timeZone: string;
  readonly currency: string;
  /** The shipped demonstration. */
  readonly demo: boolean;
  /** Declared useful work; its KPI is `compute_per_watt`, variant `<device>/<quantity>:it` or `:facility`. */
  readonly work: readonly {
    readonly device: string;
    readonly quantity: string;
    readonly unit: string;
    readonly workload: Text;
    readonly precision: string;
    readonly origin: Origin;
    readonly node: string;
  }[];
}

/** GET /api/v1/sites/{site}/now, and every `now` event of the live stream. */
export interface NowWire extends SiteNow {
  /** Open alerts (everything but CLOSED), newest first; beyond 200 the least severe and oldest are left out. */
  readonly alerts: readonly Alert[];
  /** How many were left out, when some were: the whole is under /api/v1/alerts. */
  readonly alertsLeftOut?: number;
}

/** GET /api/v1/sites/{site}/supply : what carries the site. */
export type SupplyWire = Supply;

/** GET /api/v1/readings?site&device&from&to&limit&cursor → {items, next}, oldest first. */
export interface ReadingWire {
  readonly ts: number;
  readonly received: number;
  readonly device: string;
  readonly quantities: Readonly<Record<string, number>>;
  readonly flags: readonly string[];
}

/**
 * GET /api/v1/series?site&device&quantity&from&to&step=auto|raw|1m|15m|1h|1d : columns of equal length. `auto` keeps to
 * about 2,000 points; 1d are civil days of the site's zone, chosen by `auto` beyond 83 days.
 */
export interface SeriesWire {
  readonly site: string;
  readonly device: string;
  readonly quantity: string;
  readonly unit: string | null;
  readonly step: "raw" | "1m" | "15m" | "1h" | "1d";
  readonly ts: readonly number[];
  /** Raw value, or time-weighted mean of the window. */
  readonly mean: readonly (number | null)[];
  readonly min: readonly (number | null)[];
  readonly max: readonly (number | null)[];
  /** Share of the window that was measured, 0..1. */
  readonly coverage: readonly number[];
}

/** GET /api/v1/kpis?site&from&to[&kpi] → {items}; with step=1m|15m|1h|1d each item is one window, oldest first. */
export interface KpisWire {
  readonly items: readonly KpiResult[];
}

/** GET /api/v1/trends?site&kpi&from&to&step=auto : one KPI over time as columns, for charts. */
export interface TrendWire {
  readonly site: string;
  readonly kpi: string;
  readonly variant: string | null;
  readonly unit: string;
  readonly step: "1m" | "15m" | "1h" | "1d";
  readonly start: readonly number[];
  readonly value: readonly (number | null)[];
  readonly numerator: readonly (number | null)[];
  readonly denominator: readonly (number | null)[];
  readonly coverage: readonly number[];
  readonly quality: readonly string[];
}

/** GET /api/v1/devices?site : the Ingest page. */
export interface DeviceWire {
  readonly site: string;
  readonly device: string;
  readonly quantities: readonly string[];
  readonly firstSeen: number;
  readonly lastSeen: number;
  readonly readings: number;
  /** Newest values. */
  readonly latest: Readonly<
    Record<string, { readonly value: number; readonly ts: number; readonly unit: string | null }>
  >;
  /** Node ids that use it; empty is "not yet modelled". */
  readonly nodes: readonly string[];
  readonly origin: string | null;
}

/** GET /api/v1/dead-letters?site&code&limit&cursor → {items, next}; counts by code under /api/v1/ingest. */
export interface DeadLetterWire {
  readonly id: string;
  readonly received: number;
  readonly topic: string;
  readonly code: string;
  readonly reason: string;
  readonly payload: string;
  readonly bytes: number;
  readonly user: string;
}

/** GET /api/v1/ingest : newest readings of site `system`, device `wattlas`, and totals of refusals by code. */
export interface IngestWire {
  readonly ts: number | null;
  readonly counters: Readonly<Record<string, number>>;
  readonly rates: {
    readonly messagesPerS: number | null;
    readonly readingsPerS: number | null;
    readonly valuesPerS: number | null;
  };
  readonly rejectedByCode: Readonly<Record<string, number>>;
}

/**
 * GET /api/v1/alerts?site&state&severity&rule&subject&text&shadow&from&to&limit&cursor → ListWire<Alert>, newest start first.
 * `state`, `severity`, `rule` and `subject` take one value, several (`a,b`) or an exclusion (`!a,b`). A page may hold fewer items than
 * `limit`; only `next: null` is the end. `shadow=true` lists the alerts of rules in shadow mode, which are left out otherwise.
 * The same filter as a file: /api/v1/alerts.csv.
 * GET /api/v1/alerts/{id} → Alert. GET /api/v1/alerts/{id}/history → ListWire<Alert>, every transition, oldest first.
 */
export type AlertsWire = ListWire<Alert>;

/** POST /api/v1/alerts/{id}/ack → Alert */
export interface AckWire {
  readonly by: string;
  readonly reason?: string;
}
/** POST /api/v1/alerts/{id}/assign → Alert; null takes the assignment back. */
export interface AssignWire {
  readonly by: string;
  readonly assignee: string | null;
}
/** POST /api/v1/alerts/{id}/comment → Alert */
export interface CommentWire {
  readonly by: string;
  readonly text: string;
}

/** POST /api/v1/alerts/{id}/shelve → Alert; `until` in UTC milliseconds. /unshelve takes an AckWire. */
export interface ShelveWire {
  readonly by: string;
  readonly reason: string;
  readonly until: number;
}

/** GET /api/v1/rules → ListWire<RuleWire> */
export type RuleWire = RuleSummary;

/** GET /api/v1/rules/activity?site&from&to : how often each rule fired; one that did not is not listed. */
export interface RuleActivityWire {
  readonly from: number;
  readonly to: number;
  readonly items: readonly {
    readonly rule: string;
    readonly alerts: number;
    readonly shadow: number;
    readonly open: number;
    readonly last: number;
  }[];
}

/** POST /api/v1/rules/backtest {site, rule | source, also?, before_source?, from, to} */
export type BacktestWire = Extract<BacktestResult, { ok: true }>["backtest"];

/** GET /api/v1/alarm-quality?site&from&to&operators&shifts */
export type AlarmQualityWire = AlarmQuality;

/** GET /api/v1/alerts/waste?site&from&to&by&limit → ListWire<WasteWire>, the dearest first by money, energy or carbon. */
export interface WasteWire {
  readonly alert: Alert;
  readonly waste: {
    readonly energyWh: number | null;
    /** In the site's currency. */
    readonly cost: number | null;
    readonly carbonG: number | null;
    readonly minutes: number;
    readonly knownMinutes: number;
  };
}

/** GET /api/v1/permits?site → ListWire<PermitWire>; POST the same opens one, POST /{id}/close ends it. */
export type PermitWire = Permit;

/** GET /api/v1/silences → ListWire<SilenceWire>; POST the same makes one, POST /{id}/end ends it. */
export type SilenceWire = SilenceView;

/** GET /api/v1/channels → {items}; POST /{name}/test → DeliveryWire */
export type ChannelWire = ChannelView;

/** GET /api/v1/deliveries?state&channel&alert&from&to&limit&cursor → ListWire<DeliveryWire>, newest first. */
export interface DeliveryWire
  extends Pick<Delivery, "key" | "channel" | "route" | "state" | "attempts" | "nextAt" | "said"> {
  readonly occasion: string;
  readonly title: string;
  readonly text: string;
  /** Ids. */
  readonly alerts: readonly string[];
  readonly at: number;
}

/** GET /api/v1/schedule */
export type ScheduleWire = ReturnType<Notify["schedule"]>;

/** GET /api/v1/live?site : server-sent events, `id:` resumable with Last-Event-ID. */
export type LiveEvent =
  | { readonly event: "now"; readonly data: NowWire }
  | { readonly event: "alert"; readonly data: Alert }
  /** So many more changed than are told one by one, 200 a second and site: list them. */
  | { readonly event: "alerts"; readonly data: { readonly site: string; readonly leftOut: number } }
  | {
      readonly event: "account";
      readonly data: {
        readonly site: string;
        readonly step: string;
        readonly start: number;
        readonly revision: number;
      };
    }
  | { readonly event: "health"; readonly data: HealthWire }
  /** The backfill that was asked for is no longer held: load afresh. */
  | { readonly event: "reset"; readonly data: { readonly reason: string } };
