// A broker on free ports with what a test looks at; shared by the tests of server, limits and sessions.
import { once } from "node:events";
import { connect as connectTcp, type Socket } from "node:net";
import mqtt, { type IClientOptions, type MqttClient } from "mqtt";
import { type BrokerSettings, brokerSchema } from "./config.ts";
import type { InboundMessage } from "./message.ts";
import { type Broker, type BrokerDeps, startBroker } from "./server.ts";
import type { Refusal } from "./tally.ts";

/** Starts a broker that takes every message at once, until a test says otherwise. */
export async function startTestBroker(
  settings: Partial<BrokerSettings> = {},
  deps: Partial<BrokerDeps> = {},
): Promise<Rig> {
  const messages: InboundMessage[] = [];
  const refusals: Refusal[] = [];
  const errors: unknown[] = [];
  let hold: Promise<void> = Promise.resolve();
  const broker = await startBroker(
    { ...brokerSchema.parse({ BROKER_PORT: 0, BROKER_WS_PORT: 0 }), ...settings },
    {
      onMessage: async (message) => {
        messages.push(message);
        await hold;
      },
      onRefusal: (refusal) => refusals.push(refusal),
      onError: (error) => errors.push(error),
      ...deps,
    },
  );
  const clients: MqttClient[] = [];
  return {
    broker,
    messages,
    refusals,
    errors,
    codes: () => refusals.map(({ code }) => code),
    holdMessages() {
      const { promise, resolve } = Promise.withResolvers<void>();
      hold = promise;
      return { open: resolve };
    },
    async connect(options = {}) {
      const client = await connectClient(broker, options);
      clients.push(client);
      return client;
    },
    raw: () => openRaw(broker.address.port),
    async [Symbol.asyncDispose]() {
      for (const client of clients) client.end(true);
      await broker[Symbol.asyncDispose]();
    },
  };
}

/** Resolves when CONNACK accepts, rejects with its return code or when the connection is closed instead. */
export async function connectClient(broker: Broker, options: ConnectOptions = {}): Promise<MqttClient> {
  const url = options.url ?? `mqtt://127.0.0.1:${broker.address.port}`;
  const client = mqtt.connect(url, { reconnectPeriod: 0, connectTimeout: 60_000, ...options });
  const { onMessage } = options;
  if (onMessage !== undefined) client.on("message", (topic, payload) => onMessage(topic, payload.toString()));
  try {
    await new Promise<void>((resolve, reject) => {
      client.once("connect", () => resolve());
      client.once("error", reject);
      client.once("close", () => reject(new Error("closed before CONNACK")));
    });
  } catch (error) {
    client.end(true);
    throw error;
  }
  client.on("error", () => {});
  return client;
}

/** A bare TCP connection, for what no client library would send. */
export async function openRaw(port: number): Promise<RawClient> {
  const socket = connectTcp({ port, host: "127.0.0.1" });
  await once(socket, "connect");
  const chunks: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  socket.on("error", () => {});
  // Also when it ends with a reset.
  const closed = new Promise<void>((resolve) => {
    socket.once("close", () => resolve());
  });
  return { socket, closed, received: () => Buffer.concat(chunks) };
}

const waitMs = 60_000; // long enough for a machine that does much else

/** Waits for a condition that sockets bring about. */
export async function until(condition: () => boolean, what = String(condition)): Promise<void> {
  const deadline = performance.now() + waitMs;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`still waiting: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/** One round trip: what was sent before has been read by the broker. */
export async function roundTrip(client: MqttClient): Promise<void> {
  await client.subscribeAsync("dc/round/trip/status");
}

/** `onMessage` also sees what a kept session sends right after CONNACK. */
interface ConnectOptions extends IClientOptions {
  readonly url?: string;
  readonly onMessage?: (topic: string, payload: string) => void;
}

export interface Rig extends AsyncDisposable {
  readonly broker: Broker;
  readonly messages: InboundMessage[];
  readonly refusals: Refusal[];
  readonly errors: unknown[];
  codes(): readonly string[];
  /** From now on messages wait until `open`. */
  holdMessages(): { open(): void };
  connect(options?: ConnectOptions): Promise<MqttClient>;
  raw(): Promise<RawClient>;
}

export interface RawClient {
  readonly socket: Socket;
  readonly closed: Promise<void>;
  received(): Buffer;
}
