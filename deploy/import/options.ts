import { z } from "zod";
import { findQuantity, identifierPattern } from "#store";

const zone = (text: string): boolean => {
  try {
    new Intl.DateTimeFormat("en", { timeZone: text });
    return true;
  } catch {
    return false;
  }
};

/** To the base unit of the quantity: Wh, W, or one. */
export const unitScales = { Wh: 1, kWh: 1e3, MWh: 1e6, GWh: 1e9, W: 1, kW: 1e3, MW: 1e6, "1": 1 } as const;

/** What a file of meter data is, as somebody declares it: nothing is guessed but the encoding and the delimiter. */
export const importSchema = z
  .strictObject({
    site: z.string().regex(identifierPattern),
    device: z.string().regex(identifierPattern).optional().describe("the meter, when the file is of one"),
    device_column: z.string().min(1).optional().describe("column that names the meter"),
    quantity: z
      .string()
      .refine((name) => findQuantity(name) !== undefined, "must be a known quantity such as energy_import_wh")
      .describe("what the values become: a register for energy, power_w or any gauge for samples"),
    kind: z
      .enum(["register", "interval_energy", "interval_power", "sample"])
      .describe(
        "register: a counter read at the label; interval_*: of the whole interval; sample: a gauge at the label",
      ),
    value_column: z.string().min(1),
    unit: z.enum(Object.keys(unitScales) as [keyof typeof unitScales]).describe("unit of the values in the file"),
    time_column: z.string().min(1),
    clock_column: z.string().min(1).optional().describe("column of the time of day, when the date stands alone"),
    time_format: z
      .string()
      .default("YYYY-MM-DD HH:mm:ss")
      .describe("YYYY MM DD HH mm ss as they stand in the file; seconds may be missing; iso, epoch_s or epoch_ms"),
    zone: z.string().refine(zone, "must be UTC or a tz database name such as Asia/Shanghai").default("UTC"),
    label: z.enum(["start", "end"]).describe("which end of its interval a time names"),
    interval_s: z.coerce.number().int().min(1).max(86_400).default(900),
    decimal: z.enum([".", ","]).default("."),
    delimiter: z.string().length(1).optional(),
    sentinels: z.array(z.string()).default([]).describe("texts that mean no value, beside an empty cell and null"),
    register_start: z.coerce
      .number()
      .min(0)
      .optional()
      .describe("register to begin interval energies with, base unit; without it the last stored reading of the meter"),
  })
  .refine(({ device, device_column }) => (device === undefined) !== (device_column === undefined), {
    path: ["device"],
    message: "give either device or device_column",
  })
  .refine(({ kind, quantity }) => kind === "sample" || findQuantity(quantity)?.kind === "counter", {
    path: ["quantity"],
    message: "energies and registers become a counter such as energy_import_wh",
  });

export type ImportOptions = z.infer<typeof importSchema>;
