import { z } from "zod";

const dayMs = 86_400_000;

/** Settings of the store, from the environment. `STORE_URL` and `DATA_DIR` carry no stage prefix rule of their own. */
export const storeSchema = z.strictObject({
  STORE_URL: z
    .string()
    .regex(
      /^(sqlite:|memory:|influx\+https?:\/\/)/,
      'must be "sqlite:", "memory:" or "influx+http://user:pass@host:8086/database"',
    )
    .default("sqlite:")
    .describe(
      "where readings are kept: sqlite: (in DATA_DIR), memory: (tests), influx+http://user:pass@host:8086/database",
    ),
  DATA_DIR: z.string().min(1).default("./data").describe("folder of everything kept on this machine"),
  // Raw readings of a hall fit months; roll-ups are small, so years.
  STORE_RAW_DAYS: z.coerce.number().min(0).default(400).describe("days to keep raw readings; 0 keeps for ever"),
  STORE_1M_DAYS: z.coerce.number().min(0).default(400).describe("days to keep one-minute roll-ups; 0 keeps for ever"),
  STORE_15M_DAYS: z.coerce
    .number()
    .min(0)
    .default(3660)
    .describe("days to keep quarter-hour roll-ups; 0 keeps for ever"),
  STORE_1H_DAYS: z.coerce.number().min(0).default(0).describe("days to keep hourly roll-ups; 0 keeps for ever"),
  STORE_DEAD_LETTER_DAYS: z.coerce
    .number()
    .min(0)
    .default(30)
    .describe("days to keep what was refused, with its reason; 0 keeps for ever"),
  // Sensors report every 10 s to 60 s: two missed minutes are a gap, not a slope.
  STORE_GAP_MS: z.coerce
    .number()
    .int()
    .min(1000)
    .default(150_000)
    .describe("longest distance of two samples that an integral bridges, ms"),
  STORE_SPOOL_MB: z.coerce
    .number()
    .int()
    .min(1)
    .default(4096)
    .describe("InfluxDB only: spool quota on disk, MB; at 80 % of it the store is degraded and says so"),
  STORE_SPOOL_POLICY: z
    .enum(["refuse", "drop-oldest"])
    .default("refuse")
    .describe(
      "InfluxDB only: at the quota, refuse acknowledges nothing until there is room, drop-oldest gives up the oldest readings InfluxDB has not taken",
    ),
});

export type StoreSettings = z.infer<typeof storeSchema>;

/** Days of a `STORE_…_DAYS` setting as milliseconds; 0 is null, which keeps for ever. */
export const keepMs = (days: number): number | null => (days === 0 ? null : days * dayMs);
