// npm run books:recompute -- --site demo --day 2026-11-20
import {
  formatLocal,
  keptModel,
  loadPlans,
  loadSites,
  type Recomputed,
  readAccounts,
  readReadings,
  recomputeAccounts,
  type SiteModel,
  type Unequal,
  windowOf,
} from "#energy";
import { openStore } from "#store";
import { openCommand } from "./command.ts";
import { demoSite } from "./replay/demo.ts";
import { loadDemoSite } from "./replay/site.ts";
import { parseSettings } from "./settings.ts";

const usage = `usage: npm run books:recompute -- --site <id> --day <YYYY-MM-DD> [--days <n>] [--most <n>]
  Makes the accounts of civil days of a site again from its raw readings and compares them with the stored ones.
  --days  that many days from --day on (1)
  --most  differences printed (100)
Reads the store that STORE_URL and DATA_DIR name; it may be in use. Exit 0: all equal, 1: differences, 2: cannot.`;

const ask = (): { site: string; day: string; days: number; most: number } => {
  const { values, refuse } = openCommand({
    usage,
    needs: ["site", "day"],
    options: {
      site: { type: "string" },
      day: { type: "string" },
      days: { type: "string", default: "1" },
      most: { type: "string", default: "100" },
    },
  });
  const [days, most] = [Number(values.days), Number(values.most)];
  if (!/^\d{4}-\d\d-\d\d$/.test(values.day) || Number.isNaN(Date.parse(values.day)))
    return refuse(`--day must be a date such as 2026-11-20, got "${values.day}"`);
  if (!Number.isInteger(days) || days < 1 || days > 3660)
    return refuse(`--days must be 1 to 3660, got "${values.days}"`);
  if (!Number.isInteger(most) || most < 0) return refuse(`--most must be a whole number, got "${values.most}"`);
  return { site: values.site, day: values.day, days, most };
};

const findSite = async (dir: string, tariffsDir: string | undefined, id: string): Promise<SiteModel | string> => {
  const plans = await loadPlans(tariffsDir);
  if (!plans.ok) return plans.faults.map(({ file, line, message }) => `${file}:${line}: ${message}`).join("\n");
  const loaded = await loadSites(dir, Date.now(), undefined, plans.plans);
  if (!loaded.ok) return loaded.faults.map(({ file, line, message }) => `${file}:${line}: ${message}`).join("\n");
  const own = loaded.sites.find((site) => site.id === id);
  if (own !== undefined) return own;
  const demo = id === demoSite ? await loadDemoSite() : null;
  return demo?.ok ? demo.site : `no site file in ${dir} describes site "${id}"`;
};

const sentence = (model: SiteModel, { step, start, revision, changes }: Unequal): string[] => {
  const name = `${step} ${formatLocal(start, model.timeZone)}`;
  if (revision === null) return [`${name}: not stored, but the readings give it`];
  if (changes.length === 0) return [`${name} r${revision}: stored, but the readings do not give it`];
  return changes.map(
    ({ path, before, after }) => `${name} r${revision} ${path}: stored ${before}, recomputed ${after}`,
  );
};

const report = (model: SiteModel, day: string, found: Recomputed): string => {
  const { compared, readings, unequal, models, lostModels } = found;
  const counts = Object.entries(compared).map(([step, count]) => `${count} × ${step}`);
  const verdict = unequal.length === 0 ? "all equal" : `${unequal.length} not equal`;
  const lost = lostModels.length > 0 ? `; model ${lostModels.join(", ")} is not kept, the site file was used` : "";
  return `${model.id} ${day}: ${counts.join(", ")} from ${readings} readings, model ${models.join(", ")}${lost}: ${verdict}`;
};

const main = async (): Promise<number> => {
  const say = (text: string): void => {
    process.stdout.write(`${text}\n`);
  };
  const asked = ask();
  const parsed = parseSettings(process.env);
  if (!parsed.ok) {
    say(parsed.faults.map(({ name, message }) => `setting ${name}: ${message}`).join("\n"));
    return 2;
  }
  const { settings } = parsed;
  const model = await findSite(settings.energy.ENERGY_SITES_DIR, settings.energy.ENERGY_TARIFFS_DIR, asked.site);
  if (typeof model === "string") {
    say(model);
    return 2;
  }
  await using store = await openStore(settings.store, {
    role: "reader",
    onError: (error) => say(error instanceof Error ? error.message : String(error)),
  });
  // Noon is in its day in every zone.
  let window = windowOf("1d", Date.parse(`${asked.day}T12:00:00Z`) - offsetOf(model, asked.day), model.timeZone);
  let unequal = 0;
  let compared = 0;
  let left = asked.most;
  for (let day = 0; day < asked.days; day++) {
    const found = await recomputeAccounts(model, window, {
      readRange: (from, to, device) => readReadings(store.readings, model.id, from, to, device),
      readAccounts: (step, from, to) => readAccounts(store.ledger, model.id, step, from, to),
      modelOf: (revision) => keptModel(store.ledger, model.id, revision),
      bridgeMs: settings.energy.ENERGY_BRIDGE_MS,
    });
    const lines = found.unequal.flatMap((one) => sentence(model, one));
    for (const line of lines.slice(0, left)) say(line);
    left = Math.max(0, left - lines.length);
    unequal += found.unequal.length;
    const count = found.unequal.length + Object.values(found.compared).reduce((sum, one) => sum + one, 0);
    compared += count;
    const date = formatLocal(window.start, model.timeZone).slice(0, 10);
    if (count > 0) say(report(model, date, found));
    else if (asked.days > 1) say(`${model.id} ${date}: nothing to compare`);
    window = windowOf("1d", window.end, model.timeZone);
  }
  if (compared === 0) {
    const last = formatLocal(window.start - 1, model.timeZone).slice(0, 10);
    const span = asked.days > 1 ? `from ${asked.day} to ${last}` : `on ${asked.day}`;
    say(
      `nothing to compare: site "${model.id}" has no account ${span} (${model.timeZone}); ` +
        "a minute is accounted seconds after its end, once there are readings",
    );
    return 2;
  }
  return unequal === 0 ? 0 : 1;
};

/** Local less UTC at that noon, ms. */
const offsetOf = (model: SiteModel, day: string): number => {
  const noon = Date.parse(`${day}T12:00:00Z`);
  const offset = /([+-])(\d\d):(\d\d)$/.exec(formatLocal(noon, model.timeZone));
  if (offset === null) return 0;
  return (offset[1] === "-" ? -1 : 1) * (Number(offset[2]) * 3_600_000 + Number(offset[3]) * 60_000);
};

process.exitCode = await main();
