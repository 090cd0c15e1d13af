import { parseArgs } from "node:util";
import { loadMappings, type Mapping } from "#collector";
import type { Fault, SiteModel } from "#energy";
import { loadCatalogue, loadNotifyPlan } from "#rules";
import { type DeskHost, openDeskHost } from "./desk-host.ts";
import { createLog } from "./log.ts";
import { loadModels, type Models } from "./models.ts";
import { parseSettings, type Settings } from "./settings.ts";
import { sitesFound } from "./sites-found.ts";
import { startWattlas } from "./wattlas.ts";

const usage = `usage: npm start [-- --check]
  --check   parse all settings, site, mapping and rule files, say what is wrong, exit 0 or 1
Settings are environment variables: deploy/settings.env lists them all.`;

const say = (text: string): void => {
  process.stderr.write(`${text}
`);
};
const fault = (text: string): never => {
  say(`wattlas: ${text}`);
  process.exit(1);
};

interface Checked {
  readonly settings: Settings;
  readonly sites: readonly SiteModel[] | DeskHost;
  readonly mappings: readonly Mapping[];
  readonly demo: Models["demo"];
}

/** Where the models are used, there they are read: in the desk's thread if there is one. */
async function openModels(
  settings: Settings,
): Promise<
  | { readonly ok: true; readonly sites: readonly SiteModel[] | DeskHost; readonly demo: Models["demo"] }
  | { readonly ok: false; readonly faults: readonly Fault[] }
> {
  const desk = settings.deploy.PARTS.some((part) => part === "rules" || part === "energy" || part === "dashboard");
  // The memory store lives in one thread; everything else gives the desk a thread of its own.
  if (desk && !settings.store.STORE_URL.startsWith("memory:")) {
    const opened = await openDeskHost(settings);
    return opened.ok ? { ok: true, sites: opened.host, demo: opened.host.demo } : opened;
  }
  const loaded = await loadModels(settings);
  return loaded.ok ? { ok: true, ...loaded.models } : loaded;
}

/** Everything that a person can get wrong in files and settings, all faults at once. */
async function check(env: NodeJS.ProcessEnv): Promise<Checked> {
  const faults: string[] = [];
  const parsed = parseSettings(env);
  if (!parsed.ok) {
    faults.push(...parsed.faults.map(({ name, message }) => `setting ${name}: ${message}`));
    throw new Faults(faults);
  }
  const { settings } = parsed;
  const place = (at: {
    readonly file: string;
    readonly line: number;
    readonly column: number;
    readonly message: string;
  }) => `${at.file}:${at.line}:${at.column}: ${at.message}`;
  const [models, mappings, rules, notify] = await Promise.all([
    openModels(settings),
    loadMappings(settings.collector.COLLECTOR_MAPPINGS_DIR),
    loadCatalogue(settings.rules.RULES_DIR, settings.rules.RULES_ON, settings.rules.RULES_SHADOW),
    loadNotifyPlan(settings.rules.RULES_NOTIFY_FILE),
  ]);
  for (const result of [models, mappings, rules, notify])
    if ("faults" in result) faults.push(...result.faults.map(place));
  if (!models.ok || faults.length > 0) {
    if (models.ok && "start" in models.sites) await models.sites[Symbol.asyncDispose]();
    throw new Faults(faults);
  }
  return { settings, mappings: mappings.mappings, sites: models.sites, demo: models.demo };
}

class Faults extends Error {
  readonly faults: readonly string[];
  constructor(faults: readonly string[]) {
    super(faults.join("\n"));
    this.name = new.target.name;
    this.faults = faults;
  }
}

/** Does what the command line says; a start that fails ends the process. */
export async function start(): Promise<void> {
  await run().catch((error: unknown) => fault(error instanceof Error ? error.message : String(error)));
}

async function run(): Promise<void> {
  const { values } = parseArgs({
    options: { check: { type: "boolean", default: false }, help: { type: "boolean", default: false } },
  });
  if (values.help) {
    say(usage);
    return;
  }

  let checked: Checked;
  try {
    checked = await check(process.env);
  } catch (error) {
    if (!(error instanceof Faults)) throw error;
    for (const text of error.faults) say(text);
    return fault(
      `${error.faults.length} fault${error.faults.length === 1 ? "" : "s"} in settings or files: nothing was started`,
    );
  }
  if (values.check) {
    const { sites } = checked;
    const count = "start" in sites ? sites.ids.length : sites.length;
    if ("start" in sites) await sites[Symbol.asyncDispose]();
    return say(`wattlas: ${await sitesFound(checked.settings.energy.ENERGY_SITES_DIR, { count, demo: checked.demo })}`);
  }

  const { settings, sites, mappings, demo } = checked;
  const { log, onError } = createLog(settings.deploy.DEPLOY_LOG);
  const wattlas = await startWattlas(settings, { sites, mappings, demo, onError, onDemo: showDemo });
  let ending = false;
  const end = (signal: string) => {
    if (ending) process.exit(1);
    ending = true;
    log.info({ signal }, "stopping");
    void wattlas[Symbol.asyncDispose]().then(
      () => process.exit(0),
      (error: unknown) => fault(error instanceof Error ? error.message : String(error)),
    );
  };
  process.on("SIGINT", () => end("SIGINT"));
  process.on("SIGTERM", () => end("SIGTERM"));
  wattlas.failed.catch((error: unknown) => fault(error instanceof Error ? error.message : String(error)));

  const other = settings.collector.COLLECTOR_BROKER_URL;
  const mqtt = wattlas.mqtt
    ? `MQTT on ${wattlas.mqtt.host}:${wattlas.mqtt.port}`
    : other
      ? `MQTT from ${new URL(other).host}`
      : "no broker";
  process.stdout.write(
    `Wattlas is up in ${(performance.now() / 1000).toFixed(1)} s: open ${wattlas.url ?? "(no dashboard)"} (${mqtt})\n`,
  );
}

let shown = -1;
const showDemo = (demo: { readonly phase: "history" | "live"; readonly progress: number }): void => {
  const percent = Math.floor(demo.progress * 100);
  const step = process.stderr.isTTY ? 1 : 25;
  if (demo.phase === "live") {
    if (shown !== 101) say(`${process.stderr.isTTY ? "\r" : ""}wattlas: demonstration history loaded, now live   `);
    shown = 101;
  } else if (percent >= shown + step || shown < 0) {
    shown = percent;
    process.stderr.write(
      `${process.stderr.isTTY ? "\r" : ""}wattlas: loading the demonstration's history ${percent} %${process.stderr.isTTY ? "" : "\n"}`,
    );
  }
};
