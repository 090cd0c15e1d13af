import { parse } from "yaml";
import { z } from "zod";
import { type AccountFlag, type NodeAccount, nodeKinds, type SiteModel } from "#energy";
import { type Reading, timestamp } from "#store";
import type { Rule } from "./rule.ts";
import { parseSeries, type Sample } from "./series.ts";
import { accountOf, siteOf } from "./specimen.ts";
import { createSiteWatch, type SiteWatch } from "./watch.ts";

/** What a rule must do, as data: what comes in, and the state of each subject after each step. */
export interface Trial {
  readonly rule: string;
  readonly cases: readonly TrialCase[];
}

const band = /^(\d\d:\d\d) (\d\d:\d\d) (critical_peak|peak|flat|valley|deep_valley) (\d+(?:\.\d+)?)$/;

const shape = z.strictObject({
  rule: z.string(),
  cases: z.array(
    z.strictObject({
      name: z.string().regex(/^(good|bad|borderline|missing|flapping): /, "must begin with its kind, such as good:"),
      step_s: z.number().int().positive(),
      site: z
        .strictObject({
          bus_rating_w: z.number(),
          demand: z
            .strictObject({ contract_w: z.number(), window_min: z.number(), method: z.enum(["fixed", "sliding"]) })
            .nullable(),
          /** Bands of the day as "07:00 23:00 peak 0.9", and the price of export. */
          tariff: z.strictObject({ bands: z.array(z.string().regex(band)), export_price: z.number() }),
          /** Metered nodes, by id. */
          nodes: z.record(
            z.string(),
            z.strictObject({
              kind: z.enum(nodeKinds),
              rating_w: z.number().optional(),
              capacity_wh: z.number().optional(),
            }),
          ),
        })
        .partial()
        .default({}),
      /**
       * Of a minute's account: residual_w, u_w, supply_w, import_w and the like; `stale` is a value that is not known.
       * Of a node in it: `battery.mean_w`, `battery.soc_pct`, and `grid.flag` with `reset`, `rollover`, `fault`, `spike`.
       */
      account: z.record(z.string(), z.string()).default({}),
      /** What the numbers of `devices` are values of. */
      quantity: z.string().optional(),
      /** Readings of each device; without a `quantity` the number is nothing but a sign that one came. */
      devices: z.record(z.string(), z.string()).default({}),
      /** States by subject, `site` for the site; `ACTIVE/MAJOR` also says the severity. */
      expect: z.record(z.string(), z.string()),
    }),
  ),
});
type TrialCase = z.infer<typeof shape>["cases"][number];

export const parseTrial = (text: string): Trial => shape.parse(parse(text));

export interface TrialResult {
  readonly expected: Readonly<Record<string, readonly string[]>>;
  readonly seen: Readonly<Record<string, readonly string[]>>;
}

// A quarter hour in the morning of a Monday, so that demand windows begin with the case.
const begin = Date.UTC(2026, 10, 23, 8);
const siteId = "hall";

/** Runs one case through the live engine's own watch. */
export const runCase = (rule: Rule, trial: TrialCase, hash: (text: string) => string): TrialResult => {
  const devices = columns(trial.devices);
  const account = columns(trial.account);
  const expected = columns(trial.expect);
  const steps = Math.max(0, ...[...Object.values(devices), ...Object.values(account)].map((column) => column.length));
  const model = modelOf(trial, Object.keys(devices));
  const watch = createSiteWatch({ model, rules: [rule], hash, catchupWaitMs: 60_000, saved: null });
  const seen: Record<string, string[]> = Object.fromEntries(Object.keys(expected).map((subject) => [subject, []]));
  const stepMs = trial.step_s * 1000;
  for (let step = 0; step < steps; step++) {
    const at = begin + step * stepMs;
    feedReadings(watch, devices, step, at, trial.quantity);
    feedAccount(watch, account, step, at, stepMs);
    for (let wall = at + 1000; wall < at + stepMs; wall += 1000) watch.tick(wall);
    for (const [subject, states] of Object.entries(seen))
      states.push(...stateOf(watch, subject, expected[subject]?.[step]));
  }
  return {
    seen,
    expected: Object.fromEntries(Object.entries(expected).map(([name, column]) => [name, column.map(String)])),
  };
};

const columns = (written: Readonly<Record<string, string>>): Record<string, readonly Sample[]> =>
  Object.fromEntries(
    Object.entries(written).map(([name, text]) => {
      const series = parseSeries(text);
      if (!series.ok) throw new Error(`${name}: ${series.message}`);
      return [name, series.samples];
    }),
  );

const stateOf = (watch: SiteWatch, subject: string, expected: Sample | undefined): readonly string[] => {
  const found = watch.open().filter((alert) => alert.subject === (subject === "site" ? siteId : subject));
  const withSeverity = typeof expected === "string" && expected.includes("/");
  const states = found.map(({ state, severity }) => (withSeverity ? `${state}/${severity}` : state));
  return [states.length === 0 ? "OK" : states.join("+")];
};

const feedReadings = (
  watch: SiteWatch,
  devices: Readonly<Record<string, readonly Sample[]>>,
  step: number,
  at: number,
  quantity: string | undefined,
): void => {
  for (const [device, column] of Object.entries(devices)) {
    const sample = column[step] ?? null;
    if (sample === null) continue;
    const ts = timestamp(sample === "late" ? at - 59_000 : at);
    const reading: Reading = {
      site: siteId,
      device,
      ts,
      received: timestamp(at),
      quantities: quantity === undefined || typeof sample !== "number" ? { power_w: 1 } : { [quantity]: sample },
      flags: [],
    };
    watch.reading(reading);
  }
};

const feedAccount = (
  watch: SiteWatch,
  account: Readonly<Record<string, readonly Sample[]>>,
  step: number,
  at: number,
  stepMs: number,
): void => {
  const names = Object.keys(account);
  if (names.length === 0 || names.every((name) => (account[name]?.[step] ?? null) === null)) return;
  const value = (name: string): number | null => {
    const sample = account[name]?.[step];
    return typeof sample === "number" ? sample : null;
  };
  const filled = accountOf({
    site: siteId,
    start: at,
    end: at + stepMs,
    importW: value("import_w"),
    supplyW: value("supply_w"),
    residualW: value("residual_w"),
    uncertaintyW: value("u_w"),
    exportW: value("export_w"),
    renewableW: value("renewable_w"),
    chargeW: value("charge_w"),
    dischargeW: value("discharge_w"),
    itW: value("it_w"),
    coolingW: value("cooling_w"),
    lossW: value("loss_w"),
    loadW: value("load_w"),
    facilityW: value("facility_w"),
    nodes: Object.fromEntries(
      [...new Set(names.flatMap((name) => (name.includes(".") ? [name.split(".")[0] ?? ""] : [])))].map((node) => [
        node,
        partOf(value(`${node}.mean_w`), value(`${node}.soc_pct`), account[`${node}.flag`]?.[step] ?? null),
      ]),
    ),
  });
  watch.account(filled, at + stepMs);
};

const flags: Readonly<Record<string, AccountFlag>> = {
  reset: "COUNTER_RESET",
  rollover: "COUNTER_ROLLOVER",
  fault: "COUNTER_FAULT",
  spike: "COUNTER_SPIKE",
};

const partOf = (meanW: number | null, socPct: number | null, word: Sample): NodeAccount => {
  const flag = typeof word === "string" ? flags[word] : undefined;
  return {
    forwardWh: null,
    reverseWh: null,
    meanW,
    minW: null,
    maxW: null,
    socPct,
    coverage: word === "stale" ? 0 : 1,
    quality: "MEASURED",
    flags: flag === undefined ? [] : [flag],
  };
};

const tariffOf = (given: NonNullable<TrialCase["site"]["tariff"]>): SiteModel["tariff"] => ({
  bands: given.bands.flatMap((text) => {
    const [, from = "", to = "", period, price] = band.exec(text) ?? [];
    return [{ from, to, period: period as "peak", pricePerKwh: Number(price) }];
  }),
  exportPricePerKwh: given.export_price,
  device: null,
  source: "trial",
});

const modelOf = (trial: TrialCase, devices: readonly string[]): SiteModel =>
  siteOf({
    id: siteId,
    devices,
    intervalMs: trial.step_s * 1000,
    ...(trial.site.tariff === undefined ? {} : { tariff: tariffOf(trial.site.tariff) }),
    nodes: Object.entries(trial.site.nodes ?? {}).map(([id, { kind, rating_w, capacity_wh }]) => ({
      id,
      kind,
      ratingW: rating_w ?? null,
      capacityWh: capacity_wh ?? null,
    })),
    ...(trial.site.bus_rating_w === undefined ? {} : { busRatingW: trial.site.bus_rating_w }),
    ...(trial.site.demand === undefined || trial.site.demand === null
      ? {}
      : {
          demand: {
            contractW: trial.site.demand.contract_w,
            windowMin: trial.site.demand.window_min,
            method: trial.site.demand.method,
            pricePerKwMonth: 40,
          },
        }),
  });
