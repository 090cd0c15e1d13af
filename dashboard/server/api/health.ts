import type { Readings, StoreHealth } from "#store";
import type { App, Context } from "../app.ts";
import type { Status } from "../parts.ts";
import { refuse } from "../problem.ts";
import * as schema from "../schema.ts";
import type { HealthWire } from "../wire.ts";

const unreachable = (error: unknown): StoreHealth => ({
  adapter: "memory",
  state: "unreachable",
  reason: error instanceof Error ? error.message : String(error),
  version: "",
  pendingReadings: 0,
  bytes: 0,
});

/** A store that cannot even say how it is must not take the page down that shows it. */
export const createHealth =
  (readings: Readings, status: () => Status, now: () => number) => async (): Promise<HealthWire> => {
    const store = await readings.health().catch(unreachable);
    const { version, parts, mqtt, demo } = status();
    return {
      status: store.state === "ok" ? "ok" : "degraded",
      version,
      ts: now(),
      parts,
      mqtt,
      store: {
        adapter: store.adapter,
        state: store.state,
        reason: store.reason,
        pendingReadings: store.pendingReadings,
        bytes: store.bytes,
      },
      demo,
    };
  };

/** A process without a broker has nothing to wait for. */
const accepts = (health: HealthWire): boolean => health.mqtt !== null || !runsBroker(health.parts);
const runsBroker = (parts: readonly string[]): boolean => parts.includes("broker") || parts.includes("all");

export const healthRoutes = (app: App, context: Context): void => {
  app.get(
    "/api/v1/health",
    {
      schema: {
        summary: "Is it up: 200 once MQTT accepts connections",
        tags: ["system"],
        response: { 200: schema.health, 503: schema.problem },
      },
    },
    async (_request, reply) => {
      reply.header("cache-control", "no-store");
      const health = await context.health();
      if (accepts(health)) return health;
      return refuse(reply, {
        status: 503,
        code: "DASHBOARD_MQTT_NOT_READY",
        detail: "the broker does not accept connections yet",
      });
    },
  );
};
