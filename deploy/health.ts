// The product watches itself by the front door: its figures come over MQTT like any device's.
import { monitorEventLoopDelay } from "node:perf_hooks";
import mqtt from "mqtt";
import { type Broker, type Identity, parseTopic } from "#broker";
import type { Collector, Subscription } from "#collector";
import type { Readings } from "#store";
import type { OnError } from "./desk.ts";

export interface HealthDeps {
  /** The embedded broker, or the subscription at another one. */
  readonly figures: () => Readonly<Record<string, number>>;
  readonly send: (figures: string) => Promise<void>;
  readonly collector: Collector;
  readonly readings: Readings;
  readonly everyMs: number;
  readonly onError: OnError;
}

export interface HealthSender extends Disposable {
  readonly send: HealthDeps["send"];
}

// A pause shorter than that is not worth a timer.
const pauseResolutionMs = 5;
const topic = "dc/system/wattlas/telemetry";

/** Through a loopback client of the embedded broker. */
export function sendByLoopback(broker: Broker, systemPassword: string, onError: OnError): HealthSender {
  const { host, port } = broker.address;
  const client = mqtt.connect(`mqtt://${host}:${port}`, {
    clientId: "wattlas-health",
    username: "wattlas",
    password: systemPassword,
    reconnectPeriod: 1000,
  });
  client.on("error", (error) => onError(error, { stage: "deploy", code: "DEPLOY_HEALTH" }));
  return {
    send: async (figures) => {
      if (client.connected) await client.publishAsync(topic, figures, { qos: 0 });
    },
    [Symbol.dispose]: () => void client.end(true),
  };
}

/** Past a broker that is not ours, where anybody might claim to be us; told there under the client's own name. */
export function sendPast(subscription: Subscription, accept: Collector["accept"]): HealthSender["send"] {
  const { clientId } = subscription;
  const identity: Identity = { user: "wattlas", role: "system", site: null, device: null, clientId, loopback: true };
  const parsed = parseTopic(topic);
  const address = parsed.ok ? parsed.address : null;
  return async (figures) => {
    const payload = Buffer.from(figures);
    await accept({ topic, address, payload, qos: 1, retain: false, identity, received: Date.now() });
    if (subscription.counters().connected > 0)
      await subscription.publish({ topic: `dc/system/${clientId}/telemetry`, payload, retain: false });
  };
}

/** Reports the product's figures until disposed. */
export function startHealth(deps: HealthDeps): AsyncDisposable {
  let cpu = process.cpuUsage();
  let since = performance.now();
  const pauses = monitorEventLoopDelay({ resolution: pauseResolutionMs });
  pauses.enable();

  const report = async (): Promise<void> => {
    const used = process.cpuUsage(cpu);
    const elapsedMs = performance.now() - since;
    cpu = process.cpuUsage();
    since = performance.now();
    const pauseMs = Math.max(0, pauses.max / 1e6 - pauseResolutionMs);
    pauses.reset();
    const store = await deps.readings.health();
    const collector = deps.collector.counters();
    const refused = Object.entries(collector.rejected);
    const figures = {
      ...deps.figures(),
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
        refused.filter(([, count]) => count > 0).map(([code, count]) => [refusedName(code), count]),
      ),
      broker_thread_pause_ms: Number(pauseMs.toFixed(1)),
      store_pending: store.pendingReadings,
      store_bytes: store.bytes,
      memory_bytes: process.memoryUsage.rss(),
      cpu_pct: Number(((used.user + used.system) / 10 / elapsedMs).toFixed(1)),
    };
    await deps.send(JSON.stringify(figures));
  };
  const timer = setInterval(() => {
    report().catch((error: unknown) => deps.onError(error, { stage: "deploy", code: "DEPLOY_HEALTH" }));
  }, deps.everyMs);
  return {
    [Symbol.asyncDispose]: async () => {
      clearInterval(timer);
      pauses.disable();
    },
  };
}

export const brokerFigures = (broker: Broker) => (): Readonly<Record<string, number>> => {
  const counters = broker.counters();
  return {
    broker_clients: counters.clients ?? 0,
    broker_connections: counters.connections ?? 0,
    broker_messages: counters.messages ?? 0,
    ...Object.fromEntries(
      Object.entries(counters)
        .filter(([name, count]) => name.startsWith("BROKER_") && count > 0)
        .map(([code, count]) => [refusedName(code), count]),
    ),
  };
};

export const subscriptionFigures = (subscription: Subscription) => (): Readonly<Record<string, number>> => {
  const { connected, repeated, otherShard, reserved } = subscription.counters();
  return {
    collector_broker_connected: connected,
    collector_broker_repeated: repeated,
    collector_broker_other_shard: otherShard,
    collector_broker_reserved: reserved,
  };
};

const refusedName = (code: string): string => `refused_${code.toLowerCase()}`;
