import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Fault } from "./fields.ts";
import { parsePlan, shippedPlans, type TariffPlans } from "./tariff-plan.ts";

const planFile = /\.(ya?ml|json)$/i;

/**
 * The shipped tariff plans and those of a folder, or every fault in all of its files. Throws when the folder or a file
 * cannot be read: whoever names a folder has one.
 */
export const loadPlans = async (
  dir: string | undefined,
): Promise<
  { readonly ok: true; readonly plans: TariffPlans } | { readonly ok: false; readonly faults: readonly Fault[] }
> => {
  const plans = new Map(shippedPlans());
  const faults: Fault[] = [];
  const names = dir === undefined ? [] : await readdir(dir);
  for (const name of names.filter((candidate) => planFile.test(candidate)).sort()) {
    const file = join(dir ?? "", name);
    const parsed = parsePlan(await readFile(file, "utf8"), file);
    if (!parsed.ok) faults.push(...parsed.faults);
    else if (plans.has(parsed.plan.id))
      faults.push({
        file,
        line: 1,
        column: 1,
        message: `plan "${parsed.plan.id}" exists already, give it another name`,
      });
    else plans.set(parsed.plan.id, parsed.plan);
  }
  return faults.length > 0 ? { ok: false, faults } : { ok: true, plans };
};
