// KPIs, what they are made of, and the reports they end in.
import { z } from "zod";
import { accountSteps, drivers, factorSchema, reportIds } from "#energy";
import { maybe, quality, text } from "./parts.ts";

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
      usual: z.object({ min: maybe, max: maybe }).describe("a value outside stands and is flagged UNUSUAL"),
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
