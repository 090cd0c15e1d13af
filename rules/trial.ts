import { parse } from "yaml";
import { z } from "zod";
import { type Account, type AccountFlag, type NodeAccount, nodeKinds, type SiteModel } from "#energy";
import { type Reading, timestamp } from "#store";
import type { Alert } from "./alert.ts";
import { type Rule, withParameters } from "./rule.ts";
import { parseSeries, type Sample } from "./series.ts";
import { accountOf, siteOf } from "./specimen.ts";
import { type Waste, wasteMeter } from "./waste/waste.ts";
import { createSiteWatch, type SavedWatch, type SiteWatch } from "./watch.ts";

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
          /** What the contract lets go out. */
          export_limit_w: z.number(),
          /** Nodes at whose meters all IT energy of a PUE category is known. */
          pue_points: z
            .strictObject({ "1": z.array(z.string()), "2": z.array(z.string()), "3": z.array(z.string()) })
            .partial(),
          /** Nodes with declared work: the quantity that counts it. */
          work: z.record(z.string(), z.string()),
          /** Metered nodes, by id. */
          nodes: z.record(
            z.string(),
            z.strictObject({
              kind: z.enum(nodeKinds),
              rating_w: z.number().optional(),
              capacity_wh: z.number().optional(),
              parent: z.string().optional(),
              /** Its meters as "MP.X.A device", "MP.X device B" on a feed or "MP.X device -1"; default one of the node's name. */
              meters: z.array(z.string().regex(/^MP\.\S+ \S+( -1| [A-Z][A-Z0-9]?)?$/)).optional(),
              gateway: z.string().optional(),
              resolution_wh: z.number().optional(),
              /** Between a phase and neutral. */
              nominal_v: z.number().optional(),
            }),
          ),
        })
        .partial()
        .default({}),
      /** Other shipped rules that run beside this one: those that silence it or make it worse. */
      with: z.array(z.string()).default([]),
      /** What the site file says of the rule. */
      parameters: z.record(z.string(), z.number()).default({}),
      /** What was learned before the case began: quarter-hour ramps of renewables, W, and the usual PUE. */
      learned: z.strictObject({ drop_w: z.number(), rise_w: z.number(), pue: z.number() }).partial().default({}),
      /**
       * Of a minute's account: residual_w, u_w, supply_w, import_w and the like; `stale` is a value that is not known.
       * Of a node in it: `battery.mean_w`, `battery.soc_pct`, and `grid.flag` with `reset`, `rollover`, `fault`, `spike`.
       */
      account: z.record(z.string(), z.string()).default({}),
      /** What the numbers of `devices` are values of. */
      quantity: z.string().optional(),
      /** Readings of each device, or of one quantity as `device.quantity`; without a `quantity` the number is nothing but a sign that one came. */
      devices: z.record(z.string(), z.string()).default({}),
      /** States by subject, `site` for the site; `ACTIVE/MAJOR` also says the severity. */
      expect: z.record(z.string(), z.string()),
      /** By subject what its alert cost until the end of the case, rounded to thousandths; each minute used 1 kWh for 1 of money and 500 g. */
      waste: z
        .record(
          z.string(),
          z.strictObject({
            energy_wh: z.number().nullable(),
            cost: z.number().nullable(),
            carbon_g: z.number().nullable(),
          }),
        )
        .optional(),
    }),
  ),
});
type TrialCase = z.infer<typeof shape>["cases"][number];

export const parseTrial = (text: string): Trial => shape.parse(parse(text));

type Wasted = Readonly<Record<string, NonNullable<TrialCase["waste"]>[string] | null>>;

export interface TrialResult {
  /** As the case asks for it; empty when it does not. */
  readonly wasted: Wasted;
  readonly expected: Readonly<Record<string, readonly string[]>>;
  readonly seen: Readonly<Record<string, readonly string[]>>;
}

// A quarter hour in the morning of a Monday, so that demand windows begin with the case.
const begin = Date.UTC(2026, 10, 23, 8);
const siteId = "hall";

/** Runs one case through the live engine's own watch. */
export const runCase = (
  rule: Rule,
  trial: TrialCase,
  hash: (text: string) => string,
  shipped: readonly Rule[] = [],
): TrialResult => {
  const devices = columns(trial.devices);
  const account = columns(trial.account);
  const expected = columns(trial.expect);
  const steps = Math.max(0, ...[...Object.values(devices), ...Object.values(account)].map((column) => column.length));
  const nodes = Object.keys(trial.site.nodes ?? {});
  const own = [...new Set(Object.keys(devices).map((name) => name.split(".")[0] ?? name))];
  const metered = new Set(
    Object.values(trial.site.nodes ?? {}).flatMap(({ meters = [] }) => meters.map((one) => one.split(" ")[1] ?? "")),
  );
  const model = modelOf(
    trial,
    own.filter((name) => !nodes.includes(name) && !metered.has(name)),
  );
  const others = shipped.filter(({ id }) => trial.with.includes(id));
  if (others.length < trial.with.length) throw new Error(`there is no rule of ${trial.with.join(", ")}`);
  // Beside it they speak as loudly: shadow would say nothing to a rule that is on.
  const rules = [withParameters(rule, trial.parameters), ...others.map((one) => ({ ...one, mode: "on" as const }))];
  const begun = { model, rules, hash, catchupWaitMs: 60_000 };
  const watch = createSiteWatch({
    ...begun,
    saved: withLearned(createSiteWatch({ ...begun, saved: null }).save(), trial.learned),
  });
  const seen: Record<string, string[]> = Object.fromEntries(Object.keys(expected).map((subject) => [subject, []]));
  const accounts: Account[] = [];
  const alerts = new Map<string, Alert>();
  const stepMs = trial.step_s * 1000;
  for (let step = 0; step < steps; step++) {
    const at = begin + step * stepMs;
    feedReadings(watch, devices, step, at, trial.quantity);
    for (let wall = at + 1000; own.length > 0 && wall < at + stepMs; wall += stepMs > 600_000 ? 5000 : 1000)
      watch.tick(wall);
    const filled = feedAccount(watch, account, step, at, stepMs);
    if (filled !== null) accounts.push(filled);
    for (const alert of watch.open()) if (alert.rule === rule.id) alerts.set(alert.subject, alert);
    for (const [subject, states] of Object.entries(seen))
      states.push(...stateOf(watch, rule.id, subject, expected[subject]?.[step]));
  }
  const wasted = Object.keys(trial.waste ?? {}).map((subject) => {
    const alert = alerts.get(subject === "site" ? siteId : subject);
    const [changed = rule] = rules;
    const end = begin + steps * stepMs;
    return [subject, alert === undefined ? null : rounded(wastedBy(alert, changed, model, accounts, end))];
  });
  return {
    seen,
    wasted: Object.fromEntries(wasted) as Wasted,
    expected: Object.fromEntries(Object.entries(expected).map(([name, column]) => [name, column.map(String)])),
  };
};

const wastedBy = (
  alert: Alert,
  rule: Rule,
  model: SiteModel,
  accounts: readonly Account[],
  until: number,
): Waste | null => {
  const meter = wasteMeter(alert, { rule, model, until: alert.returned ?? alert.closed ?? until });
  meter?.take(accounts);
  return meter?.waste() ?? null;
};

const rounded = (waste: Waste | null): Wasted[string] => {
  const round = (value: number | null | undefined): number | null =>
    value === null || value === undefined ? null : Math.round(value * 1000) / 1000;
  return { energy_wh: round(waste?.energyWh), cost: round(waste?.cost), carbon_g: round(waste?.carbonG) };
};

const columns = (written: Readonly<Record<string, string>>): Record<string, readonly Sample[]> =>
  Object.fromEntries(
    Object.entries(written).map(([name, text]) => {
      const series = parseSeries(text);
      if (!series.ok) throw new Error(`${name}: ${series.message}`);
      return [name, series.samples];
    }),
  );

const stateOf = (watch: SiteWatch, rule: string, subject: string, expected: Sample | undefined): readonly string[] => {
  const about = subject === "site" ? siteId : subject;
  const found = watch.open().filter((alert) => alert.rule === rule && alert.subject === about);
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
  const readings = new Map<string, { ts: number; quantities: Record<string, number> }>();
  for (const [name, column] of Object.entries(devices)) {
    const sample = column[step] ?? null;
    if (sample === null) continue;
    const [device = name, named] = name.split(".");
    const one = readings.get(device) ?? { ts: at, quantities: {} };
    const what = named ?? quantity;
    if (what !== undefined && typeof sample === "number") one.quantities[what] = sample;
    if (typeof sample === "string" && sample.startsWith("late")) one.ts = at - 59_000;
    if (typeof sample === "string" && sample.startsWith("ahead")) one.ts = at + 10_000;
    readings.set(device, one);
  }
  for (const [device, { ts, quantities }] of readings) {
    const reading: Reading = {
      site: siteId,
      device,
      ts: timestamp(ts),
      received: timestamp(at),
      quantities: Object.keys(quantities).length === 0 ? { power_w: 1 } : quantities,
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
): Account | null => {
  const names = Object.keys(account);
  if (names.length === 0 || names.every((name) => (account[name]?.[step] ?? null) === null)) return null;
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
    availableW: value("available_w"),
    work: Object.fromEntries(
      names.flatMap((name) => {
        const node = /^(.+)\.work$/.exec(name)?.[1];
        return node === undefined ? [] : [[node, { amount: value(name), energyWh: value(`${node}.work_wh`) }]];
      }),
    ),
    suspect: names.find((name) => name.endsWith(".suspect") && value(name) !== null)?.split(".")[0] ?? null,
    nodes: Object.fromEntries(
      [...new Set(names.flatMap((name) => (name.includes(".") ? [name.split(".")[0] ?? ""] : [])))].map((node) => [
        node,
        partOf((name) => value(`${node}.${name}`), account[`${node}.flag`]?.[step] ?? null),
      ]),
    ),
  });
  watch.account(filled, at + stepMs);
  // A minute is judged when the clock has passed it.
  if (watch.now() !== null) watch.tick(at + stepMs + 1);
  const { totals } = filled;
  return { ...filled, totals: { ...totals, facilityWh: totals.facilityWh ?? 1000, cost: 1, carbonG: 500 } };
};

const flags: Readonly<Record<string, AccountFlag>> = {
  reset: "COUNTER_RESET",
  rollover: "COUNTER_ROLLOVER",
  fault: "COUNTER_FAULT",
  spike: "COUNTER_SPIKE",
};

const partOf = (value: (name: string) => number | null, word: Sample): NodeAccount => {
  const flag = typeof word === "string" ? flags[word] : undefined;
  const [registerWh, powerWh, meanW] = [value("register_wh"), value("gauge_wh"), value("mean_w")];
  return {
    forwardWh: value("forward_wh"),
    reverseWh: value("reverse_wh"),
    meanW,
    minW: value("min_w") ?? meanW,
    maxW: value("max_w") ?? meanW,
    socPct: value("soc_pct"),
    storedWh: value("stored_wh"),
    ...(registerWh === null || powerWh === null ? {} : { check: { registerWh, powerWh } }),
    coverage: word === "stale" ? 0 : (value("coverage") ?? 1),
    quality: "MEASURED",
    flags: flag === undefined ? [] : [flag],
  };
};

/** As if the watch had seen weeks of such days. */
const withLearned = (saved: SavedWatch, { drop_w: dropW, rise_w: riseW, pue }: TrialCase["learned"]): SavedWatch => {
  const past = Array.from({ length: 100 }, (_, index) => begin - (index + 1) * 900_000);
  const hours = Array.from({ length: 24 }, (_, hour) => String(hour));
  const changes = past.map((at, index) => [at, index % 2 === 0 ? -(dropW ?? 0) : (riseW ?? 0)] as const);
  const bins = [...Array(40).keys()].flatMap((load) => [...Array(60).keys()].map((warm) => `${load}/${warm - 20}`));
  return {
    ...saved,
    facts: {
      ...saved.facts,
      ...(dropW === undefined && riseW === undefined
        ? {}
        : { ramp: { changes: Object.fromEntries(hours.map((hour) => [hour, changes])) } }),
      ...(pue === undefined
        ? {}
        : { baseline: { samples: 1e6, bins: Object.fromEntries(bins.map((bin) => [bin, [100, pue] as const])) } }),
    },
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
    ...(trial.site.work === undefined ? {} : { work: trial.site.work }),
    ...(trial.site.export_limit_w === undefined ? {} : { exportLimitW: trial.site.export_limit_w }),
    ...(trial.site.pue_points === undefined ? {} : { puePoints: trial.site.pue_points }),
    ...(trial.site.tariff === undefined ? {} : { tariff: tariffOf(trial.site.tariff) }),
    nodes: Object.entries(trial.site.nodes ?? {}).map(
      ([id, { kind, rating_w, capacity_wh, parent, meters, gateway, resolution_wh, nominal_v }]) => ({
        id,
        kind,
        ratingW: rating_w ?? null,
        capacityWh: capacity_wh ?? null,
        ...(parent === undefined ? {} : { parent }),
        ...(gateway === undefined ? {} : { gateway }),
        ...(resolution_wh === undefined ? {} : { resolutionWh: resolution_wh }),
        ...(nominal_v === undefined ? {} : { nominalV: nominal_v }),
        ...(meters === undefined
          ? {}
          : {
              meters: meters.map((text) => {
                const [code = "", device = "", more] = text.split(" ");
                const feed = more === undefined || more === "-1" ? {} : { feed: more };
                return { code, device, sign: more === "-1" ? (-1 as const) : (1 as const), ...feed };
              }),
            }),
      }),
    ),
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
