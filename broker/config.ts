import { z } from "zod";
import { isLoopback } from "./access.ts";
import { isNetwork } from "./gate.ts";

const count = (least: number, most: number) => z.coerce.number().int().min(least).max(most);

const file = (meaning: string) => z.string().min(1).optional().describe(meaning);

/** Settings of the broker, from the environment. Anonymous clients are for loopback only, so another host needs users. */
export const brokerSchema = z
  .strictObject({
    BROKER_HOST: z.string().min(1).default("127.0.0.1").describe("address to listen on for MQTT and WebSocket"),
    BROKER_PORT: count(0, 65_535).default(1883).describe("TCP port of MQTT; 0 takes any free one"),
    BROKER_WS_PORT: z
      .union([z.literal("any"), count(0, 65_535)])
      .default(8083)
      .describe('TCP port of MQTT over WebSocket; 0 is off, "any" takes a free one'),
    BROKER_TLS_PORT: z
      .union([z.literal("any"), count(0, 65_535)])
      .default(0)
      .describe('TCP port of MQTT over TLS, commonly 8883; 0 is off, "any" takes a free one'),
    BROKER_TLS_HOST: z.string().min(1).optional().describe("address to listen on for TLS; BROKER_HOST unless set"),
    BROKER_TLS_CERT_FILE: file("certificate with its chain, PEM; taken anew when it changes"),
    BROKER_TLS_KEY_FILE: file("private key of the certificate, PEM"),
    BROKER_TLS_CA_FILE: file("authority of client certificates, PEM; their common or alternative name is the user"),
    BROKER_TLS_CLIENT_CERT: z
      .enum(["optional", "required"])
      .default("optional")
      .describe("with BROKER_TLS_CA_FILE, whether a client without a certificate may log in with a password"),
    BROKER_TLS_RELOAD_MS: count(10, 86_400_000)
      .default(10_000)
      .describe("how often certificate files are looked at, ms"),
    BROKER_USERS_FILE: z
      .string()
      .min(1)
      .optional()
      .describe("YAML file of users with password hashes; needed when BROKER_HOST is not loopback"),
    // A will of 64 KB is long already; the CONNECT comes from strangers.
    BROKER_CONNECT_PACKET_BYTES: count(128, 268_435_455).default(65_536).describe("longest CONNECT packet, bytes"),
    BROKER_PACKET_BYTES: count(128, 268_435_455).default(262_144).describe("longest packet after CONNECT, bytes"),
    BROKER_CONNECT_TIMEOUT_MS: count(10, 600_000).default(5000).describe("time to send a whole CONNECT, ms"),
    // [MQTT-3.1.2-24] the broker waits one and a half times this.
    BROKER_KEEPALIVE_MAX_S: count(1, 65_535).default(600).describe("longest keep-alive a client may ask for, s"),
    BROKER_INFLIGHT: count(1, 65_535)
      .default(100)
      .describe("messages of one connection waiting to be stored; at the limit its socket is not read"),
    BROKER_DRAIN_TIMEOUT_MS: count(10, 60_000)
      .default(3000)
      .describe("time a subscriber may leave its socket full before it is cut, ms"),
    BROKER_BACKLOG_BYTES: count(65_536, 1_073_741_824)
      .default(8_388_608)
      .describe("bytes a subscriber may leave unread before it is cut"),
    BROKER_CONNECTIONS: count(1, 1_000_000).default(6000).describe("open connections, TCP and WebSocket together"),
    BROKER_GATEWAYS: z
      .string()
      .default("")
      .transform((text) => text.split(",").flatMap((part) => (part.trim() === "" ? [] : [part.trim()])))
      .pipe(z.array(z.string().refine(isNetwork, "expected addresses or networks such as 10.1.0.0/16")))
      .describe("addresses or networks of gateways that stand for many sensors, comma-separated"),
    BROKER_ADDRESS_CONNECTIONS: count(1, 1_000_000).default(200).describe("open connections of one address"),
    BROKER_GATEWAY_CONNECTIONS: count(1, 1_000_000)
      .default(6000)
      .describe("open connections of one address that is loopback or in BROKER_GATEWAYS"),
    BROKER_CONNECTS_PER_S: count(1, 1_000_000)
      .default(500)
      .describe("new connections a second in all, twice that at once"),
    BROKER_ADDRESS_CONNECTS_PER_S: count(1, 1_000_000)
      .default(20)
      .describe("new connections a second from one address"),
    BROKER_GATEWAY_CONNECTS_PER_S: count(1, 1_000_000)
      .default(500)
      .describe("new connections a second from one address that is loopback or in BROKER_GATEWAYS"),
    // A gateway of a thousand racks that sends what it kept through an outage.
    BROKER_PUBLISH_PER_S: count(0, 1_000_000)
      .default(1000)
      .describe("messages a second of one client that is not on loopback; beyond it is not read, 0 is without limit"),
    BROKER_LOOPBACK_PUBLISH_PER_S: count(0, 1_000_000)
      .default(0)
      .describe("messages a second of one client on loopback; 0 is without limit"),
    // A client that takes all its 500 subscriptions one by one is through in a second and a half.
    BROKER_ASKS_PER_S: count(0, 1_000_000)
      .default(200)
      .describe("PINGREQ, SUBSCRIBE and UNSUBSCRIBE a second of one client; beyond it is not read, 0 is without limit"),
    BROKER_SUBSCRIPTIONS: count(1, 100_000).default(500).describe("subscriptions of one client"),
    BROKER_QUEUE: count(0, 1_000_000).default(10_000).describe("messages kept for one client that is away"),
    BROKER_QUEUE_BYTES: count(0, 4_294_967_296)
      .default(134_217_728)
      .describe("messages kept for all clients that are away, bytes of topics and payloads"),
    BROKER_SESSIONS: count(0, 1_000_000).default(10_000).describe("sessions kept for clients that ask for it"),
    BROKER_SESSION_DAYS: count(1, 3650)
      .default(7)
      .describe("time after which a session nobody came back for ends, days"),
    BROKER_RETAINED: count(0, 10_000_000).default(50_000).describe("retained messages"),
    BROKER_RETAINED_BYTES: count(0, 4_294_967_296)
      .default(67_108_864)
      .describe("retained messages, bytes of topics and payloads"),
    BROKER_TOPIC_LEVELS: count(5, 100).default(16).describe("levels of a topic or filter"),
    BROKER_TOPIC_BYTES: count(64, 65_535).default(1024).describe("length of a topic or filter, bytes of UTF-8"),
    BROKER_STOP_TIMEOUT_MS: count(0, 600_000)
      .default(10_000)
      .describe("at the end, time for messages on their way to be stored and acknowledged, ms"),
  })
  .superRefine((settings, context) => {
    const fault = (path: keyof typeof settings, message: string) =>
      context.addIssue({ code: "custom", path: [path], message });
    for (const name of ["BROKER_HOST", "BROKER_TLS_HOST"] as const) {
      const host = settings[name];
      if (host === undefined || isLoopback(host) || settings.BROKER_USERS_FILE !== undefined) continue;
      fault(name, `"${host}" is not loopback and anonymous clients are for loopback only: set BROKER_USERS_FILE`);
    }
    if (settings.BROKER_TLS_PORT !== 0) {
      for (const name of ["BROKER_TLS_CERT_FILE", "BROKER_TLS_KEY_FILE"] as const) {
        if (settings[name] === undefined) fault(name, "is needed for BROKER_TLS_PORT");
      }
    }
    if (settings.BROKER_TLS_CA_FILE !== undefined && settings.BROKER_USERS_FILE === undefined) {
      fault("BROKER_TLS_CA_FILE", "names users, so it needs BROKER_USERS_FILE");
    }
    if (settings.BROKER_TLS_CLIENT_CERT === "required" && settings.BROKER_TLS_CA_FILE === undefined) {
      fault("BROKER_TLS_CLIENT_CERT", "needs BROKER_TLS_CA_FILE, the authority of client certificates");
    }
  });

export type BrokerSettings = z.infer<typeof brokerSchema>;
