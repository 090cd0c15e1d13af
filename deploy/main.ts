import { parseArgs } from "node:util";
import { loadMappings, type Mapping } from "#collector";
import { loadSites, type SiteModel } from "#energy";
import { loadCatalogue } from "#rules";
import { createLog } from "./log.ts";
import { loadDemoSite } from "./replay/site.ts";
import { parseSettings, type Settings } from "./settings.ts";
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
  readonly sites: readonly SiteModel[];
  readonly mappings: readonly Mapping[];
  readonly demo: "on" | "off";
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
  const [sites, mappings, rules] = await Promise.all([
    loadSites(settings.energy.ENERGY_SITES_DIR),
    loadMappings(settings.collector.COLLECTOR_MAPPINGS_DIR),
    loadCatalogue(settings.rules.RULES_DIR, settings.rules.RULES_ON),
  ]);
  for (const result of [sites, mappings, rules]) if ("faults" in result) faults.push(...result.faults.map(place));
  const own = sites.ok ? sites.sites : [];
  // The demonstration speaks to our own broker only.
  const alone = own.length === 0 && settings.deploy.PARTS.includes("broker");
  const demo = settings.deploy.DEPLOY_DEMO === "auto" ? (alone ? "on" : "off") : settings.deploy.DEPLOY_DEMO;
  const shipped = demo === "on" ? await loadDemoSite() : null;
  if (shipped && !shipped.ok) faults.push(...shipped.faults.map(place));
  if (faults.length > 0) throw new Faults(faults);
  return { settings, demo, mappings: mappings.mappings, sites: [...own, ...(shipped?.ok ? [shipped.site] : [])] };
}

class Faults extends Error {
  readonly faults: readonly string[];
  constructor(faults: readonly string[]) {
    super(faults.join("\n"));
    this.name = new.target.name;
    this.faults = faults;
  }
}

async function main(): Promise<void> {
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
  if (values.check)
    return say(
      `wattlas: settings and ${checked.sites.length} site file${checked.sites.length === 1 ? "" : "s"} are in order`,
    );

  const { settings, sites, mappings, demo } = checked;
  const { log, onError } = createLog(settings.deploy.DEPLOY_LOG);
  const started = performance.now();
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
    `Wattlas is up in ${((performance.now() - started) / 1000).toFixed(1)} s: open ${wattlas.url ?? "(no dashboard)"} (${mqtt})\n`,
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

main().catch((error: unknown) => fault(error instanceof Error ? error.message : String(error)));
