import { parse } from "yaml";
import { z } from "zod";
import type { SiteModel } from "#energy";
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
        })
        .partial()
        .default({}),
      /** Of a minute's account: residual_w, u_w, supply_w, import_w; `stale` is a value that is not known. */
      account: z.record(z.string(), z.string()).default({}),
      /** Readings of each device; the number is nothing but a sign that one came. */
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
    feedReadings(watch, devices, step, at);
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
      quantities: { power_w: 1 },
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
  const importW = value("import_w");
  const filled = accountOf({
    site: siteId,
    start: at,
    end: at + stepMs,
    importW,
    supplyW: value("supply_w"),
    residualW: value("residual_w"),
    uncertaintyW: value("u_w"),
  });
  watch.account(filled, at + stepMs);
};

const modelOf = (trial: TrialCase, devices: readonly string[]): SiteModel =>
  siteOf({
    id: siteId,
    devices,
    intervalMs: trial.step_s * 1000,
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
