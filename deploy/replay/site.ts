import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { parseSite } from "#energy";

export const demoSite = "demo";
/** The demonstration's zone has no daylight saving, so its offset is a constant. */
export const demoOffsetMs = 8 * 3_600_000;

/** The shipped site file of the demonstration. */
export async function loadDemoSite(): Promise<ReturnType<typeof parseSite>> {
  const file = new URL("./demo.yaml", import.meta.url);
  return parseSite(await readFile(file, "utf8"), fileURLToPath(file));
}
