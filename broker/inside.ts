// What is used of aedes 1.2.0 beyond its published types, in one place, so that an upgrade knows where to look.
import { Readable } from "node:stream";
import type { Aedes, Client, Subscription } from "aedes";
import type { Retained } from "./retained.ts";

/** Mends one client: see the two comments. */
export function openClient(client: Client): ClientInside {
  const inside = client as unknown as ClientInside;
  // aedes takes a message that was overtaken by a later one for a duplicate and drops it (aedes #955, #994).
  inside.duplicates = neverSeen;
  return inside;
}

/**
 * Mends the broker: subscribers do not hold up publishers, retained messages and queues are bounded, a refused filter is
 * not remembered by the session, and no will is published but by its own connection.
 */
export function mendBroker(aedes: Aedes, deps: MendDeps): void {
  const { mq, persistence } = aedes as unknown as BrokerInside;
  const emit = mq.emit.bind(mq);
  // A slow subscriber is cut by drainTimeout or backlog; until then nobody else waits for it.
  mq.emit = (packet, done) => {
    emit(packet, ignore);
    done();
  };

  persistence.storeRetained = async (packet) => {
    if (deps.retained.keep(detach({ ...packet })) === "full") deps.onRetainedFull(packet.topic);
  };
  persistence.createRetainedStreamCombi = (filters) => {
    return Readable.from(filters.flatMap((filter) => [...deps.retained.match(filter)]));
  };

  const addSubscriptions = persistence.addSubscriptions.bind(persistence);
  persistence.addSubscriptions = (client, subscriptions) =>
    addSubscriptions(
      client,
      subscriptions.filter(({ topic }) => deps.isGranted(client, topic)),
    );

  const queued = new Map<string, number>();
  const enqueue = persistence.outgoingEnqueueCombi.bind(persistence);
  persistence.outgoingEnqueueCombi = async (subscriptions, packet) => {
    const takers = subscriptions.filter(({ clientId }) => {
      const waiting = queued.get(clientId) ?? 0;
      if (waiting >= deps.queueLimit) {
        deps.onQueueFull(clientId, packet.topic);
        return false;
      }
      queued.set(clientId, waiting + 1);
      return true;
    });
    if (takers.length > 0) await enqueue(takers, detach(packet));
  };
  const clear = persistence.outgoingClearMessageId.bind(persistence);
  persistence.outgoingClearMessageId = async (client, packet) => {
    const cleared = await clear(client, packet);
    const waiting = queued.get(client.id) ?? 0;
    if (cleared !== undefined && waiting > 1) queued.set(client.id, waiting - 1);
    else if (cleared !== undefined) queued.delete(client.id);
    return cleared;
  };
  const storeIncoming = persistence.incomingStorePacket.bind(persistence);
  // Only the id is looked at again.
  persistence.incomingStorePacket = (client, packet) => storeIncoming(client, { ...packet, payload: Buffer.alloc(0) });
  // For wills of brokers that died; this one has no siblings, and a clock that jumps would make it its own orphan.
  persistence.streamWill = () => Readable.from([]);
}

/** Whether this client has left an unfinished QoS 2 message with this id: then it is a repetition. [MQTT-4.3.3-2] */
export async function isRepeated(aedes: Aedes, client: Client, messageId: number | undefined): Promise<boolean> {
  const { persistence } = aedes as unknown as BrokerInside;
  try {
    await persistence.incomingGetPacket(client, { messageId });
    return true;
  } catch {
    // It rejects when there is none.
    return false;
  }
}

// A small payload is a view on a chunk of 64 KB; what is kept must not keep the chunk.
function detach<P extends KeptPacket>(packet: P): P {
  packet.payload = Buffer.from(packet.payload);
  return packet;
}

function ignore(): void {}

const neverSeen = new Proxy(Object.create(null), { get: () => 0, set: () => true, deleteProperty: () => true });

export interface KeptPacket {
  readonly topic: string;
  payload: Buffer;
}

export interface ClientInside {
  duplicates: object;
  readonly _parser: { parse(chunk: Buffer): unknown };
  readonly _keepaliveTimer: { refresh(): unknown } | null;
}

interface MendDeps {
  readonly retained: Retained<KeptPacket>;
  readonly queueLimit: number;
  readonly isGranted: (client: Client, filter: string) => boolean;
  readonly onRetainedFull: (topic: string) => void;
  readonly onQueueFull: (clientId: string, topic: string) => void;
}

interface BrokerInside {
  readonly mq: { emit(packet: KeptPacket, done: () => void): void };
  readonly persistence: {
    storeRetained(packet: KeptPacket): Promise<void>;
    createRetainedStreamCombi(filters: readonly string[]): Readable;
    addSubscriptions(client: Client, subscriptions: readonly Subscription[]): Promise<void>;
    outgoingEnqueueCombi(subscriptions: readonly { readonly clientId: string }[], packet: KeptPacket): Promise<void>;
    outgoingClearMessageId(client: Client, packet: unknown): Promise<KeptPacket | undefined>;
    incomingStorePacket(client: Client, packet: KeptPacket): Promise<void>;
    incomingGetPacket(client: Client, packet: { readonly messageId: number | undefined }): Promise<unknown>;
    streamWill(): Readable;
  };
}
