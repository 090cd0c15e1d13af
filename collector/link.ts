import mqtt from "mqtt";
import { type IPublishPacket, writeToStream } from "mqtt-packet";
import type { CollectorSettings } from "./config.ts";

/** What a connection of the link tells. */
export interface LinkEvents {
  /** Before the first message of a connection. `acknowledge` writes a PUBACK to this connection and no other. */
  onSession(session: "resumed" | "new", acknowledge: (id: number) => void): void;
  onUp(session: "resumed" | "new"): void;
  onDown(reason: string): void;
  /** Never acknowledged by the link itself. Nothing more is read until `next` is called. */
  onMessage(packet: IPublishPacket, next: () => void): void;
}

export interface Link {
  subscribe(filters: readonly string[]): Promise<void>;
  unsubscribe(filters: readonly string[]): Promise<void>;
  publish(topic: string, payload: Uint8Array | string, retain: boolean): Promise<void>;
  connected(): boolean;
  /** Says to the broker that we live, although nothing is read of what it says. */
  breathe(): void;
  end(): Promise<void>;
}

const keepaliveS = 30;
export const breathMs = (keepaliveS * 1000) / 3;
const connectTimeoutMs = 10_000;
const firstRetryMs = 500;
const longestRetryMs = 30_000;
// Shorter than this and it was no connection: two collectors with one client id throw each other out at once.
const steadyMs = 10_000;
const endMs = 2000;
// Some brokers take few filters in one SUBSCRIBE.
const filtersAtOnce = 8;

/** How long to wait before attempt `failures + 1`: doubled each time, spread over half of it. */
export const retryDelay = (failures: number, random: () => number): number =>
  Math.round(Math.min(longestRetryMs, firstRetryMs * 2 ** Math.min(failures, 10)) * (0.5 + random() / 2));

/** The MQTT connection to a broker that is not ours: a session that lasts, and acknowledgements by hand. */
export const openLink = (
  settings: CollectorSettings & { readonly COLLECTOR_BROKER_URL: string },
  as: { readonly clientId: string; readonly ca: string | null },
  events: LinkEvents,
  random: () => number,
): Link => {
  const url = new URL(settings.COLLECTOR_BROKER_URL);
  const version = settings.COLLECTOR_BROKER_VERSION === "5" ? 5 : 4;
  const secure = url.protocol === "mqtts:";
  const client = mqtt.connect({
    protocol: secure ? "mqtts" : "mqtt",
    host: url.hostname.replace(/^\[(.*)\]$/, "$1"),
    port: url.port === "" ? (secure ? 8883 : 1883) : Number(url.port),
    ...(url.username === "" ? {} : { username: decodeURIComponent(url.username) }),
    ...(url.password === "" ? {} : { password: decodeURIComponent(url.password) }),
    clientId: as.clientId,
    ...(as.ca === null ? {} : { ca: as.ca }),
    protocolVersion: version,
    clean: false,
    keepalive: keepaliveS,
    connectTimeout: connectTimeoutMs,
    reconnectPeriod: retryDelay(0, random),
    reconnectOnConnackError: true,
    // We subscribe ourselves: with a session that lasts, what was asked for may have changed since.
    resubscribe: false,
    queueQoSZero: false,
    ...(version === 5
      ? {
          properties: {
            sessionExpiryInterval: settings.COLLECTOR_SESSION_EXPIRY_S,
            receiveMaximum: settings.COLLECTOR_BROKER_IN_FLIGHT,
          },
        }
      : {}),
  });

  let failures = 0;
  let reason = "";
  let steady: NodeJS.Timeout | undefined;
  let stream: typeof client.stream | null = null;
  // The client reads the period when a connection ends.
  const prepareRetry = (): void => {
    client.options.reconnectPeriod = retryDelay(failures, random);
  };

  client.on("packetreceive", (packet) => {
    if (packet.cmd === "disconnect") reason = `it said ${packet.reasonCode ?? "goodbye"}`;
    if (packet.cmd !== "connack" || ((version === 5 ? packet.reasonCode : packet.returnCode) ?? 0) !== 0) return;
    const mine = client.stream;
    stream = mine;
    events.onSession(packet.sessionPresent ? "resumed" : "new", (messageId) => {
      if (stream !== mine || !client.connected) return;
      // The client has no call for this one.
      writeToStream({ cmd: "puback", messageId, reasonCode: 0 }, mine, { protocolVersion: version });
    });
  });
  client.on("connect", ({ sessionPresent }) => {
    reason = "";
    steady = setTimeout(() => {
      failures = 0;
      prepareRetry();
    }, steadyMs);
    events.onUp(sessionPresent ? "resumed" : "new");
  });
  client.on("reconnect", () => {
    failures += 1;
    prepareRetry();
  });
  client.on("error", (error) => {
    reason = error instanceof AggregateError ? String(error.errors[0]?.message) : error.message;
  });
  client.on("close", () => {
    clearTimeout(steady);
    stream = null;
    events.onDown(reason || "the connection was closed");
  });
  client.handleMessage = (packet, done) => {
    // An error here is the client's way to go on without acknowledging.
    events.onMessage(packet, () => done(packet.qos === 0 ? undefined : unacknowledged));
  };

  const inParts = async (filters: readonly string[], ask: (part: string[]) => Promise<unknown>): Promise<void> => {
    for (let at = 0; at < filters.length; at += filtersAtOnce) await ask(filters.slice(at, at + filtersAtOnce));
  };

  return {
    subscribe: (filters) =>
      inParts(filters, async (part) => {
        // Own words need not come back; shared subscriptions must not ask for that [MQTT-3.8.3-4].
        const options = (filter: string) =>
          version === 5
            ? { qos: 1 as const, rap: true, rh: 1, nl: !filter.startsWith("$share/") }
            : { qos: 1 as const };
        const granted = await client.subscribeAsync(
          Object.fromEntries(part.map((filter) => [filter, options(filter)])),
        );
        for (const { topic, qos } of granted)
          if (qos !== 1) throw new Error(`"${topic}" is granted with QoS ${qos} only`);
      }),
    unsubscribe: (filters) => inParts(filters, (part) => client.unsubscribeAsync(part)),
    publish: async (topic, payload, retain) => {
      const bytes = typeof payload === "string" ? payload : Buffer.from(payload);
      await client.publishAsync(topic, bytes, { qos: 1, retain });
    },
    connected: () => client.connected,
    breathe: () => {
      if (!client.connected) return;
      client.sendPing();
      client.reschedulePing(true);
    },
    end: async () => {
      clearTimeout(steady);
      const gone = client.connected ? client.endAsync(false) : client.endAsync(true);
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, endMs);
      });
      await Promise.race([gone, late]);
      clearTimeout(timer);
      client.stream.destroy();
    },
  };
};

const unacknowledged = new Error("acknowledged when it is stored");
