import { z } from "zod";
import { identifierPattern } from "#store";

/** Settings of the collector, from the environment. */
export const collectorSchema = z.strictObject({
  // One commit for everything that arrives in 10 ms keeps acknowledgements below a sensor's patience and the disk calm.
  COLLECTOR_BATCH_AGE_MS: z.coerce
    .number()
    .int()
    .min(0)
    .max(1000)
    .default(10)
    .describe("longest time a reading waits for others before it is committed, ms"),
  COLLECTOR_BATCH_READINGS: z.coerce
    .number()
    .int()
    .min(1)
    .max(10_000)
    .default(2000)
    .describe("readings that make a commit full, count"),
  // One commit is on the disk while the next is filled; more only lengthens the queue.
  COLLECTOR_IN_FLIGHT: z.coerce
    .number()
    .int()
    .min(1)
    .max(16)
    .default(2)
    .describe("commits under way at the same time, count"),
  COLLECTOR_FOREIGN_SITE: z
    .string()
    .regex(identifierPattern, "must be a site name: letters, digits, dot, underscore, hyphen, at most 64")
    .default("main")
    .describe("site of messages whose dialect names none, unless the sender's credential belongs to a site"),
  COLLECTOR_MAPPINGS_DIR: z
    .string()
    .min(1)
    .optional()
    .describe("folder with your own *.yaml mappings; the shipped ones always load"),
  // Clocks drift by seconds, a wrong time zone by hours: one hour is drift's far end.
  COLLECTOR_AHEAD_MS: z.coerce
    .number()
    .int()
    .min(0)
    .default(3_600_000)
    .describe("how far ahead of our clock a reading may be, ms; further goes to the dead letters"),
  COLLECTOR_DEAD_LETTERS_PER_MINUTE: z.coerce
    .number()
    .int()
    .min(0)
    .default(60)
    .describe("dead letters kept per code and minute, count; beyond that they are only counted"),
});

export type CollectorSettings = z.infer<typeof collectorSchema>;
