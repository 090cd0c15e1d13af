// The product watches itself by the front door: its figures are published over MQTT like any device's.
import mqtt from "mqtt";
import type { Broker } from "#broker";
import type { Collector } from "#collector";
import type { Readings } from "#store";
import type { OnError } from "./desk.ts";

export interface HealthDeps {
  readonly broker: Broker;
  readonly collector: Collector;
  readonly readings: Readings;
  readonly systemPassword: string;
  readonly everyMs: number;
  readonly onError: OnError;
}

/** Publishes `dc/system/wattlas/telemetry` through a loopback client until disposed. */
export function startHealth(deps: HealthDeps): AsyncDisposable {
  const { host, port } = deps.broker.address;
  const client = mqtt.connect(`mqtt://${host}:${port}`, {
    clientId: "wattlas-health",
    username: "wattlas",
    password: deps.systemPassword,
    reconnectPeriod: 1000,
  });
  client.on("error", (error) => deps.onError(error, { stage: "deploy", code: "DEPLOY_HEALTH" }));
  let cpu = process.cpuUsage();
  let since = performance.now();

  const report = async (): Promise<void> => {
    const used = process.cpuUsage(cpu);
    const elapsedMs = performance.now() - since;
    cpu = process.cpuUsage();
    since = performance.now();
    const store = await deps.readings.health();
    const broker = deps.broker.counters();
    const collector = deps.collector.counters();
    const refused = [
      ...Object.entries(broker).filter(([name]) => name.startsWith("BROKER_")),
      ...Object.entries(collector.rejected),
    ];
    const figures = {
      broker_clients: broker.clients,
      broker_connections: broker.connections,
      broker_messages: broker.messages,
      collector_messages: collector.messages,
      collector_readings: collector.readings,
      collector_values: collector.values,
      collector_duplicates: collector.duplicates,
      collector_corrections: collector.corrections,
      collector_rejected: collector.rejectedTotal,
      collector_waiting: collector.waiting,
      collector_ack_p99_ms: collector.ackP99Ms,
      // Only what happened: fifty zeros a second tell nothing.
      ...Object.fromEntries(
        refused.filter(([, count]) => count > 0).map(([code, count]) => [`refused_${code.toLowerCase()}`, count]),
      ),
      store_pending: store.pendingReadings,
      store_bytes: store.bytes,
      memory_bytes: process.memoryUsage.rss(),
      cpu_pct: Number(((used.user + used.system) / 10 / elapsedMs).toFixed(1)),
    };
    if (client.connected) await client.publishAsync("dc/system/wattlas/telemetry", JSON.stringify(figures), { qos: 0 });
  };
  const timer = setInterval(() => {
    report().catch((error: unknown) => deps.onError(error, { stage: "deploy", code: "DEPLOY_HEALTH" }));
  }, deps.everyMs);
  return {
    [Symbol.asyncDispose]: async () => {
      clearInterval(timer);
      await client.endAsync(true);
    },
  };
}
