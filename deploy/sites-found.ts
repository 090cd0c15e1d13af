import { readdir } from "node:fs/promises";
import { resolve } from "node:path";

/** What `--check` looked at for sites, what it found, and what to do where it found none. */
export async function sitesFound(
  dir: string,
  found: { readonly count: number; readonly demo: "on" | "off" },
): Promise<string> {
  const count = found.demo === "on" ? found.count - 1 : found.count;
  const folder = resolve(dir);
  if (count > 0)
    return `settings and ${count} site${count === 1 ? "" : "s"} of ${folder} are in order${found.demo === "on" ? ", the demonstration beside" : ""}`;
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return null;
    throw error;
  });
  const state =
    names === null
      ? "which does not exist"
      : names.length === 0
        ? "which is empty"
        : `which holds ${names.length} file${names.length === 1 ? "" : "s"} but none that ends in .yaml or .yml`;
  const then =
    found.demo === "on" ? "the demonstration site will play" : "readings will be stored, but no site accounted";
  return [
    "settings are in order, and there is no site of your own",
    `  looked for *.yaml and *.yml in ${folder} (ENERGY_SITES_DIR=${dir}), ${state}`,
    `  as it is, ${then}`,
    "  to model a site: start, open Ingest and download the site file of a device that is not yet modelled, or copy",
    "  energy/site.good.yaml, or run npm run import-points; put the file there and check again",
  ].join("\n");
}
