// Sites: what they are, and how they stand now.
import { z } from "zod";
import { nodeKinds, verdicts } from "#energy";
import { siteModes } from "#rules";
import { balance, suspect } from "./account.ts";
import { alert } from "./alert.ts";
import { kpiResult } from "./kpi.ts";
import { counting, maybe, ms, origin, role, text } from "./parts.ts";

const residualDay = z
  .object({
    start: ms,
    end: ms,
    residualWh: z.number(),
    uncertaintyWh: z.number().describe("standard uncertainty"),
    toleranceWh: z.number(),
    coverage: z.number(),
  })
  .describe("energy residual of the 24 hours before the last closed quarter of an hour");

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
  balance: balance.extend({ day: residualDay.exactOptional() }),
  kpis: z.record(z.string(), kpiResult),
  alerts: z.array(alert),
  alertsLeftOut: z.number().int().exactOptional(),
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

const mode = z.enum(siteModes);
export const supply = z.object({
  mode: mode.nullable().describe("null when nothing has said anything about it"),
  since: ms.nullable(),
  incident: z.object({ id: z.string(), releaseAt: ms }).nullable().describe("holds back what is told below it"),
  changes: z.array(z.tuple([ms, mode])),
});
