// What comes in, and how the product is.
import { z } from "zod";
import { maybe, ms } from "./parts.ts";

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
