import { Counter, Gauge, Histogram, Registry } from "prom-client";
import { findQuantity, type LatestReading } from "#store";
import type { App, Context } from "./app.ts";

const own = { site: "system" };
const seconds = [0.005, 0.025, 0.1, 0.5, 2, 10];

/** The product's own health figures and what HTTP costs, in OpenMetrics text. */
export const metricsRoute = (app: App, { readings, status, onError }: Context, liveClients: () => number): void => {
  const registry = new Registry<"application/openmetrics-text; version=1.0.0; charset=utf-8">();
  registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE);
  const registers = [registry];

  new Gauge({
    name: "wattlas_info",
    help: "Version that runs",
    labelNames: ["version"],
    registers,
    collect() {
      this.reset();
      this.set({ version: status().version }, 1);
    },
  });
  new Gauge({
    name: "wattlas_live_clients",
    help: "Open live connections",
    registers,
    collect() {
      this.set(liveClients());
    },
  });
  const requests = new Histogram({
    name: "wattlas_http_request_duration_seconds",
    help: "Time to answer, by route and status; the live stream is left out",
    labelNames: ["method", "route", "status"],
    buckets: seconds,
    registers,
  });

  app.addHook("onResponse", async (request, reply) => {
    const route = request.routeOptions.url ?? "none";
    requests.observe({ method: request.method, route, status: reply.statusCode }, reply.elapsedTime / 1000);
  });

  const figures = new Map<string, Counter<"device"> | Gauge<"device">>();
  const figureOf = (quantity: string): Counter<"device"> | Gauge<"device"> => {
    const name = `wattlas_${quantity}`;
    const known = figures.get(name);
    if (known !== undefined) return known;
    const found = findQuantity(quantity);
    const help = `${quantity} of site system${found === undefined || found.unit === "1" ? "" : `, ${found.unit}`}`;
    const options = { name, help, labelNames: ["device"] as const, registers };
    const figure = found?.kind === "counter" ? new Counter(options) : new Gauge(options);
    figures.set(name, figure);
    return figure;
  };

  const take = ({ device, quantities }: LatestReading): void => {
    for (const [quantity, { value }] of Object.entries(quantities)) figureOf(quantity).inc({ device }, value);
  };

  app.get(
    "/metrics",
    { schema: { summary: "Health figures in OpenMetrics text", tags: ["system"] } },
    async (_request, reply) => {
      for (const figure of figures.values()) figure.reset();
      // A store that is away must not hide the figures that are here.
      const newest = await readings.latest(own).catch((error: unknown) => {
        onError(error, "DASHBOARD_STORE_UNAVAILABLE");
        return [];
      });
      for (const reading of newest) take(reading);
      return reply.type(registry.contentType).send(await registry.metrics());
    },
  );
};
