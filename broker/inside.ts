// What is used of aedes 1.2.0 beyond its published types, in one place, so that an upgrade knows where to look.
import { Readable } from "node:stream";
import type { Aedes, Client, Subscription } from "aedes";
import type { Audience } from "./audience.ts";
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

  followAudience(mq, persistence, deps.audience);

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

/** Tells the audience what aedes itself matches: filters of clients that are here, and of sessions that may be away. */
function followAudience(mq: BrokerInside["mq"], persistence: BrokerInside["persistence"], audience: Audience): void {
  // aedes may take the same listener away twice.
  const listeners = new Map<string, Set<unknown>>();
  const [on, removeListener] = [mq.on.bind(mq), mq.removeListener.bind(mq)];
  mq.on = (filter, listener, done) => {
    const here = listeners.get(filter) ?? new Set();
    listeners.set(filter, here);
    if (!here.has(listener)) audience.add(filter);
    here.add(listener);
    on(filter, listener, done);
  };
  mq.removeListener = (filter, listener, done) => {
    removeListener(filter, listener, () => {
      const here = listeners.get(filter);
      if (here?.delete(listener)) audience.remove(filter);
      if (here?.size === 0) listeners.delete(filter);
      done?.();
    });
  };

  const stored = new Map<string, Set<string>>();
  function forget(clientId: string, filters: Iterable<string>): void {
    const kept = stored.get(clientId);
    for (const filter of filters) if (kept?.delete(filter)) audience.remove(filter);
    if (kept?.size === 0) stored.delete(clientId);
  }
  const add = persistence.addSubscriptions.bind(persistence);
  persistence.addSubscriptions = (client, subscriptions) => {
    for (const { topic, qos } of subscriptions) {
      const kept = stored.get(client.id) ?? new Set();
      if (qos === 0) forget(client.id, [topic]);
      else if (!kept.has(topic)) {
        stored.set(client.id, kept.add(topic));
        audience.add(topic);
      }
    }
    return add(client, subscriptions);
  };
  const remove = persistence.removeSubscriptions.bind(persistence);
  persistence.removeSubscriptions = (client, filters) => {
    forget(client.id, filters);
    return remove(client, filters);
  };
  const clean = persistence.cleanSubscriptions.bind(persistence);
  persistence.cleanSubscriptions = (client) => {
    forget(client.id, [...(stored.get(client.id) ?? [])]);
    return clean(client);
  };
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
  waitForDrain(done: () => void): void;
}

interface MendDeps {
  readonly audience: Audience;
  readonly retained: Retained<KeptPacket>;
  readonly queueLimit: number;
  readonly isGranted: (client: Client, filter: string) => boolean;
  readonly onRetainedFull: (topic: string) => void;
  readonly onQueueFull: (clientId: string, topic: string) => void;
}

interface BrokerInside {
  readonly mq: {
    emit(packet: KeptPacket, done: () => void): void;
    on(filter: string, listener: unknown, done?: () => void): void;
    removeListener(filter: string, listener: unknown, done?: () => void): void;
  };
  readonly persistence: {
    storeRetained(packet: KeptPacket): Promise<void>;
    createRetainedStreamCombi(filters: readonly string[]): Readable;
    addSubscriptions(client: Client, subscriptions: readonly Subscription[]): Promise<void>;
    removeSubscriptions(client: Client, filters: readonly string[]): Promise<void>;
    cleanSubscriptions(client: Client): Promise<unknown>;
    outgoingEnqueueCombi(subscriptions: readonly { readonly clientId: string }[], packet: KeptPacket): Promise<void>;
    outgoingClearMessageId(client: Client, packet: unknown): Promise<KeptPacket | undefined>;
    incomingStorePacket(client: Client, packet: KeptPacket): Promise<void>;
    incomingGetPacket(client: Client, packet: { readonly messageId: number | undefined }): Promise<unknown>;
    streamWill(): Readable;
  };
}
