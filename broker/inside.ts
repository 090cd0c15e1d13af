// What is used of aedes 1.2.0 beyond its published types, in one place, so that an upgrade knows where to look.
import { Readable } from "node:stream";
import type { Aedes, Client } from "aedes";
import type { Audience } from "./audience.ts";
import type { Kept, KeptPacket, RetainedPacket } from "./kept.ts";
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
    const { topic, qos, payload } = packet;
    const kept = deps.kept.retain({ cmd: "publish", topic, qos, payload: Buffer.from(payload), retain: true });
    if (kept === "full") deps.onRetainedFull(topic);
  };
  persistence.createRetainedStreamCombi = (filters) => {
    return Readable.from(filters.flatMap((filter) => [...deps.retained.match(filter)]));
  };

  followAudience(mq, persistence, deps.audience);

  const { kept } = deps;
  const addSubscriptions = persistence.addSubscriptions.bind(persistence);
  persistence.addSubscriptions = (client, subscriptions) => {
    const granted = subscriptions.filter(({ topic }) => deps.isGranted(client, topic));
    for (const { topic, qos } of granted) kept.filter(client.id, topic, qos);
    return addSubscriptions(client, granted);
  };
  const removeSubscriptions = persistence.removeSubscriptions.bind(persistence);
  persistence.removeSubscriptions = (client, filters) => {
    for (const filter of filters) kept.filter(client.id, filter, null);
    return removeSubscriptions(client, filters);
  };
  const cleanSubscriptions = persistence.cleanSubscriptions.bind(persistence);
  persistence.cleanSubscriptions = (client) => {
    kept.drop(client.id);
    return cleanSubscriptions(client);
  };

  const enqueue = persistence.outgoingEnqueueCombi.bind(persistence);
  persistence.outgoingEnqueueCombi = async (subscriptions, packet) => {
    if (subscriptions.length === 0) return;
    // A small payload is a view on a chunk of 64 KB; what is kept must not keep the chunk.
    packet.payload = Buffer.from(packet.payload);
    const takers = subscriptions.filter(({ clientId }) => {
      if (kept.enqueue(clientId, packet.brokerCounter, packet) === "kept") return true;
      deps.onQueueFull(clientId, packet.topic);
      return false;
    });
    if (takers.length > 0) await enqueue(takers, packet);
  };
  const update = persistence.outgoingUpdate.bind(persistence);
  persistence.outgoingUpdate = async (client, packet) => {
    await update(client, packet);
    if (packet.cmd === "pubrel") kept.received(client.id, packet.messageId);
    else kept.sent(client.id, packet.brokerCounter, packet.messageId);
  };
  const clear = persistence.outgoingClearMessageId.bind(persistence);
  persistence.outgoingClearMessageId = async (client, packet) => {
    const cleared = await clear(client, packet);
    if (cleared !== undefined) kept.done(client.id, cleared.brokerCounter);
    return cleared;
  };
  const storeIncoming = persistence.incomingStorePacket.bind(persistence);
  // Only the id is looked at again.
  persistence.incomingStorePacket = (client, packet) => storeIncoming(client, { ...packet, payload: Buffer.alloc(0) });
  // For wills of brokers that died; this one has no siblings, and a clock that jumps would make it its own orphan.
  persistence.streamWill = () => Readable.from([]);
}

/** Gives aedes the sessions of before a restart; to be called before any client connects. */
export async function restoreSessions(aedes: Aedes, kept: Kept): Promise<void> {
  const inside = aedes as unknown as BrokerInside;
  inside.counter = Math.max(inside.counter, kept.newest);
  for (const [id, { filters, queue }] of kept.sessions) {
    await inside.persistence.addSubscriptions(
      { id },
      [...filters].map(([topic, qos]) => ({ topic, qos })),
    );
    for (const [brokerCounter, { topic, qos, payload }] of queue) {
      const packet = { cmd: "publish", brokerId: inside.id, brokerCounter, topic, qos, payload } as const;
      await inside.persistence.outgoingEnqueue({ clientId: id }, packet);
    }
  }
}

/** Removes a session that nobody came back for. */
export async function forgetSession(aedes: Aedes, id: string): Promise<void> {
  const { persistence } = aedes as unknown as BrokerInside;
  // Its end is decided before anyone can come back for it.
  const cleaned = [persistence.cleanSubscriptions({ id }), persistence.cleanIncoming({ id })];
  for await (const packet of persistence.outgoingStream({ id }))
    await persistence.outgoingClearMessageId({ id }, packet);
  await Promise.all(cleaned);
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

function ignore(): void {}

const neverSeen = new Proxy(Object.create(null), { get: () => 0, set: () => true, deleteProperty: () => true });

export interface ClientInside {
  duplicates: object;
  readonly _parser: { parse(chunk: Buffer): unknown };
  readonly _keepaliveTimer: { refresh(): unknown } | null;
  waitForDrain(done: () => void): void;
}

interface MendDeps {
  readonly audience: Audience;
  readonly retained: Retained<RetainedPacket>;
  readonly kept: Kept;
  readonly isGranted: (client: Named, filter: string) => boolean;
  readonly onRetainedFull: (topic: string) => void;
  readonly onQueueFull: (clientId: string, topic: string) => void;
}

interface Named {
  readonly id: string;
}

interface Filter {
  readonly topic: string;
  readonly qos: 0 | 1 | 2;
}

interface QueuedPacket extends KeptPacket {
  readonly cmd: "publish";
  readonly brokerId: string;
  readonly brokerCounter: number;
}

interface BrokerInside {
  readonly id: string;
  counter: number;
  readonly mq: {
    emit(packet: KeptPacket, done: () => void): void;
    on(filter: string, listener: unknown, done?: () => void): void;
    removeListener(filter: string, listener: unknown, done?: () => void): void;
  };
  readonly persistence: {
    storeRetained(packet: KeptPacket): Promise<void>;
    createRetainedStreamCombi(filters: readonly string[]): Readable;
    addSubscriptions(client: Named, subscriptions: readonly Filter[]): Promise<void>;
    removeSubscriptions(client: Named, filters: readonly string[]): Promise<void>;
    cleanSubscriptions(client: Named): Promise<unknown>;
    outgoingEnqueue(subscription: { readonly clientId: string }, packet: QueuedPacket): Promise<void>;
    outgoingEnqueueCombi(subscriptions: readonly { readonly clientId: string }[], packet: QueuedPacket): Promise<void>;
    outgoingUpdate(client: Named, packet: OutgoingPacket): Promise<void>;
    outgoingClearMessageId(client: Named, packet: unknown): Promise<QueuedPacket | undefined>;
    outgoingStream(client: Named): AsyncIterable<unknown>;
    incomingStorePacket(client: Named, packet: KeptPacket): Promise<void>;
    incomingGetPacket(client: Named, packet: { readonly messageId: number | undefined }): Promise<unknown>;
    cleanIncoming(client: Named): Promise<void>;
    streamWill(): Readable;
  };
}

type OutgoingPacket =
  | { readonly cmd: "pubrel"; readonly messageId: number }
  | { readonly cmd: "publish"; readonly messageId: number; readonly brokerCounter: number };
