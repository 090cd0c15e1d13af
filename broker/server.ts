//   TCP, TLS, WebSocket ──▶ guard ──▶ aedes ──▶ authorize ──▶ onMessage (until it is on disk) ──▶ PUBACK ──▶ subscribers
//                                  ▲
//   publish (the product) ─────────┘ straight to subscribers
import type { EventEmitter } from "node:events";
import { readFile } from "node:fs/promises";
import { setImmediate } from "node:timers/promises";
import { Aedes } from "aedes";
import { createAdmission } from "./admission.ts";
import { createAudience } from "./audience.ts";
import type { BrokerSettings } from "./config.ts";
import type { BrokerCode } from "./errors.ts";
import { forgetSession, isRepeated, mendBroker, restoreSessions } from "./inside.ts";
import { createIntake } from "./intake.ts";
import { type Journal, openJournal } from "./journal.ts";
import { createKept, type Kept, type RetainedPacket } from "./kept.ts";
import { createLanes } from "./lane.ts";
import { createLogin } from "./login.ts";
import type { InboundMessage, OutboundMessage } from "./message.ts";
import { openPorts, type Ports } from "./ports.ts";
import { createRetained } from "./retained.ts";
import { createSessions, type Session } from "./session.ts";
import { createTally, type Refusal } from "./tally.ts";
import { createTurns } from "./turns.ts";
import { parseUsers, type User } from "./users.ts";

// The shortest keep-alive is 1 s, of which one and a half times counts.
const keepaliveSweepMs = 500;
// A session is kept for days.
const expirySweepMs = 600_000;
// At the end of a minute the product has something to say of each of hundreds of sites.
const publishTurnMs = 4;
// Acknowledgements are a few bytes each: on a live network they leave at once.
const flushMs = 1000;

/**
 * Starts MQTT 3.1.1 on TCP and WebSocket. Rejects, with one sentence a line, when a port is in use or the users file is
 * missing or faulty.
 */
export async function startBroker(settings: BrokerSettings, deps: BrokerDeps): Promise<Broker> {
  const now = deps.now ?? Date.now;
  const clock = deps.clock ?? (() => performance.now());
  const users = settings.BROKER_USERS_FILE === undefined ? null : await readUsers(settings.BROKER_USERS_FILE);
  const tally = createTally(now, (refusal) => deps.onRefusal?.(refusal));
  const login = await createLogin({ users, systemPassword: deps.systemPassword, now });
  const retained = createRetained<RetainedPacket>({
    messages: settings.BROKER_RETAINED,
    bytes: settings.BROKER_RETAINED_BYTES,
  });
  const kept = createKept({
    retained,
    limits: {
      sessions: settings.BROKER_SESSIONS,
      sessionMs: settings.BROKER_SESSION_DAYS * 86_400_000,
      queue: settings.BROKER_QUEUE,
      queueBytes: settings.BROKER_QUEUE_BYTES,
    },
    now,
  });
  const journal = deps.dir === undefined ? null : await openKept(deps.dir, kept, deps.onError);
  const sessions = createSessions(settings, tally, clock);
  const admission = createAdmission({ settings, sessions, login, kept, onError: deps.onError });
  const intake = createIntake({
    sessions,
    tally,
    now,
    onMessage: deps.onMessage,
    onError: deps.onError,
    isRepeated: (client, messageId) => isRepeated(aedes, client, messageId),
  });
  const aedes: Aedes = await Aedes.createBroker({
    // No limit inside: the guard bounds what comes in, drainTimeout and backlog what goes out.
    concurrency: 0,
    connectTimeout: settings.BROKER_CONNECT_TIMEOUT_MS,
    drainTimeout: settings.BROKER_DRAIN_TIMEOUT_MS,
    maxTopicLevels: settings.BROKER_TOPIC_LEVELS,
    ...admission,
    authorizePublish: intake.authorizePublish,
  });
  const nobody = { user: null, clientId: null, from: "broker" };
  const audience = createAudience();
  mendBroker(aedes, {
    audience,
    retained,
    kept,
    isGranted: sessions.isGranted,
    onRetainedFull: (topic) =>
      tally.refuse("BROKER_RETAINED_FULL", "no room for a retained message", { ...nobody, topic }),
    onQueueFull: (clientId, topic) =>
      tally.refuse("BROKER_QUEUE_FULL", "no room for a message to a client that is away", {
        ...nobody,
        clientId,
        topic,
      }),
  });
  const onError = (error: unknown) => deps.onError(error, { stage: "broker", code: "BROKER_CLIENT_ERROR" });
  const emitter: EventEmitter = aedes;
  emitter.on("error", onError);
  await restoreSessions(aedes, kept);
  const lanes = createLanes({
    sessions,
    tally,
    audience,
    now,
    topicBytes: settings.BROKER_TOPIC_BYTES,
    onMessage: deps.onMessage,
    onMessages: deps.onMessages,
    onError: deps.onError,
    track: intake.track,
    publish: (packet) => aedes.publish(packet, (error) => error && onError(error)),
  });
  sessions.follow(aedes, deps.lane === "off" ? null : lanes);

  const publishing = createTurns<() => void>({
    work: (publish) => {
      publish();
      return "done";
    },
    budgetMs: publishTurnMs,
    clock,
    later: globalThis.setImmediate,
  });

  let ports: Ports;
  try {
    ports = await openPorts(settings, {
      clock,
      onConnection: (connection, from) => sessions.accept(aedes, connection, from),
      onRefused: (code, reason, from) => tally.refuse(code, reason, { ...nobody, from, topic: null }),
      onError,
    });
  } catch (error) {
    await closeAedes(aedes);
    await journal?.close();
    throw error;
  }
  const sweep = setInterval(sessions.keepWaiting, keepaliveSweepMs);
  const expiry = setInterval(() => {
    for (const clientId of kept.expire()) forgetSession(aedes, clientId).catch(onError);
  }, expirySweepMs);

  let stopped: Promise<void> | null = null;
  async function stop(): Promise<void> {
    const closed = ports.close();
    for (const { inlet } of sessions.all) inlet.stop();
    await intake.drain(settings.BROKER_STOP_TIMEOUT_MS);
    publishing.flush();
    clearInterval(sweep);
    clearInterval(expiry);
    // A PUBREC follows its message by a few turns.
    await setImmediate();
    await Promise.all([...sessions.all].map(flush));
    await closeAedes(aedes);
    for (const { connection } of sessions.all) connection.destroy();
    ports.cut();
    await closed;
    await journal?.close();
  }

  return {
    address: ports.address,
    publish({ topic, payload, qos, retain }) {
      if (stopped !== null) return Promise.reject(new Error("broker is stopped"));
      tally.add("published");
      const bytes = typeof payload === "string" ? Buffer.from(payload) : Buffer.from(payload);
      return new Promise((resolve, reject) => {
        publishing.ask(() => {
          aedes.publish({ cmd: "publish", dup: false, topic, payload: bytes, qos, retain }, (error) =>
            error ? reject(error) : resolve(),
          );
        });
      });
    },
    counters: () => ({
      connections: 0,
      messages: 0,
      published: 0,
      ...tally.totals(),
      clients: [...sessions.all].filter(({ ready }) => ready).length,
      retained: retained.count,
      retainedBytes: retained.bytes,
      sessions: kept.sessions.size,
    }),
    async [Symbol.asyncDispose]() {
      stopped ??= stop();
      await stopped;
    },
  };
}

/** Reads what was kept before a restart and notes every change from now on. */
async function openKept(dir: string, kept: Kept, onError: BrokerDeps["onError"]): Promise<Journal> {
  const open = openJournal(dir, {
    apply: kept.apply,
    records: kept.records,
    onDamage: (count) => {
      const error = new Error(`${count} damaged records in ${dir} were left out`);
      onError(error, { stage: "broker", code: "BROKER_STATE_DAMAGED" });
    },
    onError: (cause) => {
      const error = new Error(`cannot write retained messages and sessions to ${dir}`, { cause });
      onError(error, { stage: "broker", code: "BROKER_STATE_FAILED" });
    },
  });
  const journal = await open.catch((cause: Error) => {
    throw new Error(`cannot keep retained messages and sessions in ${dir}: ${cause.message}`, { cause });
  });
  kept.follow(journal.append);
  for (const clientId of kept.expire()) kept.drop(clientId);
  return journal;
}

async function readUsers(path: string): Promise<ReadonlyMap<string, User>> {
  let source: string;
  try {
    source = await readFile(path, "utf8");
  } catch (cause) {
    throw new Error(`cannot read ${path}: set BROKER_USERS_FILE to a file that is there`, { cause });
  }
  const parsed = parseUsers(source);
  if (parsed.ok) return parsed.users;
  throw new Error(parsed.faults.map(({ line, column, message }) => `${path}:${line}:${column} ${message}`).join("\n"));
}

/** Lets what is written leave as a whole; a client that does not read is not waited for. */
function flush({ connection, ready }: Session): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, flushMs);
    const done = () => {
      clearTimeout(timer);
      resolve();
    };
    connection.once("close", done);
    if (ready) connection.end(done);
    else connection.destroy();
  });
}

function closeAedes(aedes: Aedes): Promise<void> {
  return new Promise((resolve) => {
    aedes.close(resolve);
  });
}

export interface BrokerDeps {
  /**
   * Called once for each publish that passed the access rules, wills included; the product's own messages do not come
   * here. The acknowledgement waits for it. It waits out store trouble; if it rejects, the message is not acknowledged
   * and the client is closed.
   */
  readonly onMessage: (message: InboundMessage) => Promise<void>;
  /**
   * As `onMessage`, for messages that were read from one connection at once: one promise acknowledges them all, and if it
   * rejects, none. Only for plain telemetry that nobody else listens to; the rest still goes to `onMessage`.
   */
  readonly onMessages?: (messages: readonly InboundMessage[]) => Promise<void>;
  /** `off`: all messages go the long way through aedes, to compare. */
  readonly lane?: "on" | "off";
  /** Each refusal, for log and screen; they are counted in any case. */
  readonly onRefusal?: (refusal: Refusal) => void;
  readonly onError: (error: unknown, at: { readonly stage: "broker"; readonly code: BrokerCode }) => void;
  /** UTC ms. */
  readonly now?: () => number;
  /** Monotone ms, for rates. */
  readonly clock?: () => number;
  /** Folder for retained messages and sessions; without it they end with the process. */
  readonly dir?: string;
  /** Password of the user `wattlas`, the product's own loopback client with role `system`; without it nobody is. */
  readonly systemPassword?: string;
}

/** A broker that runs; disposing of it finishes what is on its way and takes nothing more. */
export interface Broker extends AsyncDisposable {
  readonly address: Ports["address"];
  /** Publishes as the product: no access rules, not seen by `onMessage`. Resolves when it is on its way to subscribers. */
  publish(message: OutboundMessage): Promise<void>;
  /** Since the start: `connections`, `messages`, `straight`, `paused`, `published`, each `BROKER_…` code; now: `clients`, `retained`, `sessions`. */
  counters(): Readonly<Record<string, number>>;
}
