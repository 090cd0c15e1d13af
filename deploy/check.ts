import { loadCatalogue, loadNotifyPlan } from "#rules";
import { loadModels, type Models } from "./models.ts";
import { placed } from "./placed.ts";
import { parseSettings, type Settings } from "./settings.ts";

/** What was read; or every fault, one sentence each, with the settings where those are in order. */
export type Checked =
  | { readonly ok: true; readonly settings: Settings; readonly models: Models }
  | { readonly ok: false; readonly settings: Settings | null; readonly faults: readonly string[] };

/** Reads settings, site, rule and notification files: all that is wrong in them at once. */
export async function check(env: NodeJS.ProcessEnv): Promise<Checked> {
  const parsed = parseSettings(env);
  if (!parsed.ok)
    return {
      ok: false,
      settings: null,
      faults: parsed.faults.map(({ name, message }) => `setting ${name}: ${message}`),
    };
  const { settings } = parsed;
  const [models, rules, notify] = await Promise.all([
    loadModels(settings),
    loadCatalogue(settings.rules.RULES_DIR, settings.rules.RULES_ON, settings.rules.RULES_SHADOW),
    loadNotifyPlan(settings.rules.RULES_NOTIFY_FILE),
  ]);
  const faults = [models, rules, notify].flatMap((result) => ("faults" in result ? result.faults.map(placed) : []));
  return models.ok && faults.length === 0
    ? { ok: true, settings, models: models.models }
    : { ok: false, settings, faults };
}
