import { type Fault, loadPlans, loadSites, type SiteModel } from "#energy";
import { declaredRule, loadCatalogue } from "#rules";
import { loadDemoSite } from "./replay/site.ts";
import type { Settings } from "./settings.ts";

/** The sites of this process. */
export interface Models {
  readonly sites: readonly SiteModel[];
  readonly demo: "on" | "off";
}

/** The site files of `ENERGY_SITES_DIR`, or the demonstration's when there are none; or every fault in them. */
export async function loadModels({
  energy,
  deploy,
  rules,
}: Pick<Settings, "energy" | "deploy" | "rules">): Promise<
  { readonly ok: true; readonly models: Models } | { readonly ok: false; readonly faults: readonly Fault[] }
> {
  // Faults of the rules themselves are told by whoever loads them: without rules their names are not checked here.
  const known = await loadCatalogue(rules.RULES_DIR, rules.RULES_ON);
  const declared = known.ok
    ? Object.fromEntries(known.catalogue.rules.map((rule) => [rule.id, declaredRule(rule)]))
    : undefined;
  const plans = await loadPlans(energy.ENERGY_TARIFFS_DIR);
  const loaded = await loadSites(energy.ENERGY_SITES_DIR, Date.now(), declared, plans.ok ? plans.plans : undefined);
  // A site that names a plan of a faulty file is told of both.
  if (!plans.ok || !loaded.ok)
    return { ok: false, faults: [...(plans.ok ? [] : plans.faults), ...(loaded.ok ? [] : loaded.faults)] };
  // The demonstration speaks to our own broker only.
  const alone = loaded.sites.length === 0 && deploy.PARTS.includes("broker");
  const demo = deploy.DEPLOY_DEMO === "auto" ? (alone ? "on" : "off") : deploy.DEPLOY_DEMO;
  if (demo === "off") return { ok: true, models: { sites: loaded.sites, demo } };
  const shipped = await loadDemoSite();
  return shipped.ok ? { ok: true, models: { sites: [...loaded.sites, shipped.site], demo } } : shipped;
}
