import { fastify } from "fastify";
import type { Ledger, Readings } from "#store";
import type { DashboardSettings } from "./config.ts";
import type { EnergyPart, RulesPart, Status } from "./parts.ts";

export interface DashboardDeps {
  readonly readings: Readings;
  readonly ledger: Ledger;
  readonly energy: EnergyPart;
  readonly rules: RulesPart;
  readonly status: () => Status;
  readonly onError: (error: unknown, where: { readonly stage: "dashboard"; readonly code: string }) => void;
  readonly now?: () => number;
}

export interface Dashboard extends AsyncDisposable {
  readonly address: { readonly host: string; readonly port: number; readonly url: string };
}

/** Serves the API, the live stream, the metrics and the web pages. Throws when the port is taken. */
export async function startDashboard(settings: DashboardSettings, deps: DashboardDeps): Promise<Dashboard> {
  const app = fastify();
  app.get("/api/v1/health", () => ({ status: "ok", version: deps.status().version }));
  await app.listen({ host: settings.DASHBOARD_HOST, port: settings.DASHBOARD_PORT });
  const bound = app.server.address();
  const port = typeof bound === "object" && bound !== null ? bound.port : settings.DASHBOARD_PORT;
  return {
    address: { host: settings.DASHBOARD_HOST, port, url: `http://${settings.DASHBOARD_HOST}:${port}` },
    [Symbol.asyncDispose]: () => app.close(),
  };
}
