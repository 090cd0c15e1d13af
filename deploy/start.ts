import { access } from "node:fs/promises";
import { loadMappings } from "#collector";
import { openCommand } from "./command.ts";
import { openDeskHost } from "./desk-host.ts";
import { createLog } from "./log.ts";
import { placed } from "./placed.ts";
import type { Settings } from "./settings.ts";
import { sitesFound } from "./sites-found.ts";
import { startWattlas, type WattlasDeps } from "./wattlas.ts";

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

interface Ready extends Pick<WattlasDeps, "sites" | "mappings" | "demo"> {
  readonly settings: Settings;
  readonly count: number;
}

/** Everything that a person can get wrong in files and settings, all faults at once. */
async function prepare(): Promise<Ready> {
  const opened = await openDeskHost();
  const settings = opened.ok ? opened.host.settings : opened.settings;
  const mappings = settings === null ? null : await loadMappings(settings.collector.COLLECTOR_MAPPINGS_DIR);
  const faults = [...(opened.ok ? [] : opened.faults), ...(mappings?.faults ?? []).map(placed)];
  if (!opened.ok || mappings === null || faults.length > 0) {
    if (opened.ok) await opened.host[Symbol.asyncDispose]();
    throw new Faults(faults);
  }
  const { host } = opened;
  const ready = { settings: host.settings, mappings: mappings.mappings, demo: host.demo, count: host.ids.length };
  const parts = host.settings.deploy.PARTS;
  const hasDesk = parts.some((part) => part === "rules" || part === "energy" || part === "dashboard");
  // The memory store lives in one thread; everything else gives the desk a thread of its own.
  const inline = host.settings.store.STORE_URL.startsWith("memory:");
  if (hasDesk && !inline) return { ...ready, sites: host };
  await host[Symbol.asyncDispose]();
  if (!hasDesk) return { ...ready, sites: { ids: host.ids } };
  const { loadModels } = await import("./models.ts");
  const loaded = await loadModels(host.settings);
  if (!loaded.ok) throw new Faults(loaded.faults.map(placed));
  return { ...ready, sites: loaded.models.sites };
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
  const { values } = openCommand({
    name: "wattlas",
    usage,
    options: { check: { type: "boolean", default: false } },
  });
  // Who is the first to need libuv's threads hands its priority on to them: not the desk, which gives way.
  await access(import.meta.filename);
  let ready: Ready;
  try {
    ready = await prepare();
  } catch (error) {
    if (!(error instanceof Faults)) throw error;
    for (const text of error.faults) say(text);
    return fault(
      `${error.faults.length} fault${error.faults.length === 1 ? "" : "s"} in settings or files: nothing was started`,
    );
  }
  if (values.check) {
    if ("start" in ready.sites) await ready.sites[Symbol.asyncDispose]();
    return say(`wattlas: ${await sitesFound(ready.settings.energy.ENERGY_SITES_DIR, ready)}`);
  }

  const { settings, sites, mappings, demo } = ready;
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
