import { z } from "zod";

const milliseconds = z.coerce.number().int();

/** Settings of energy, from the environment. */
export const energySchema = z.strictObject({
  ENERGY_SITES_DIR: z.string().min(1).default("./sites").describe("folder of site files (*.yaml); may be absent"),
  ENERGY_TARIFFS_DIR: z
    .string()
    .min(1)
    .optional()
    .describe("folder with your own tariff plans (*.yaml); the shipped ones always load"),
  // A sensor every 10 s has said its word ten seconds after a minute is over.
  ENERGY_LATENESS_MS: milliseconds
    .min(0)
    .default(10_000)
    .describe("how long after its end a minute waits for readings before it is accounted, ms"),
  ENERGY_CATCHUP_WAIT_MS: milliseconds
    .min(1000)
    .default(60_000)
    .describe("wall time without any reading after which a site's clock follows the wall again, ms"),
  // A register tells the energy of a gap exactly, but not when in the gap: beyond an hour a gap stays a gap.
  ENERGY_BRIDGE_MS: milliseconds
    .min(60_000)
    .default(3_600_000)
    .describe("longest distance of two register readings that is shared out over the minutes between, ms"),
  // kpi.md §1.5: figures are restated for seven days, then frozen.
  ENERGY_FREEZE_DAYS: z.coerce
    .number()
    .min(0)
    .max(366)
    .default(7)
    .describe("days after its end at which a billing cycle closes by itself; 0: only a person closes it"),
  ENERGY_CHUNK_READINGS: milliseconds
    .min(100)
    .max(10_000)
    .default(5000)
    .describe("readings taken into the books at a time, at most 10000"),
});

export type EnergySettings = z.infer<typeof energySchema>;
