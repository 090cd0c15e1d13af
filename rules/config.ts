import { z } from "zod";
import { isNetwork } from "./notify/address.ts";

/** Settings of the rules stage, from the environment. */
export const rulesSchema = z.strictObject({
  RULES_DIR: z
    .string()
    .min(1)
    .optional()
    .describe(
      "folder of the operator's own rule files (*.yaml); the shipped catalogue always loads, the same id with a higher version replaces a shipped rule",
    ),
  RULES_ON: z
    .string()
    .default("")
    .transform((text) => text.split(",").map((id) => id.trim()))
    .transform((ids) => ids.filter((id) => id !== ""))
    .describe(
      "ids of rules to switch on that are in shadow or off, such as R09,R17; a shadow rule is evaluated and recorded, and told to nobody",
    ),
  RULES_NOTIFY_FILE: z
    .string()
    .min(1)
    .optional()
    .describe("YAML file of channels, people, rosters, routes and maintenance windows; without it nobody is told"),
  RULES_NOTIFY_NETWORKS: z
    .string()
    .transform((text) => text.split(",").flatMap((part) => (part.trim() === "" ? [] : [part.trim()])))
    .pipe(z.array(z.string().refine(isNetwork, "expected addresses or networks such as 10.1.0.0/16")))
    .optional()
    .describe("private addresses and networks that channels may send to, loopback included, comma-separated"),
  // Windows and states of every device: a few kilobytes each in an estate of hundreds of thousands.
  RULES_SHADOW: z
    .enum(["on", "off"])
    .optional()
    .describe(
      "whether rules in shadow mode are evaluated at all, on unless said; off saves memory and time in a very large estate",
    ),
  // Instant rules promise a decision within one second of the reading.
  RULES_TICK_MS: z.coerce
    .number()
    .int()
    .min(100)
    .max(3000)
    .default(1000)
    .describe("how often the clock of a live site moves when no reading arrives, ms"),
  // As long as a collector may need to come back and hand over what it kept.
  RULES_CATCHUP_WAIT_MS: z.coerce
    .number()
    .int()
    .min(1000)
    .default(60_000)
    .describe("wall time without any reading after which a site's clock follows the wall again, ms"),
  // What a kill can make us read again; transitions are saved at once whatever this says.
  RULES_SAVE_MS: z.coerce
    .number()
    .int()
    .min(100)
    .max(600_000)
    .default(10_000)
    .describe("longest time between two saves of the rules' progress when nothing changes, ms"),
});

export type RulesSettings = z.infer<typeof rulesSchema>;
