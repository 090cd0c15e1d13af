import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Fault } from "./fields.ts";
import type { DeclaredRules, SiteModel } from "./model.ts";
import { createNodePool } from "./share.ts";
import { parseSite } from "./site.ts";
import type { TariffPlans } from "./tariff-plan.ts";
import { joinVersions } from "./validity.ts";

export type LoadedSites =
  | { readonly ok: true; readonly sites: readonly SiteModel[] }
  | { readonly ok: false; readonly faults: readonly Fault[] };

const siteFile = /\.ya?ml$/i;

/**
 * All site files of a folder, several of one site joined by their validity dates, or every fault in all of them. A folder that does not exist holds no site. Throws when
 * the folder or a file cannot be read.
 */
export const loadSites = async (
  dir: string,
  now: number = Date.now(),
  declaredRules?: DeclaredRules,
  plans?: TariffPlans,
): Promise<LoadedSites> => {
  const names = await readdir(dir).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw error;
  });
  const faults: Fault[] = [];
  const share = createNodePool();
  const files = new Map<string, { readonly site: SiteModel; readonly file: string }[]>();
  for (const name of names.filter((candidate) => siteFile.test(candidate)).sort()) {
    const file = join(dir, name);
    const parsed = parseSite(await readFile(file, "utf8"), file, declaredRules, plans);
    if (!parsed.ok) {
      faults.push(...parsed.faults);
      continue;
    }
    const site = share(parsed.site);
    const others = files.get(site.id) ?? [];
    const message = conflict(site, others);
    if (message !== null) faults.push({ file, line: 1, column: 1, message });
    files.set(site.id, [...others, { site, file }]);
  }
  if (faults.length > 0) return { ok: false, faults };
  const models = [...files.values()].map((versions) => versions.map(({ site }) => site));
  return { ok: true, sites: models.map((versions) => joinVersions(versions as [SiteModel, ...SiteModel[]], now)) };
};

/** Why a file cannot stand beside the other files of its site; null when it can. */
const conflict = (
  site: SiteModel,
  others: readonly { readonly site: SiteModel; readonly file: string }[],
): string | null => {
  const same = others.find((other) => other.site.validFrom === site.validFrom);
  if (same !== undefined)
    return `site "${site.id}" is already described by ${same.file}: give the newer file a valid_from, or one of its own`;
  // A day of the books has one zone, a sum of money one currency.
  const first = others[0];
  if (first !== undefined && first.site.timeZone !== site.timeZone)
    return `time_zone is ${site.timeZone}, but ${first.file} of the same site says ${first.site.timeZone}`;
  if (first !== undefined && first.site.currency !== site.currency)
    return `currency is ${site.currency}, but ${first.file} of the same site says ${first.site.currency}`;
  return null;
};
