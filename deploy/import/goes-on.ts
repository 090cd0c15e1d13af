import { z } from "zod";
import type { FileReading } from "./rows.ts";

/** Where the register of a meter stands before a file: its newest stored reading. */
export type Stand = Pick<FileReading, "ts" | "value">;

const dayMs = 86_400_000;
// A meter's files come monthly at the slowest; who skipped a year says register_start.
const looksBackMs = [dayMs, 40 * dayMs, 400 * dayMs] as const;
const pageSchema = z.object({
  items: z.array(z.object({ ts: z.number(), quantities: z.record(z.string(), z.number()) })),
  next: z.string().nullable(),
});

/** The newest reading of a quantity at or before a time, asked of a running product; null when it has none. Throws when it cannot be asked. */
const lastStand = async (
  api: string,
  asked: { readonly site: string; readonly device: string; readonly quantity: string; readonly before: number },
): Promise<Stand | null> => {
  for (const backMs of looksBackMs) {
    let newest: Stand | null = null;
    let cursor: string | null = null;
    do {
      const url = new URL("/api/v1/readings", api);
      const { site, device, before } = asked;
      const query = { site, device, from: `${before - backMs}`, to: `${before + 1}`, limit: "1000" };
      for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
      if (cursor !== null) url.searchParams.set("cursor", cursor);
      const response = await fetch(url);
      if (!response.ok) throw new Error(`${url.origin} answers ${response.status}`);
      const page: z.infer<typeof pageSchema> = pageSchema.parse(await response.json());
      for (const { ts, quantities } of page.items) {
        const value = Object.hasOwn(quantities, asked.quantity) ? quantities[asked.quantity] : undefined;
        if (value !== undefined) newest = { ts, value };
      }
      cursor = page.next;
    } while (cursor !== null);
    if (newest !== null) return newest;
  }
  return null;
};

/** The stands of all meters of a file, by device; those without one begin at zero. */
export const standsBefore = async (
  api: string,
  of: { readonly site: string; readonly quantity: string },
  readings: readonly FileReading[],
): Promise<ReadonlyMap<string, Stand>> => {
  const firsts = new Map<string, number>();
  for (const { device, ts } of readings) firsts.set(device, Math.min(firsts.get(device) ?? ts, ts));
  const stands = new Map<string, Stand>();
  for (const [device, before] of firsts) {
    const stand = await lastStand(api, { ...of, device, before });
    if (stand !== null) stands.set(device, stand);
  }
  return stands;
};
