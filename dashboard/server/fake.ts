// Small working stand-ins of the stages beside us, for tests.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { KpiResult, SiteModel, SiteNow } from "#energy";
import { type Alert, type CommandResult, openPast, type RuleSummary } from "#rules";
import { createMemoryLedger, createMemoryReadings, type Json, type Ledger, type Readings, timestamp } from "#store";
import { dashboardSchema } from "./config.ts";
import type { EnergyPart, RulesPart, Status } from "./parts.ts";
import { type Dashboard, startDashboard } from "./server.ts";

export const hall: SiteModel = {
  id: "hall",
  name: { en: "Hall", "zh-CN": "机房" },
  timeZone: "Asia/Shanghai",
  currency: "CNY",
  revision: "m1",
  busRatingW: 1_000_000,
  pueCategory: 1,
  nodes: [
    {
      id: "grid",
      kind: "grid",
      role: "grid",
      name: { en: "Grid", "zh-CN": "电网" },
      parent: null,
      origin: "measured",
      ratingW: null,
      capacityWh: null,
      boundary: "outside",
      counting: "counted",
      points: [
        {
          code: "MP.GRID",
          device: "meter-1",
          power: "power_w",
          sign: 1,
          energyForward: null,
          energyReverse: null,
          soc: null,
          intervalMs: 1000,
          meterClass: 0.5,
          ctClass: null,
          register: { modulusWh: null, resolutionWh: 1 },
        },
      ],
    },
  ],
  demand: null,
  tariff: null,
  carbon: { defaultGPerKwh: 500, device: "mix", source: "test" },
  compute: null,
};

export const pue: KpiResult = {
  kpi: "pue",
  standard: "ISO/IEC 30134-2",
  value: 1.25,
  unit: "1",
  numerator: 125,
  denominator: 100,
  numUnit: "kWh",
  denUnit: "kWh",
  window: { start: "2026-11-21T00:00:00+08:00", end: "2026-11-21T01:00:00+08:00", tz: "Asia/Shanghai", complete: true },
  boundaryId: "hall",
  coverage: 1,
  quality: "MEASURED",
  flags: [],
  revision: 1,
};

const nowOf = (powerW: number | null, ts: number): SiteNow => ({
  site: hall.id,
  ts,
  clock: "live",
  nodes: hall.nodes.map(({ id, kind, role, name, parent, counting, origin, ratingW, capacityWh }) => ({
    ...{ id, kind, role, name, parent, counting, origin, ratingW, capacityWh },
    powerW,
    socPct: null,
    ts: powerW === null ? null : ts,
    freshness: powerW === null ? "missing" : "fresh",
  })),
  balance: { supplyW: powerW, loadW: null, residualW: null, uncertaintyW: null, toleranceW: null },
  kpis: { pue },
});

export const createFakeEnergy = (readings: Readings): EnergyPart => ({
  sites: () => [hall],
  now: async (site) => {
    if (site !== hall.id) return null;
    const [newest] = await readings.latest({ site, devices: ["meter-1"] });
    const power = newest?.quantities.power_w;
    return nowOf(power?.value ?? null, power?.ts ?? 0);
  },
  commissioning: async () => null,
  kpis: async ({ kpi }) => (kpi === undefined || kpi === "pue" ? [pue] : []),
  trend: async ({ site, kpi, from, step }) =>
    kpi !== "pue"
      ? null
      : {
          ...{ site, kpi, variant: null, unit: "1", step: step === "auto" ? "1h" : step },
          ...{
            start: [from],
            value: [1.25],
            numerator: [125],
            denominator: [100],
            coverage: [1],
            quality: ["MEASURED"],
          },
        },
  change: async ({ site, kpi }) =>
    kpi !== "pue"
      ? null
      : {
          ...{ site, kpi, variant: null, unit: "1", before: pue, after: { ...pue, value: 1.3 }, change: 0.05 },
          ...{ method: "test", parts: [], flags: [] },
        },
  report: async () => null,
  accounts: async () => ({ items: [], next: null }),
  revisions: async () => [],
  cycles: async () => [],
  cycle: async () => null,
  closeCycle: async ({ site }) => ({ ok: false, code: "ENERGY_CYCLE_NOT_OVER", reason: `a cycle of ${site} goes on` }),
});

export const alertOf = (fields: Partial<Alert> & { readonly id: string }): Alert => ({
  rule: "R04",
  ruleVersion: 1,
  site: hall.id,
  subject: "meter-1",
  subcode: "STALE",
  severity: "MAJOR",
  state: "ACTIVE",
  start: 1000,
  active: 2000,
  returned: null,
  closed: null,
  changed: { wall: 2000, site: 2000 },
  acknowledged: null,
  assignee: null,
  comments: [],
  inputs: { age_s: 42 },
  thresholds: { age_s: 30 },
  title: { en: "Data is stale", "zh-CN": "数据过期" },
  action: { en: "Look at the gateway", "zh-CN": "检查网关" },
  restated: false,
  occurrences: 1,
  ...fields,
});

export const saveAlert = (ledger: Ledger, alert: Alert) =>
  ledger.commit([
    {
      op: "put",
      kind: "alert",
      key: alert.id,
      site: alert.site,
      ts: timestamp(alert.start),
      body: alert as unknown as Json,
    },
  ]);

const rule: RuleSummary = {
  id: "R04",
  version: 1,
  title: { en: "Data is stale", "zh-CN": "数据过期" },
  action: { en: "Look at the gateway", "zh-CN": "检查网关" },
  mode: "on",
  on: "reading",
  subject: "device",
  everyS: null,
  inputs: ["age_s"],
  levels: [
    { severity: "MAJOR", subcode: "STALE", trigger: "age_s > 30", holdOnS: 0, clear: "age_s < 30", holdOffS: 5 },
  ],
  parameters: {},
  sites: {},
  subjects: { hall: 2 },
  hasLoss: false,
  origin: "shipped",
  file: "r04.yaml",
  source: "id: R04\n",
};

/** Rules over a real ledger: commands are revisions, as in the real stage. */
export const createFakeRules = (ledger: Ledger, now: () => number): RulesPart & AsyncDisposable => {
  const past = openPast({
    ledger,
    fail: (error) => {
      throw error;
    },
  });
  const change = async (id: string, fields: (alert: Alert) => Partial<Alert>): Promise<CommandResult> => {
    const row = await ledger.get("alert", id);
    if (row === null) return { ok: false, code: "RULES_ALERT_UNKNOWN", reason: `there is no alert "${id}"` };
    const alert = row.body as unknown as Alert;
    if (alert.state === "CLOSED") return { ok: false, code: "RULES_ALERT_CLOSED", reason: "it is closed" };
    const changed = { ...alert, ...fields(alert) };
    await saveAlert(ledger, changed);
    return { ok: true, alert: changed };
  };
  return {
    open: async (site) =>
      (await (await past).list({ limit: 1000, ...(site === undefined ? {} : { site }) })).items.filter(
        ({ state }) => state !== "CLOSED",
      ),
    list: async (query) => (await past).list(query),
    history: async (id) => (await ledger.history("alert", id)).map(({ body }) => body as unknown as Alert),
    acknowledge: ({ id, by, reason }) => change(id, () => ({ acknowledged: { by, reason, at: now() } })),
    comment: ({ id, by, text }) => change(id, (alert) => ({ comments: [...alert.comments, { by, text, at: now() }] })),
    assign: ({ id, to }) => change(id, () => ({ assignee: to })),
    shelve: ({ id, by, reason, until }) =>
      change(id, () => ({ state: "SHELVED", shelved: { by, reason, until, was: "ACTIVE" } })),
    unshelve: ({ id }) => change(id, () => ({ state: "ACTIVE" })),
    catalogue: () => [rule],
    [Symbol.asyncDispose]: async () => (await past)[Symbol.asyncDispose](),
    waste: async () => ({ items: [], pending: 0 }),
    backtest: async ({ rule: id }) => ({
      ok: false,
      code: "RULES_RULE_UNKNOWN",
      reason: `there is no rule "${id}" in force`,
    }),
    rejudge: async ({ site }) => ({
      ok: false,
      code: "RULES_COMMAND_INVALID",
      reason: `site: there is no site "${site}"`,
    }),
    supply: (site) =>
      site === "hall" ? { mode: "mains", since: 1000, incident: null, changes: [[1000, "mains"]] } : null,
    permits: async () => [],
    openPermit: async ({ node }) => ({ ok: false, code: "RULES_NODE_UNKNOWN", reason: `there is no node "${node}"` }),
    closePermit: async ({ id }) => ({ ok: false, code: "RULES_PERMIT_UNKNOWN", reason: `there is no permit "${id}"` }),
  };
};

export interface Stand extends AsyncDisposable {
  readonly dashboard: Dashboard;
  readonly url: string;
  readonly readings: Readings;
  readonly ledger: Ledger;
  readonly errors: unknown[];
  readonly status: { -readonly [Key in keyof Status]: Status[Key] };
  readonly webDir: string;
}

/** A dashboard on a free port over memory stores, with an empty folder for the pages. */
export const startStand = async (
  options: { readonly env?: Readonly<Record<string, string>>; readonly now?: () => number } = {},
): Promise<Stand> => {
  const webDir = await mkdtemp(join(tmpdir(), "wattlas-web-"));
  const now = options.now ?? Date.now;
  const readings = createMemoryReadings();
  const ledger = createMemoryLedger({ now });
  const errors: unknown[] = [];
  const status: Stand["status"] = {
    version: "0.1.0",
    parts: ["broker", "dashboard"],
    mqtt: { host: "127.0.0.1", port: 1883, wsPort: null },
    demo: null,
  };
  const rules = createFakeRules(ledger, now);
  const dashboard = await startDashboard(
    dashboardSchema.parse({ DASHBOARD_PORT: "0", DASHBOARD_WEB_DIR: webDir, ...options.env }),
    {
      readings,
      ledger,
      energy: createFakeEnergy(readings),
      rules,
      status: () => status,
      onError: (error) => void errors.push(error),
      now,
    },
  );
  return {
    dashboard,
    url: dashboard.address.url,
    readings,
    ledger,
    errors,
    status,
    webDir,
    [Symbol.asyncDispose]: async () => {
      await dashboard[Symbol.asyncDispose]();
      await rules[Symbol.asyncDispose]();
      await ledger[Symbol.asyncDispose]();
      await readings[Symbol.asyncDispose]();
      await rm(webDir, { recursive: true });
    },
  };
};
