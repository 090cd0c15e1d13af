// The wire types as zod schemas: what OpenAPI shows and what leaves the server. schema.test.ts keeps both equal.
import { z } from "zod";
import {
  accountFlags,
  accountSteps,
  drivers,
  factorSchema,
  nodeKinds,
  reportIds,
  signatureNames,
  verdicts,
} from "#energy";
import { alertStates, severities } from "#rules";
import { dashboardCodes } from "./codes.ts";

const maybe = z.number().nullable();
const text = z.object({ en: z.string(), "zh-CN": z.string() });
const ms = z.number().describe("UTC milliseconds");

export const quality = z.enum(["MEASURED", "PARTLY_ESTIMATED", "ESTIMATED", "INVALID"]);
const origin = z.enum(["measured", "recorded", "synthetic", "estimated"]);
const role = z.enum(["source", "grid", "load", "storage"]);
const counting = z.enum(["counted", "detail"]);

export const list = <Item extends z.ZodType>(item: Item) =>
  z.object({ items: z.array(item), next: z.string().nullable().describe("pass it back as cursor; null is the end") });

export const problem = z.object({
  type: z.string(),
  title: z.string(),
  status: z.number().int(),
  detail: z.string(),
  code: z.enum(dashboardCodes),
  errors: z.array(z.object({ name: z.string(), message: z.string() })).exactOptional(),
});

export const health = z.object({
  status: z.enum(["ok", "degraded"]),
  version: z.string(),
  ts: ms,
  parts: z.array(z.string()),
  mqtt: z.object({ host: z.string(), port: z.number().int(), wsPort: z.number().int().nullable() }).nullable(),
  store: z.object({
    adapter: z.string(),
    state: z.string(),
    reason: z.string(),
    pendingReadings: z.number(),
    bytes: z.number(),
  }),
  demo: z.object({ phase: z.enum(["history", "live"]), progress: z.number() }).nullable(),
});

export const site = z.object({
  id: z.string(),
  name: text,
  timeZone: z.string(),
  currency: z.string(),
  demo: z.boolean(),
  work: z.array(
    z.object({
      device: z.string(),
      quantity: z.string(),
      unit: z.string(),
      workload: text,
      precision: z.string(),
      origin,
      node: z.string(),
    }),
  ),
});

export const kpiResult = z.object({
  kpi: z.string(),
  variant: z.string().exactOptional(),
  standard: z.string(),
  value: maybe,
  unit: z.string(),
  numerator: maybe,
  denominator: maybe,
  numUnit: z.string(),
  denUnit: z.string(),
  window: z.object({ start: z.string(), end: z.string(), tz: z.string(), complete: z.boolean() }),
  boundaryId: z.string(),
  coverage: z.number(),
  uncertainty: z.number().exactOptional().describe("k = 2, same unit"),
  quality,
  flags: z.array(z.string()),
  revision: z.number(),
  better: z.enum(["higher", "lower"]).exactOptional().describe("which way is good, where readers differ about it"),
  factors: z.array(z.object({ id: z.string(), version: z.string() })).exactOptional(),
});

const suspect = z
  .object({
    node: z.string(),
    point: z.string(),
    device: z.string(),
    signature: z.enum(signatureNames),
    factor: z.number().describe("what the meter shows over what it should"),
    measure: z.enum(["power", "energy", "both"]),
    residualW: z.number(),
    correctedW: z.number().describe("the mean residual with this meter corrected"),
    toleranceW: z.number(),
    open: z.number().int().describe("intervals in which the balance was open"),
    closed: z.number().int().describe("of those, how many the correction closes"),
    rivals: z.array(z.string()).describe("devices that would explain it nearly as well"),
  })
  .describe("the meter that would close the open balance if it showed the truth");

const balance = z.object({
  supplyW: maybe,
  loadW: maybe,
  residualW: maybe,
  uncertaintyW: maybe,
  toleranceW: maybe,
  suspect: suspect.exactOptional(),
});

export const alert = z.object({
  id: z.string(),
  rule: z.string(),
  ruleVersion: z.number(),
  site: z.string(),
  subject: z.string(),
  subcode: z.string(),
  severity: z.enum(severities),
  state: z.enum(alertStates),
  start: ms,
  active: ms.nullable(),
  returned: ms.nullable(),
  closed: ms.nullable(),
  changed: z.object({ wall: ms, site: ms }),
  acknowledged: z.object({ by: z.string(), reason: z.string(), at: ms }).nullable(),
  assignee: z.string().nullable(),
  comments: z.array(z.object({ by: z.string(), text: z.string(), at: ms })),
  inputs: z.record(z.string(), z.union([z.number(), z.string(), z.null()])),
  thresholds: z.record(z.string(), z.union([z.number(), z.string()])),
  title: text,
  action: text,
  restated: z.boolean(),
  shadow: z.literal(true).exactOptional(),
  incident: z.object({ id: z.string(), held: z.boolean() }).exactOptional(),
  flapping: z.literal(true).exactOptional(),
  shelved: z
    .object({ by: z.string(), reason: z.string(), until: ms, was: z.enum(alertStates).exclude(["SHELVED"]) })
    .exactOptional(),
  timeline: z.array(z.tuple([ms, z.string()])).exactOptional(),
  occurrences: z.number(),
});

export const now = z.object({
  site: z.string(),
  ts: ms,
  clock: z.enum(["live", "catching-up", "silent"]),
  nodes: z.array(
    z.object({
      id: z.string(),
      kind: z.enum(nodeKinds),
      role,
      name: text,
      parent: z.string().nullable(),
      counting,
      origin,
      powerW: maybe,
      socPct: maybe,
      ts: ms.nullable(),
      freshness: z.enum(["fresh", "stale", "missing"]),
      ratingW: maybe,
      capacityWh: maybe,
    }),
  ),
  balance,
  kpis: z.record(z.string(), kpiResult),
  alerts: z.array(alert),
  alertsLeftOut: z.number().int().exactOptional(),
});

export const reading = z.object({
  ts: ms,
  received: ms,
  device: z.string(),
  quantities: z.record(z.string(), z.number()),
  flags: z.array(z.string()),
});

export const series = z.object({
  site: z.string(),
  device: z.string(),
  quantity: z.string(),
  unit: z.string().nullable(),
  step: z.enum(["raw", "1m", "15m", "1h", "1d"]),
  ts: z.array(z.number()),
  mean: z.array(maybe),
  min: z.array(maybe),
  max: z.array(maybe),
  coverage: z.array(z.number()),
});

const evidence = z.object({ verdict: z.enum(verdicts), value: maybe, unit: z.string(), text });

export const commissioning = z.object({
  site: z.string(),
  from: ms,
  to: ms,
  models: z.array(z.object({ revision: z.string(), validFrom: ms.nullable() })),
  kpis: z.array(
    z.object({
      kpi: z.string(),
      variant: z.string().nullable(),
      able: z.boolean(),
      lacks: z.array(z.object({ what: z.string(), text })),
    }),
  ),
  meters: z.array(
    z.object({
      node: z.string(),
      point: z.string(),
      device: z.string(),
      readings: z.number().int(),
      silent: z.array(z.string()).describe("quantities of the model that were not heard"),
      ratio: evidence.describe("register over integrated power, rating, siblings, parent, balance"),
      phase: evidence,
      direction: evidence,
      clock: evidence.describe("receive time less event time"),
      interval: evidence,
    }),
  ),
  suspect: suspect.nullable(),
});

export const kpis = z.object({ items: z.array(kpiResult) });

export const catalogue = z.object({
  items: z.array(
    z.object({
      id: z.string(),
      name: text,
      formula: z.string(),
      unit: z.string(),
      boundary: z.string(),
      window: z.string().nullable(),
      range: z.object({ min: maybe, max: maybe }),
      standard: z.string(),
      better: z.enum(["higher", "lower"]).nullable(),
    }),
  ),
});

export const factors = z.object({ items: z.array(factorSchema) });

export const report = z.object({
  report: z.enum(reportIds),
  title: text,
  instrument: z.string(),
  site: z.string(),
  siteModel: z.string(),
  period: z.object({ start: z.string(), end: z.string(), tz: z.string() }),
  notes: z.array(z.string()),
  fields: z.array(
    z.object({
      ref: z.string(),
      code: z.string(),
      name: text,
      value: z.union([z.number(), z.string(), z.null()]),
      unit: z.string(),
      quality: z.enum([...quality.options, "DECLARED", "MISSING"]),
      coverage: maybe,
      points: z.array(z.string()),
      notes: z.array(z.string()),
      source: z.string().nullable(),
      judged: z
        .array(
          z.object({
            factor: z.string(),
            revision: z.string(),
            instrument: z.string(),
            limit: z.number(),
            unit: z.string(),
            met: z.boolean().nullable(),
          }),
        )
        .exactOptional(),
    }),
  ),
});

export const kpiChange = z.object({
  site: z.string(),
  kpi: z.string(),
  variant: z.string().nullable(),
  unit: z.string(),
  before: kpiResult,
  after: kpiResult,
  change: maybe,
  method: z.string(),
  parts: z.array(z.object({ driver: z.enum(drivers), name: text, value: z.number() })),
  flags: z.array(z.string()),
});

export const trend = z.object({
  site: z.string(),
  kpi: z.string(),
  variant: z.string().nullable(),
  unit: z.string(),
  step: z.enum(accountSteps),
  start: z.array(z.number()),
  value: z.array(maybe),
  numerator: z.array(maybe),
  denominator: z.array(maybe),
  coverage: z.array(z.number()),
  quality: z.array(z.string()),
});

const nodeAccount = z.object({
  forwardWh: maybe,
  reverseWh: maybe,
  meanW: maybe,
  minW: maybe,
  maxW: maybe,
  socPct: maybe,
  storedWh: maybe.exactOptional(),
  availableWh: maybe.exactOptional(),
  check: z.object({ registerWh: z.number(), powerWh: z.number() }).exactOptional(),
  meters: z.array(z.object({ meanW: maybe, netWh: maybe })).exactOptional(),
  lagMs: z
    .number()
    .exactOptional()
    .describe("received less event time where every reading of the window was dated wrong"),
  coverage: z.number(),
  quality,
  flags: z.array(z.enum(accountFlags)),
});

const demandPeaks = z.object({
  windowMin: z.number(),
  fixedW: maybe,
  slidingW: maybe,
  headWh: z.array(maybe),
  tailWh: z.array(maybe),
});

const storageFlow = z.object({
  renewableWh: z.number(),
  gridWh: z.number(),
  unknownWh: z.number(),
  carbonG: z.number(),
  cost: z.number(),
});
const storageState = storageFlow.extend({ energyWh: z.number(), meanAgeH: z.number() });
const storageAccount = z.object({
  opening: storageState,
  closing: storageState,
  charge: storageFlow,
  discharge: storageFlow,
  lossWh: z.number(),
  beyondWh: z.number(),
  reconciled: z
    .object({
      ledgerWh: z.number(),
      socWh: z.number(),
      toleranceWh: z.number(),
      lossWh: z.number(),
      foundWh: z.number(),
    })
    .nullable(),
  naive: z.object({ renewableWh: z.number(), carbonG: z.number(), cost: z.number() }),
  flags: z.array(z.enum(["FLOW_UNKNOWN", "CARBON_UNKNOWN", "COST_UNKNOWN", "STORAGE_UNRECONCILED"])),
});

export const account = z.object({
  site: z.string(),
  step: z.enum(accountSteps),
  start: ms,
  end: ms,
  revision: z.number(),
  model: z.string(),
  data: z.string().exactOptional(),
  nodes: z.record(z.string(), nodeAccount),
  totals: z.object({
    importWh: maybe,
    exportWh: maybe,
    renewableWh: maybe,
    gensetWh: maybe,
    chargeWh: maybe,
    dischargeWh: maybe,
    itWh: maybe,
    coolingWh: maybe,
    lossWh: maybe,
    otherWh: maybe,
    loadWh: maybe,
    facilityWh: maybe,
    storedWh: maybe.exactOptional(),
    carbonG: maybe,
    carbonFreeWh: maybe.exactOptional(),
    availableWh: maybe.exactOptional(),
    cost: maybe,
    media: z.record(z.string(), maybe).exactOptional(),
    idle: z.record(z.string(), z.object({ allocatedWh: maybe, idleWh: maybe })).exactOptional(),
    periods: z.record(z.string(), z.object({ importWh: maybe, cost: maybe })).exactOptional(),
    work: z.record(z.string(), z.object({ amount: maybe, energyWh: maybe })),
  }),
  balance: balance.extend({ residualWh: maybe.exactOptional(), uncertaintyWh: maybe.exactOptional() }),
  coverage: z.number(),
  quality,
  flags: z.array(z.enum(accountFlags)),
  joint: z
    .record(z.string(), z.object({ goodMs: z.number(), terms: z.record(z.string(), z.number()) }))
    .exactOptional(),
  demand: demandPeaks.exactOptional(),
  baseDemand: demandPeaks.exactOptional(),
  storage: z.record(z.string(), storageAccount).exactOptional(),
  outdoorC: maybe.exactOptional(),
});

const change = z.object({
  path: z.string(),
  before: z.union([z.string(), z.number(), z.boolean()]).nullable(),
  after: z.union([z.string(), z.number(), z.boolean()]).nullable(),
});
export const changes = z.array(change);
export const accountRevisions = z.object({
  items: z.array(z.object({ revision: z.number(), at: ms, account, changes })),
});
const revisionName = z.object({ revision: z.number(), at: ms });
export const accountDifference = z.object({ before: revisionName, after: revisionName, changes });

export const device = z.object({
  site: z.string(),
  device: z.string(),
  quantities: z.array(z.string()),
  firstSeen: ms,
  lastSeen: ms,
  readings: z.number(),
  latest: z.record(z.string(), z.object({ value: z.number(), ts: ms, unit: z.string().nullable() })),
  nodes: z.array(z.string()),
  origin: z.string().nullable(),
});

export const deadLetter = z.object({
  id: z.string(),
  received: ms,
  topic: z.string(),
  code: z.string(),
  reason: z.string(),
  payload: z.string(),
  bytes: z.number(),
  user: z.string(),
});

export const ingest = z.object({
  ts: ms.nullable(),
  counters: z.record(z.string(), z.number()),
  rates: z.object({ messagesPerS: maybe, readingsPerS: maybe, valuesPerS: maybe }),
  rejectedByCode: z.record(z.string(), z.number()),
});

export const rule = z.object({
  id: z.string(),
  version: z.number(),
  title: text,
  action: text,
  mode: z.enum(["on", "shadow", "off"]),
  on: z.enum(["account", "reading"]),
  subject: z.enum(["site", "node", "device"]),
  inputs: z.array(z.string()),
  levels: z.array(
    z.object({
      severity: z.enum(severities),
      subcode: z.string(),
      trigger: z.string(),
      holdOnS: z.number(),
      clear: z.string(),
      holdOffS: z.number(),
    }),
  ),
  parameters: z.record(z.string(), z.number()),
  sites: z.record(
    z.string(),
    z.object({ mode: z.enum(["on", "shadow", "off"]), parameters: z.record(z.string(), z.number()) }),
  ),
  origin: z.enum(["shipped", "own"]),
  file: z.string(),
  source: z.string(),
});

// Names and reasons end up in the history for years: bounded, no control characters.
const person = z
  .string()
  .trim()
  .min(1)
  .max(64)
  .regex(/^[^\p{Cc}]*$/u, "must not contain control characters");
const words = z.string().trim().max(2000);

export const ack = z.strictObject({ by: person, reason: words.exactOptional() });
export const assign = z.strictObject({ by: person, assignee: person.nullable() });
export const comment = z.strictObject({ by: person, text: words.min(1) });

export const closeCycle = z.strictObject({ by: person, reason: words.exactOptional() });
export const cycle = z.object({
  site: z.string(),
  cycle: z.string(),
  start: ms,
  end: ms,
  revision: z.string(),
  closedAt: ms,
  by: z.string(),
  reason: z.string(),
  models: z.array(z.string()),
  data: z.string().nullable(),
  accounts: z.array(z.object({ step: z.enum(accountSteps), start: ms, revision: z.number() })),
  account,
  kpis: z.array(kpiResult),
});
export const cycles = z.object({ items: z.array(cycle) });
export const cycleReport = z.object({
  cycle,
  corrections: z.array(
    z.object({
      step: z.enum(accountSteps),
      start: ms,
      frozen: z.number().nullable(),
      revision: z.number(),
      at: ms,
      changes,
    }),
  ),
  changes,
});
