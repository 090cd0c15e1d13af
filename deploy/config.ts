import { z } from "zod";

/** Settings of the composition itself. */
export const deploySchema = z.strictObject({
  PARTS: z
    .string()
    .default("all")
    .transform((text) => (text === "all" ? partNames : text.split(",").map((name) => name.trim())))
    .pipe(z.array(z.enum(["broker", "collector", "energy", "rules", "dashboard"])).min(1))
    .describe("parts this process runs: all, or a comma-separated list of broker, collector, energy, rules, dashboard"),
  DEPLOY_DEMO: z
    .enum(["auto", "on", "off"])
    .default("auto")
    .describe("the demonstration site: auto (while ENERGY_SITES_DIR holds no site), on, off"),
  // A week shows weekdays, a weekend and every shipped rule at least once.
  DEPLOY_DEMO_DAYS: z.coerce
    .number()
    .min(0)
    .max(28)
    .default(7)
    .describe("days of history the demonstration loads before it goes live"),
  DEPLOY_LOG: z
    .enum(["silent", "error", "warn", "info", "debug"])
    .default("warn")
    .describe("what the log on standard error shows"),
  DEPLOY_HEALTH_MS: z.coerce
    .number()
    .int()
    .min(1000)
    .default(5000)
    .describe("how often the product's own figures are published as site system, device wattlas, ms"),
});

const partNames = ["broker", "collector", "energy", "rules", "dashboard"] as const;
