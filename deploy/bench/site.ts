import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { simulatedSite } from "../estate.ts";

export interface Estate {
  readonly sites: number;
  readonly racks: number;
}

/** Writes the site files `sim-1` … that model the generator's devices; returns their folder. */
export async function writeSites(folder: string, { sites, racks }: Estate): Promise<string> {
  const path = join(folder, "sites");
  await mkdir(path, { recursive: true });
  for (let site = 1; site <= sites; site++)
    await writeFile(join(path, `sim-${site}.yaml`), simulatedSite(`sim-${site}`, racks, 10));
  return path;
}
