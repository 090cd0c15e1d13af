import type { Retained } from "./retained.ts";

/**
 * What outlives connections and, with a journal, restarts: retained messages, and of each session that is not clean its
 * user, filters and messages without acknowledgement. Every change is logged as a record that may be applied again.
 */
export function createKept(deps: KeptDeps): Kept {
  const { retained, limits, now } = deps;
  const sessions = new Map<string, KeptSession>();
  let log: (entry: () => KeptRecord | null) => void = () => {};
  let queueBytes = 0;
  let newest = 0;
  /** Topics whose retained message is yet to be written: only the last one counts. */
  const changed = new Set<string>();

  function open(clientId: string, user: string, seen: number): KeptSession {
    const session = sessions.get(clientId) ?? { user, seen, here: 0, filters: new Map(), queue: new Map() };
    sessions.set(clientId, session);
    session.user = user;
    session.seen = Math.max(session.seen, seen);
    return session;
  }

  function add(session: KeptSession, id: number, packet: KeptPacket, logged: boolean): Waiting {
    const { topic, qos, payload } = packet;
    const waiting = { topic, qos, payload, messageId: null, logged, gone: false };
    session.queue.set(id, waiting);
    queueBytes += weight(waiting);
    newest = Math.max(newest, id);
    return waiting;
  }

  function take(clientId: string, id: number): void {
    const session = sessions.get(clientId);
    const waiting = session?.queue.get(id);
    if (session === undefined || waiting === undefined) return;
    session.queue.delete(id);
    queueBytes -= weight(waiting);
    waiting.gone = true;
    // Most are acknowledged before anyone wrote them down.
    if (waiting.logged) log(() => ["a", clientId, id]);
  }

  function drop(clientId: string): boolean {
    const session = sessions.get(clientId);
    if (session === undefined) return false;
    for (const waiting of session.queue.values()) {
      queueBytes -= weight(waiting);
      waiting.gone = true;
    }
    return sessions.delete(clientId);
  }

  function tellSession(clientId: string, session: KeptSession): void {
    const { user, seen } = session;
    log(() => ["s", clientId, user, seen]);
  }

  function tellWaiting(clientId: string, id: number, waiting: Waiting): KeptRecord | null {
    if (waiting.gone) return null;
    waiting.logged = true;
    return ["q", clientId, id, waiting.topic, waiting.qos, waiting.payload.toString("base64")];
  }

  function tellRetained(topic: string): KeptRecord {
    changed.delete(topic);
    for (const { qos, payload } of retained.match(topic)) return ["r", topic, qos, payload.toString("base64")];
    return ["r", topic];
  }

  return {
    sessions,
    get newest() {
      return newest;
    },
    follow(append) {
      log = append;
    },
    apply(record) {
      if (!Array.isArray(record)) return false;
      const [kind, name, a, b, c, d] = record as readonly unknown[];
      if (typeof name !== "string") return false;
      const session = sessions.get(name);
      switch (kind) {
        case "r": {
          const packet =
            a === undefined ? { topic: name, qos: 0 as const, payload: Buffer.alloc(0) } : read(name, a, b);
          if (packet !== null) retained.keep({ ...packet, cmd: "publish", retain: true });
          return packet !== null;
        }
        case "s":
          if (typeof a !== "string" || typeof b !== "number") return false;
          open(name, a, b);
          return true;
        case "d":
          drop(name);
          return true;
        case "f":
          if (typeof a !== "string" || (b !== undefined && !isQos(b))) return false;
          if (b === undefined) session?.filters.delete(a);
          else session?.filters.set(a, b);
          return true;
        case "q": {
          const packet = typeof b === "string" ? read(b, c, d) : null;
          if (typeof a !== "number" || packet === null) return false;
          if (session !== undefined && !session.queue.has(a)) add(session, a, packet, true);
          return true;
        }
        case "a":
          if (typeof a !== "number") return false;
          take(name, a);
          return true;
        default:
          return false;
      }
    },
    *records() {
      // What waited to be written may have been given up in favour of this.
      changed.clear();
      for (const message of retained.all()) yield ["r", message.topic, message.qos, message.payload.toString("base64")];
      for (const [clientId, session] of sessions) {
        yield ["s", clientId, session.user, session.seen];
        for (const [filter, qos] of session.filters) yield ["f", clientId, filter, qos];
        for (const [id, waiting] of session.queue) {
          const record = tellWaiting(clientId, id, waiting);
          if (record !== null) yield record;
        }
      }
    },
    retain(message) {
      const result = retained.keep(message);
      if (!changed.has(message.topic)) {
        changed.add(message.topic);
        log(() => tellRetained(message.topic));
      }
      return result;
    },
    isFull: (clientId) => sessions.size >= limits.sessions && !sessions.has(clientId),
    enter(clientId, user) {
      const session = open(clientId, user, now());
      session.here += 1;
      tellSession(clientId, session);
      return () => {
        session.here -= 1;
        session.seen = now();
        if (sessions.get(clientId) === session) tellSession(clientId, session);
      };
    },
    drop(clientId) {
      if (drop(clientId)) log(() => ["d", clientId]);
    },
    filter(clientId, filter, qos) {
      const filters = sessions.get(clientId)?.filters;
      if (filters === undefined) return;
      if (qos === null) filters.delete(filter);
      else filters.set(filter, qos);
      log(() => (qos === null ? ["f", clientId, filter] : ["f", clientId, filter, qos]));
    },
    enqueue(clientId, id, packet) {
      const session = sessions.get(clientId);
      if (session === undefined || session.queue.size >= limits.queue) return "full";
      if (queueBytes + weight(packet) > limits.queueBytes) return "full";
      if (session.queue.has(id)) return "kept";
      const waiting = add(session, id, packet, false);
      log(() => tellWaiting(clientId, id, waiting));
      return "kept";
    },
    sent(clientId, id, messageId) {
      const waiting = sessions.get(clientId)?.queue.get(id);
      if (waiting !== undefined) waiting.messageId = messageId;
    },
    received(clientId, messageId) {
      for (const [id, waiting] of sessions.get(clientId)?.queue ?? []) {
        if (waiting.messageId === messageId) return take(clientId, id);
      }
    },
    done: take,
    expire() {
      const expired: string[] = [];
      for (const [clientId, session] of sessions) {
        if (session.here === 0) {
          if (session.seen + limits.sessionMs < now()) expired.push(clientId);
          continue;
        }
        session.seen = now();
        tellSession(clientId, session);
      }
      return expired;
    },
  };
}

function read(topic: string, qos: unknown, payload: unknown): KeptPacket | null {
  if (!isQos(qos) || typeof payload !== "string") return null;
  return { topic, qos, payload: Buffer.from(payload, "base64") };
}

function isQos(value: unknown): value is 0 | 1 | 2 {
  return value === 0 || value === 1 || value === 2;
}

function weight({ topic, payload }: Pick<KeptPacket, "topic" | "payload">): number {
  return topic.length + payload.length;
}

export interface KeptPacket {
  readonly topic: string;
  readonly qos: 0 | 1 | 2;
  payload: Buffer;
}

/** A retained message as aedes reads it. */
export interface RetainedPacket extends KeptPacket {
  readonly cmd: "publish";
  readonly retain: boolean;
}

/** r: retained message, s: session, d: session gone, f: filter, q: message waiting, a: message acknowledged. */
type KeptRecord =
  | readonly ["r" | "d", string]
  | readonly ["r", string, number, string]
  | readonly ["s", string, string, number]
  | readonly ["f", string, string]
  | readonly ["f", string, string, number]
  | readonly ["q", string, number, string, number, string]
  | readonly ["a", string, number];

export interface KeptSession {
  user: string;
  /** UTC ms when it was last connected. */
  seen: number;
  /** Connections that hold it: two for a moment when one takes it over. */
  here: number;
  readonly filters: Map<string, 0 | 1 | 2>;
  /** By the number aedes gave the message, which grows also over restarts. */
  readonly queue: Map<number, Waiting>;
}

interface Waiting extends KeptPacket {
  messageId: number | null;
  /** It is in the journal or in a snapshot. */
  logged: boolean;
  gone: boolean;
}

interface KeptDeps {
  readonly retained: Retained<RetainedPacket>;
  readonly limits: {
    readonly sessions: number;
    readonly sessionMs: number;
    /** Messages of one session. */
    readonly queue: number;
    /** Topics and payloads of all sessions. */
    readonly queueBytes: number;
  };
  readonly now: () => number;
}

export interface Kept {
  readonly sessions: ReadonlyMap<string, KeptSession>;
  /** Highest number of a message. */
  readonly newest: number;
  /** From now on every change is told. */
  follow(append: (entry: () => KeptRecord | null) => void): void;
  apply(record: unknown): boolean;
  records(): Iterable<KeptRecord>;
  retain(message: RetainedPacket): "kept" | "full";
  /** Whether there is no room for one more session. */
  isFull(clientId: string): boolean;
  /** A client with a session that is not clean is here; call what it returns when the connection ends. */
  enter(clientId: string, user: string): () => void;
  drop(clientId: string): void;
  /** QoS null takes the filter away. */
  filter(clientId: string, filter: string, qos: 0 | 1 | 2 | null): void;
  enqueue(clientId: string, id: number, packet: KeptPacket): "kept" | "full";
  /** It goes by this packet id on the present connection. */
  sent(clientId: string, id: number, messageId: number): void;
  /** The client has a QoS 2 message. */
  received(clientId: string, messageId: number): void;
  done(clientId: string, id: number): void;
  /** Sessions that were away too long; those that are here are noted as seen. */
  expire(): readonly string[];
}
