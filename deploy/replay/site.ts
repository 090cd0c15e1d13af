import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { parseSite } from "#energy";

/** The shipped site file of the demonstration. */
export async function loadDemoSite(): Promise<ReturnType<typeof parseSite>> {
  const file = new URL("./demo.yaml", import.meta.url);
  return parseSite(await readFile(file, "utf8"), fileURLToPath(file));
}
