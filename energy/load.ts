import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Fault } from "./fields.ts";
import type { SiteModel } from "./model.ts";
import { createNodePool } from "./share.ts";
import { parseSite } from "./site.ts";

export type LoadedSites =
  | { readonly ok: true; readonly sites: readonly SiteModel[] }
  | { readonly ok: false; readonly faults: readonly Fault[] };

const siteFile = /\.ya?ml$/i;

/**
 * All site files of a folder, or every fault in all of them. A folder that does not exist holds no site. Throws when
 * the folder or a file cannot be read.
 */
export const loadSites = async (dir: string): Promise<LoadedSites> => {
  const names = await readdir(dir).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw error;
  });
  const faults: Fault[] = [];
  const share = createNodePool();
  const sites = new Map<string, { readonly site: SiteModel; readonly file: string }>();
  for (const name of names.filter((candidate) => siteFile.test(candidate)).sort()) {
    const file = join(dir, name);
    const parsed = parseSite(await readFile(file, "utf8"), file);
    if (!parsed.ok) {
      faults.push(...parsed.faults);
      continue;
    }
    const before = sites.get(parsed.site.id);
    if (before === undefined) sites.set(parsed.site.id, { site: share(parsed.site), file });
    else
      faults.push({
        file,
        line: 1,
        column: 1,
        message: `site "${parsed.site.id}" is already described by ${before.file}`,
      });
  }
  return faults.length > 0 ? { ok: false, faults } : { ok: true, sites: [...sites.values()].map(({ site }) => site) };
};
