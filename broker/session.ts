import type { Duplex } from "node:stream";
import type { Aedes, Client, ConnectPacket } from "aedes";
import type { BrokerSettings } from "./config.ts";
import type { BrokerCode } from "./errors.ts";
import { createPace, type Pace } from "./gate.ts";
import { attachGuard, createGuard, type Guard, type Inlet } from "./guard.ts";
import { openClient } from "./inside.ts";
import type { Lane, Lanes } from "./lane.ts";
import type { Remote } from "./listen.ts";
import type { Identity } from "./message.ts";
import { createSequence, type Sequence } from "./sequence.ts";
import type { Tally } from "./tally.ts";
import { createTurns } from "./turns.ts";

const errorCodes = new Map<string, BrokerCode>([
  ["keep alive timeout", "BROKER_KEEPALIVE_MISSED"],
  ["connect did not arrive in time", "BROKER_CONNECT_TIMEOUT"],
  ["drain timeout", "BROKER_SLOW_CONSUMER"],
]);

// Nothing on this thread should wait for more than 20 ms.
const turnMs = 8;
// A chunk of 64 KB of messages is parsed in about that; then others have their turn.
const sliceMs = 2;
// A client that is always too fast would fill the log.
const tellAgainMs = 60_000;

/** All connections, from the first byte to the last. */
export function createSessions(settings: BrokerSettings, tally: Tally, clock: () => number): Sessions {
  const all = new Set<Session>();
  const byClient = new WeakMap<object, Session>();
  const turns = createTurns<Session>({ work: parse, budgetMs: turnMs, sliceMs, clock, later: setImmediate });
  const pull = turns.ask;
  const limits = {
    connectBytes: settings.BROKER_CONNECT_PACKET_BYTES,
    packetBytes: settings.BROKER_PACKET_BYTES,
    inflight: settings.BROKER_INFLIGHT,
    topicBytes: settings.BROKER_TOPIC_BYTES,
    topicLevels: settings.BROKER_TOPIC_LEVELS,
  };

  function refuse(session: Session, code: BrokerCode, reason: string, topic: string | null = null): void {
    const { identity, clientId, from } = session;
    tally.refuse(code, reason, { topic, user: identity?.user ?? null, clientId, from: from.address });
  }

  function accept(aedes: Aedes, connection: Duplex, from: Remote): void {
    const guard = createGuard(limits);
    let session: Session | null = null;
    const inlet = attachGuard(connection, guard, ({ code, reason, connack }) => {
      if (session === null) return;
      session.ending = true;
      refuse(session, code, reason);
      if (connack !== undefined) connection.write(Buffer.from([0x20, 2, 0, connack]));
    });
    const client = aedes.handle(connection);
    const opened: Session = {
      client,
      connection,
      from,
      guard,
      inlet,
      connect: null,
      clientId: null,
      identity: null,
      filters: new Set(),
      unfinished: new Set(),
      sequence: createSequence(() => pull(opened)),
      lane: null,
      ready: false,
      ending: false,
      pulling: false,
    };
    session = opened;
    all.add(opened);
    byClient.set(client, opened);
    connection.once("close", () => all.delete(opened));
    connection.on("readable", () => pull(opened));
    openClient(client);
    if (all.size > settings.BROKER_CONNECTIONS) {
      opened.ending = true;
      refuse(opened, "BROKER_CONNECTIONS_FULL", `${settings.BROKER_CONNECTIONS} connections are open already`);
      client.close();
    }
  }

  function messagePace(session: Session): Pace | null {
    const { BROKER_PUBLISH_PER_S, BROKER_LOOPBACK_PUBLISH_PER_S } = settings;
    const perSecond = session.from.loopback ? BROKER_LOOPBACK_PUBLISH_PER_S : BROKER_PUBLISH_PER_S;
    return paceOf(session, perSecond, "BROKER_PUBLISH_TOO_FAST", "messages");
  }

  function paceOf(session: Session, perSecond: number, code: BrokerCode, what: string): Pace | null {
    if (perSecond === 0) return null;
    let told = Number.NEGATIVE_INFINITY;
    const pace = createPace(perSecond, clock, {
      onWait() {
        tally.add("paused");
        if (clock() - told < tellAgainMs) return;
        told = clock();
        refuse(session, code, `client sends more than ${perSecond} ${what} a second and has to wait`);
      },
      onReady() {
        session.guard.release(0);
        pull(session);
      },
    });
    session.connection.once("close", pace.stop);
    return pace;
  }

  return {
    all,
    accept,
    refuse,
    get(client) {
      const session = byClient.get(client);
      if (session === undefined) throw new Error("BUG: a client without a session");
      return session;
    },
    isGranted: (client, filter) => byClient.get(client)?.filters.has(filter) ?? true,
    follow(aedes, lanes) {
      const failed = (client: Client, error: Error) => {
        const session = byClient.get(client);
        if (session === undefined || session.ending || client.closed) return;
        session.ending = true;
        refuse(session, errorCodes.get(error.message) ?? "BROKER_CLIENT_ERROR", error.message);
      };
      aedes.on("clientError", failed);
      aedes.on("connectionError", failed);
      aedes.on("clientReady", (client) => {
        const session = byClient.get(client);
        if (session === undefined || session.connection.closed) return;
        tally.add("connections");
        session.from.admitted?.();
        session.ready = true;
        session.lane = session.identity === null ? null : (lanes?.open(session, session.identity) ?? null);
        const { BROKER_ASKS_PER_S } = settings;
        const asks = paceOf(session, BROKER_ASKS_PER_S, "BROKER_ASKS_TOO_OFTEN", "PINGREQ, SUBSCRIBE and UNSUBSCRIBE");
        session.inlet.open(session.lane, messagePace(session), asks);
        pull(session);
      });
      aedes.on("unsubscribe", (filters, client) => {
        for (const filter of filters) byClient.get(client)?.filters.delete(filter);
      });
    },
    // A client whose socket is not read because the store is slow cannot show that it is alive.
    keepWaiting() {
      for (const { client, guard } of all) if (guard.held) openClient(client)._keepaliveTimer?.refresh();
    },
  };
}

/** Parses what may pass, until the turn is over. The parser must not be entered twice. */
function parse(session: Session, isOver: () => boolean): "done" | "more" {
  const { client, inlet } = session;
  if (!session.ready || session.pulling) return "done";
  session.pulling = true;
  const { _parser: parser } = openClient(client);
  let left: "done" | "more" = "done";
  while (!client.closed) {
    const chunk = inlet.take();
    if (chunk === null) break;
    parser.parse(chunk);
    if (!isOver()) continue;
    left = "more";
    break;
  }
  session.pulling = false;
  return left;
}

/** One connection. */
export interface Session {
  readonly client: Client;
  readonly connection: Duplex;
  readonly from: Remote;
  readonly guard: Guard;
  readonly inlet: Inlet;
  connect: ConnectPacket | null;
  clientId: string | null;
  /** Null until the client is let in. */
  identity: Identity | null;
  /** Filters granted. */
  readonly filters: Set<string>;
  /** Ids of QoS 2 messages on their way to the store. */
  readonly unfinished: Set<number>;
  readonly sequence: Sequence;
  /** Null until CONNACK is sent. */
  lane: Lane | null;
  ready: boolean;
  /** Its end is told already. */
  ending: boolean;
  pulling: boolean;
}

export interface Sessions {
  readonly all: ReadonlySet<Session>;
  accept(aedes: Aedes, connection: Duplex, from: Remote): void;
  refuse(session: Session, code: BrokerCode, reason: string, topic?: string | null): void;
  get(client: Client): Session;
  /** Whether a connection may have this filter; a session without one had it granted before a restart. */
  isGranted(client: object, filter: string): boolean;
  /** Listens to what becomes of connections. */
  follow(aedes: Aedes, lanes: Lanes | null): void;
  keepWaiting(): void;
}
