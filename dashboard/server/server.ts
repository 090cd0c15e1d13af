import type { FastifyBaseLogger } from "fastify";
import type { Ledger, Readings } from "#store";
import { createHealth } from "./api/health.ts";
import { createSiteNow } from "./api/sites.ts";
import type { App, Context } from "./app.ts";
import { buildApp } from "./build.ts";
import type { DashboardCode } from "./codes.ts";
import type { DashboardSettings } from "./config.ts";
import { startHub } from "./hub.ts";
import type { EnergyPart, EvidencePart, NotifyPart, RulesPart, Status } from "./parts.ts";

export interface DashboardDeps {
  readonly readings: Readings;
  readonly ledger: Ledger;
  readonly energy: EnergyPart;
  readonly rules: RulesPart;
  readonly notify?: NotifyPart;
  readonly evidence?: EvidencePart;
  readonly status: () => Status;
  readonly onError: (error: unknown, where: { readonly stage: "dashboard"; readonly code: DashboardCode }) => void;
  readonly log?: FastifyBaseLogger;
  /** Wall clock, UTC milliseconds. */
  readonly now?: () => number;
}

/** The HTTP server; disposing of it ends live streams and does not wait for them. */
export interface Dashboard extends AsyncDisposable {
  readonly address: { readonly host: string; readonly port: number; readonly url: string };
}

/** Requests that are still being answered when the end comes. */
const graceMs = 2000;

const portRefusal = (error: unknown, settings: DashboardSettings): unknown => {
  const code = error instanceof Error && "code" in error ? error.code : null;
  const { DASHBOARD_PORT: port, DASHBOARD_HOST: host } = settings;
  if (code === "EADDRINUSE")
    return new Error(`port ${port} on ${host} is in use: stop what uses it or set DASHBOARD_PORT to another`, {
      cause: error,
    });
  if (code === "EACCES")
    return new Error(`port ${port} needs rights this process lacks: set DASHBOARD_PORT above 1023`, { cause: error });
  if (code === "EADDRNOTAVAIL" || code === "ENOTFOUND")
    return new Error(`address "${host}" is not one of this machine: set DASHBOARD_HOST`, { cause: error });
  return error;
};

const listen = async (app: App, settings: DashboardSettings): Promise<number> => {
  try {
    await app.listen({ host: settings.DASHBOARD_HOST, port: settings.DASHBOARD_PORT });
  } catch (error) {
    await app.close();
    throw portRefusal(error, settings);
  }
  const bound = app.server.address();
  return typeof bound === "object" && bound !== null ? bound.port : settings.DASHBOARD_PORT;
};

/** How a person on this machine calls it. */
const urlOf = (host: string, port: number): string => {
  if (host === "0.0.0.0" || host === "::") return `http://localhost:${port}`;
  return `http://${host.includes(":") ? `[${host}]` : host}:${port}`;
};

/**
 * Serves the API, the live stream, the metrics and the web pages. Throws an error of one sentence, naming the setting,
 * when the port or the address cannot be had.
 */
export async function startDashboard(settings: DashboardSettings, deps: DashboardDeps): Promise<Dashboard> {
  const now = deps.now ?? Date.now;
  const context: Context = {
    settings,
    readings: deps.readings,
    ledger: deps.ledger,
    energy: deps.energy,
    rules: deps.rules,
    notify: deps.notify ?? null,
    evidence: deps.evidence ?? null,
    status: deps.status,
    now,
    health: createHealth(deps.readings, deps.status, now),
    siteNow: createSiteNow(deps),
    onError: (error, code) => deps.onError(error, { stage: "dashboard", code }),
  };
  await using starting = new AsyncDisposableStack();
  const hub = starting.use(startHub(context));
  const app = await buildApp(context, hub, deps.log);
  // Live connections never end by themselves.
  app.addHook("preClose", async () => hub.dismiss());
  starting.defer(async () => {
    const impatient = setTimeout(() => app.server.closeAllConnections(), graceMs);
    await app.close();
    clearTimeout(impatient);
  });
  const port = await listen(app, settings);
  const running = starting.move();
  const host = settings.DASHBOARD_HOST;
  return {
    address: { host, port, url: urlOf(host, port) },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}
