//   guard ──whole PUBLISH of telemetry, nobody else listens──▶ lane ──▶ onMessages ──▶ one write of many PUBACKs
//     └── everything else ──▶ aedes
import type { PublishPacket } from "aedes";
import { mayTell } from "./access.ts";
import type { Audience } from "./audience.ts";
import type { BrokerCode } from "./errors.ts";
import { openClient } from "./inside.ts";
import type { Identity, InboundMessage } from "./message.ts";
import type { Session, Sessions } from "./session.ts";
import type { Tally } from "./tally.ts";
import { parseTopic } from "./topic.ts";
import { createTopicBook } from "./topic-book.ts";

// The province has 345,400 devices.
const knownTopics = 500_000;

/**
 * The short way for plain telemetry that has no subscriber: rules, order, limits and acknowledgements are those of the
 * long way through aedes, without its objects for each packet.
 */
export function createLanes(deps: LaneDeps): Lanes {
  const { sessions, tally, audience, track } = deps;
  // Of all clients together: who may write to a topic is asked each time.
  const topics = createTopicBook();

  /** The number of a topic met for the first time; -1 when the long way has to look at it. */
  function learn(identity: Identity, chunk: Buffer, from: number, to: number): number {
    // Letters of our topics are ASCII; any other byte makes a topic that is not ours.
    const topic = chunk.toString("latin1", from, to);
    const parsed = parseTopic(topic);
    if (!parsed.ok || parsed.address.kind !== "telemetry" || topic.length > deps.topicBytes) return -1;
    const { site, device } = parsed.address;
    if (!mayTell(identity, site, device)) return -1;
    if (topics.size >= knownTopics) topics.clear();
    return topics.add(chunk, from, to, site, device);
  }

  function fail(session: Session, error: Error, message: InboundMessage): void {
    if (!session.ending) {
      session.ending = true;
      sessions.refuse(session, "BROKER_MESSAGE_FAILED", "the message could not be taken", message.topic);
      deps.onError(error, { stage: "broker", code: "BROKER_MESSAGE_FAILED" });
    }
    session.client.emit("error", error);
  }

  function open(session: Session, identity: Identity): Lane {
    const { client, connection, guard, sequence } = session;
    let site = "";
    let device = "";
    let topicEnd = 0;
    let messages: InboundMessage[] = [];
    // 0 stands for QoS 0.
    let ids: number[] = [];
    let bytes = 0;
    let received = 0;
    let acks: number[] = [];
    let draining = false;

    function flush(): void {
      if (acks.length === 0) return;
      const sent = acks;
      acks = [];
      if (client.closed || connection.destroyed) return;
      const packets = Buffer.allocUnsafe(sent.length * 4);
      let at = 0;
      for (const id of sent) {
        packets[at] = 0x40;
        packets[at + 1] = 2;
        packets[at + 2] = id >> 8;
        packets[at + 3] = id & 0xff;
        at += 4;
      }
      if (connection.write(packets) || draining) return;
      draining = true;
      // Ends the connection of a client that does not read its acknowledgements.
      openClient(client).waitForDrain(() => {
        draining = false;
      });
    }

    /** Someone began to listen while the message was on its way to the store. */
    function tell(message: InboundMessage): void {
      const { topic, payload, qos, address } = message;
      if (address?.kind !== "telemetry" || !audience.hears(address.site, address.device)) return;
      const packet = { cmd: "publish", dup: false, retain: false, topic, payload: Buffer.from(payload), qos } as const;
      // aedes publishes QoS 1 a turn after its acknowledgement: neither way may overtake the other. [MQTT-4.6.0-6]
      if (qos === 0) deps.publish(packet);
      else setImmediate(deps.publish, packet);
    }

    /** Messages `from` up to `to` of a batch, whose way to the store is one promise. */
    function hold(batch: Batch, from: number, to: number, job: Promise<void>): void {
      track(1);
      sequence.add(job, (error) => {
        guard.release(to - from);
        const head = batch.messages[from];
        if (error !== null && head !== undefined) fail(session, error, head);
        if (error === null) {
          if (acks.length === 0) process.nextTick(flush);
          for (let n = from; n < to; n++) {
            const id = batch.ids[n] ?? 0;
            if (id > 0) acks.push(id);
          }
          if (batch.version !== audience.version) for (let n = from; n < to; n++) tellAt(batch, n);
        }
        track(-1);
      });
    }

    function tellAt(batch: Batch, n: number): void {
      const message = batch.messages[n];
      if (message !== undefined) tell(message);
    }

    return {
      find(chunk, first, start, end) {
        if (end - start < 2) return false;
        topicEnd = start + 2 + (((chunk[start] ?? 0) << 8) | (chunk[start + 1] ?? 0));
        // A PUBLISH of QoS 1 has a packet id, which is not 0.
        if (first & 2) {
          if (topicEnd + 2 > end || (chunk[topicEnd] === 0 && chunk[topicEnd + 1] === 0)) return false;
        } else if (topicEnd > end) return false;
        let number = topics.find(chunk, start + 2, topicEnd);
        if (number < 0) number = learn(identity, chunk, start + 2, topicEnd);
        if (number < 0) return false;
        site = topics.site(number);
        device = topics.device(number);
        return mayTell(identity, site, device) && !audience.hears(site, device);
      },
      take(chunk, first, end) {
        if (messages.length === 0) received = deps.now();
        const qos = first & 2 ? 1 : 0;
        const payload = chunk.subarray(topicEnd + qos * 2, end);
        bytes += payload.length;
        ids.push(qos === 0 ? 0 : ((chunk[topicEnd] ?? 0) << 8) | (chunk[topicEnd + 1] ?? 0));
        const address = { kind: "telemetry", site, device } as const;
        const topic = `dc/${site}/${device}/telemetry`;
        messages.push({ topic, address, payload, qos, retain: false, identity, received });
      },
      deliver() {
        if (messages.length === 0) return;
        const batch = { messages, ids, version: audience.version };
        tally.add("messages", messages.length);
        tally.add("messageBytes", bytes);
        tally.add("straight", messages.length);
        messages = [];
        ids = [];
        bytes = 0;
        openClient(client)._keepaliveTimer?.refresh();
        if (deps.onMessages !== undefined) {
          hold(batch, 0, batch.messages.length, attempt(deps.onMessages, batch.messages));
          return;
        }
        for (const [n, message] of batch.messages.entries()) hold(batch, n, n + 1, attempt(deps.onMessage, message));
      },
      flush,
    };
  }

  return { open };
}

/** A consumer may also throw at once. */
function attempt<T>(consumer: (value: T) => Promise<void>, value: T): Promise<void> {
  try {
    return consumer(value);
  } catch (error) {
    return Promise.reject(error);
  }
}

interface LaneDeps {
  readonly sessions: Sessions;
  readonly tally: Tally;
  readonly audience: Audience;
  readonly topicBytes: number;
  readonly now: () => number;
  readonly onMessage: (message: InboundMessage) => Promise<void>;
  readonly onMessages: ((messages: readonly InboundMessage[]) => Promise<void>) | undefined;
  readonly onError: (error: unknown, at: { readonly stage: "broker"; readonly code: BrokerCode }) => void;
  /** So many more, or less, are on their way to the store. */
  readonly track: (change: 1 | -1) => void;
  /** To subscribers. */
  readonly publish: (packet: PublishPacket) => void;
}

export interface Lanes {
  /** For a client that is let in. */
  open(session: Session, identity: Identity): Lane;
}

/** Bytes `start` to `end` are the body of a whole PUBLISH without RETAIN, of QoS 0 or 1; `first` is its first byte. */
export interface Lane {
  /** Whether it may go this way. */
  find(chunk: Buffer, first: number, start: number, end: number): boolean;
  /** Takes what was found just before. */
  take(chunk: Buffer, first: number, end: number): void;
  /** Hands over what was taken. */
  deliver(): void;
  /** Writes acknowledgements that wait for the end of this turn of the loop. */
  flush(): void;
}

interface Batch {
  readonly messages: readonly InboundMessage[];
  readonly ids: readonly number[];
  readonly version: number;
}
