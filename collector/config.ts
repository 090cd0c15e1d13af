import { z } from "zod";
import { identifierPattern } from "#store";
import { filterFault } from "./filters.ts";
import { parseShard } from "./shard.ts";

const identifier = (what: string) =>
  z.string().regex(identifierPattern, `must be ${what}: letters, digits, dot, underscore, hyphen, at most 64`);
const list = (text: string): readonly string[] =>
  text
    .split(",")
    .map((item) => item.trim())
    .filter((item) => item !== "");
// They say how to speak to a broker that is not ours.
const brokerOnly = [
  "COLLECTOR_BROKER_CA_FILE",
  "COLLECTOR_CLIENT_ID",
  "COLLECTOR_TOPICS",
  "COLLECTOR_SHARE_GROUP",
  "COLLECTOR_SHARD",
] as const;

/** Settings of the collector, from the environment. */
export const collectorSchema = z
  .strictObject({
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
    COLLECTOR_FOREIGN_SITE: identifier("a site name")
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
    COLLECTOR_BROKER_URL: z
      .string()
      .refine(isBrokerUrl, "must be mqtt://user:pass@host:1883 or mqtts://…:8883")
      .optional()
      .describe("another MQTT broker to subscribe at: mqtt:// or mqtts://, user:pass@ where it asks for one"),
    COLLECTOR_BROKER_CA_FILE: z
      .string()
      .min(1)
      .optional()
      .describe("authority that signed the certificate of an mqtts:// broker, PEM; unset: those that Node trusts"),
    COLLECTOR_BROKER_VERSION: z
      .enum(["5", "3.1.1"])
      .default("5")
      .describe("MQTT version spoken to COLLECTOR_BROKER_URL: 5 or 3.1.1"),
    COLLECTOR_CLIENT_ID: identifier("a client id")
      .optional()
      .describe("client id there, kept for ever since the session hangs on it; wattlas, of a shard wattlas-2-of-8"),
    COLLECTOR_TOPICS: z
      .string()
      .transform(list)
      .superRefine((filters, context) => {
        for (const filter of filters) {
          const fault = filterFault(filter);
          if (fault !== null) context.addIssue({ code: "custom", message: `filter "${filter.slice(0, 80)}" ${fault}` });
        }
      })
      .optional()
      .describe(
        "filters to subscribe to there, comma-separated; unset: dc/+/+/telemetry, dc/+/+/batch, dc/+/+/status, Shelly's topics and those of all mappings",
      ),
    COLLECTOR_SITES: z
      .string()
      .transform(list)
      .pipe(z.array(identifier("any, modelled or site names")).min(1))
      .default(["any"])
      .describe(
        "sites to ask there for: any, modelled (those with a site file), or names, comma-separated; named sites get subscriptions of their own",
      ),
    COLLECTOR_SHARE_GROUP: identifier("a group name")
      .optional()
      .describe("shared subscription $share/<group>/… of MQTT 5: each message goes to one member of the group"),
    COLLECTOR_SHARD: z
      .string()
      .refine((text) => parseShard(text) !== null, "must be number/count, as 2/8")
      .optional()
      .describe("this collector's part of the sites, as 2/8; unset takes all"),
    COLLECTOR_BROKER_IN_FLIGHT: z.coerce
      .number()
      .int()
      .min(1)
      .max(65_535)
      .default(1000)
      .describe("messages of COLLECTOR_BROKER_URL taken but not yet stored, count; the broker sends no more"),
    // A week is longer than any repair; brokers cut it to what they allow.
    COLLECTOR_SESSION_EXPIRY_S: z.coerce
      .number()
      .int()
      .min(1)
      .max(0xffff_ffff)
      .default(604_800)
      .describe("how long COLLECTOR_BROKER_URL keeps messages for this collector while it is away, s; MQTT 5"),
  })
  .superRefine((settings, context) => {
    const fault = (name: string, message: string) => context.addIssue({ code: "custom", path: [name], message });
    for (const name of brokerOnly)
      if (settings[name] !== undefined && settings.COLLECTOR_BROKER_URL === undefined)
        fault(name, "needs COLLECTOR_BROKER_URL: the embedded broker has no use for it");
    if (settings.COLLECTOR_SHARE_GROUP === undefined) return;
    if (settings.COLLECTOR_BROKER_VERSION !== "5")
      fault("COLLECTOR_SHARE_GROUP", "needs COLLECTOR_BROKER_VERSION=5: shared subscriptions came with MQTT 5");
    if (settings.COLLECTOR_SHARD !== undefined)
      fault("COLLECTOR_SHARE_GROUP", "divides messages and COLLECTOR_SHARD divides sites: set one of them");
    if (settings.COLLECTOR_CLIENT_ID === undefined)
      fault("COLLECTOR_SHARE_GROUP", "needs COLLECTOR_CLIENT_ID, another one for each member of the group");
  });

function isBrokerUrl(text: string): boolean {
  if (!/^mqtts?:\/\/[^/]/.test(text) || !URL.canParse(text)) return false;
  const { hostname, pathname } = new URL(text);
  return hostname !== "" && (pathname === "" || pathname === "/");
}

export type CollectorSettings = z.infer<typeof collectorSchema>;
