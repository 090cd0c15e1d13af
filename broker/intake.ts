import type { AedesOptions, Client, PublishPacket } from "aedes";
import { mayPublish } from "./access.ts";
import { AccessDeniedError, type BrokerCode } from "./errors.ts";
import type { Identity, InboundMessage } from "./message.ts";
import type { Session, Sessions } from "./session.ts";
import type { Tally } from "./tally.ts";
import { parseTopic } from "./topic.ts";

// Where a refused QoS 0 message goes, since aedes can only publish or hang up: nobody may subscribe here.
const nowhere = "$wattlas/refused";

/** Takes publishes to the store and holds their acknowledgements until they are there. */
export function createIntake(deps: IntakeDeps): Intake {
  const { sessions, tally } = deps;
  let pending = 0;
  let stopping = false;
  let onIdle: (() => void) | null = null;

  /** Resolves when the message is stored, or may be forgotten; rejects when its client must go. */
  async function take(session: Session, identity: Identity, packet: PublishPacket): Promise<void> {
    const verdict = mayPublish(identity, packet.topic);
    if (!verdict.ok) {
      sessions.refuse(session, verdict.code, verdict.reason, packet.topic);
      // [MQTT-3.3.5-2] An acknowledgement means stored, so a refused QoS 1 or 2 ends its connection.
      if (packet.qos !== 0) {
        session.ending = true;
        throw new AccessDeniedError(verdict.reason, { code: verdict.code });
      }
      packet.topic = nowhere;
      packet.payload = Buffer.alloc(0);
      packet.retain = false;
      return;
    }
    const { topic, qos, retain } = packet;
    const payload = typeof packet.payload === "string" ? Buffer.from(packet.payload) : packet.payload;
    const parsed = parseTopic(topic);
    const address = parsed.ok ? parsed.address : null;
    tally.add("messages");
    tally.add("messageBytes", payload.length);
    try {
      await deps.onMessage({ topic, address, payload, qos, retain, identity, received: deps.now() });
    } catch (error) {
      session.ending = true;
      sessions.refuse(session, "BROKER_MESSAGE_FAILED", "the message could not be taken", topic);
      deps.onError(error, { stage: "broker", code: "BROKER_MESSAGE_FAILED" });
      throw error;
    }
  }

  async function takeOnce(session: Session, identity: Identity, packet: PublishPacket, id: number): Promise<void> {
    if (await deps.isRepeated(session.client, id)) return;
    await take(session, identity, packet);
  }

  function track(change: 1 | -1): void {
    pending += change;
    if (pending === 0) onIdle?.();
  }
  const settled = () => track(-1);

  return {
    track,
    authorizePublish(client, packet, done) {
      const session = client === null ? null : sessions.get(client);
      const identity = session?.identity ?? null;
      if (session === null || identity === null) {
        done(new Error("publisher is not known"));
        return;
      }
      track(1);
      // A will has no command and was not counted by the guard.
      const isWill = packet.cmd !== "publish";
      if (isWill) {
        // A stop of ours says nothing about the device.
        const job = stopping ? Promise.reject(new Error("stopping")) : take(session, identity, packet);
        session.sequence.add(job, (error) => {
          done(error);
          settled();
        });
        return;
      }
      const { messageId } = packet;
      const { unfinished, guard } = session;
      if (packet.qos !== 2 || messageId === undefined) {
        session.sequence.add(take(session, identity, packet), (error) => {
          guard.release();
          session.lane?.flush();
          done(error);
          settled();
        });
      } else if (unfinished.has(messageId)) {
        // A repetition while the first is on its way; a turn later aedes knows the first. [MQTT-4.3.3-2]
        session.sequence.add(Promise.resolve(), (error) => {
          guard.release();
          setImmediate(() => {
            done(error);
            settled();
          });
        });
      } else {
        unfinished.add(messageId);
        session.sequence.add(takeOnce(session, identity, packet, messageId), (error) => {
          unfinished.delete(messageId);
          guard.release();
          done(error);
          settled();
        });
      }
    },
    async drain(timeoutMs) {
      stopping = true;
      if (pending === 0) return;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, timeoutMs);
        onIdle = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    },
  };
}

interface IntakeDeps {
  readonly sessions: Sessions;
  readonly tally: Tally;
  readonly now: () => number;
  readonly onMessage: (message: InboundMessage) => Promise<void>;
  readonly onError: (error: unknown, at: { readonly stage: "broker"; readonly code: BrokerCode }) => void;
  /** Whether aedes holds an unfinished QoS 2 message of this id. */
  readonly isRepeated: (client: Client, messageId: number) => Promise<boolean>;
}

export interface Intake extends Required<Pick<AedesOptions, "authorizePublish">> {
  /** One more, or less, is on its way to the store by another way. */
  track(change: 1 | -1): void;
  /** From now on wills are not published; resolves when nothing is on its way to the store, or in time. */
  drain(timeoutMs: number): Promise<void>;
}
