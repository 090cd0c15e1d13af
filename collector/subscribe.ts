// broker (Mosquitto, EMQX …)                                              store
//     │ QoS 1                                                                 ▲
//     ▼                                                                       │
//   link ──▶ receipts (seen already?) ──▶ shard (ours?) ──▶ collector.accept ─┘
//     ▲            │                                             │
//     └── PUBACK ◀─┴───────────── in the order of arrival ◀──────┘
//
import { readFile } from "node:fs/promises";
import { setImmediate } from "node:timers/promises";
import { type Identity, type InboundMessage, type OutboundMessage, parseTopic } from "#broker";
import { type Ledger, timestamp } from "#store";
import type { CollectorSettings } from "./config.ts";
import type { Mapping } from "./decoders/mapping.ts";
import { filtersOf, ownerTest } from "./filters.ts";
import { breathMs, openLink } from "./link.ts";
import type { Collector } from "./pipeline.ts";
import { createReceipts } from "./receipts.ts";
import { parseShard } from "./shard.ts";

/** Codes of `onError`: once when the other broker goes away, once when it is back, and when it refuses a filter. */
export const subscriptionReports = [
  "COLLECTOR_BROKER_AWAY",
  "COLLECTOR_BROKER_BACK",
  "COLLECTOR_SUBSCRIBE_REFUSED",
] as const;
export type SubscriptionReport = (typeof subscriptionReports)[number];

export interface SubscriptionDeps {
  readonly accept: Collector["accept"];
  /** Keeps which filters the session holds, so that those no longer wanted are given back. */
  readonly ledger: Ledger;
  readonly mappings: readonly Mapping[];
  /** Sites with a site file, for `COLLECTOR_SITES=modelled`. */
  readonly modelled: readonly string[];
  readonly onError: (error: unknown, about: { readonly stage: "collector"; readonly code: SubscriptionReport }) => void;
  /** The connection is there, or gone: what is to be published waits meanwhile. */
  readonly onConnection?: (state: "up" | "down") => void;
  readonly now?: () => number;
  readonly random?: () => number;
}

export interface SubscriptionCounters {
  readonly connected: number;
  readonly connections: number;
  readonly messages: number;
  /** Sent again by the broker and recognised. */
  readonly repeated: number;
  /** Of sites that another shard takes. */
  readonly otherShard: number;
  /** Of site `system`: only a broker of ours can tell who wrote them. */
  readonly reserved: number;
  /** Taken, but not yet stored. */
  readonly waiting: number;
}

/** A subscription at a broker that is not ours; disposing of it waits for what was taken to be stored. */
export interface Subscription extends AsyncDisposable {
  readonly clientId: string;
  /** Resolves when the broker has acknowledged it. */
  publish(message: Omit<OutboundMessage, "qos">): Promise<void>;
  counters(): SubscriptionCounters;
}

const bytesInFlight = 32 * 1024 * 1024;
const drainMs = 10_000;
const retrySubscribeMs = 60_000;
const ledgerKind = "subscription";

/**
 * Subscribes at `COLLECTOR_BROKER_URL` and acknowledges each message when `accept` has resolved. Resolves at once: a
 * broker that is away is reported and tried again. Rejects, with one sentence, when the authority's file is not there.
 * Dispose of it before the collector.
 */
export const startSubscription = async (
  settings: CollectorSettings & { readonly COLLECTOR_BROKER_URL: string },
  deps: SubscriptionDeps,
): Promise<Subscription> => {
  const { accept, ledger, onError, now = Date.now, random = Math.random } = deps;
  const shard = parseShard(settings.COLLECTOR_SHARD ?? "");
  const clientId =
    settings.COLLECTOR_CLIENT_ID ?? (shard === null ? "wattlas" : `wattlas-${shard.number}-of-${shard.of}`);
  const [mode] = settings.COLLECTOR_SITES;
  const sites = mode === "any" ? null : mode === "modelled" ? deps.modelled : settings.COLLECTOR_SITES;
  const wanted = filtersOf({
    topics: settings.COLLECTOR_TOPICS ?? null,
    mappings: deps.mappings,
    sites,
    shard,
    shareGroup: settings.COLLECTOR_SHARE_GROUP ?? null,
  });
  // With filters of their own, messages of other sites are what an earlier division left in our queue: nobody else has them.
  const isOurs = sites === null ? ownerTest(shard) : () => true;
  // What the other broker lets in it answers for; only its own site `system` is nobody's but ours.
  const identity: Identity = { user: "broker", role: "gateway", site: null, device: null, clientId, loopback: false };
  const receipts = createReceipts();
  const counts = { connections: 0, messages: 0, repeated: 0, otherShard: 0, reserved: 0, waiting: 0 };
  let bytes = 0;
  let held: (() => void) | null = null;
  let breath: NodeJS.Timeout | undefined;
  let retry: NodeJS.Timeout | undefined;
  let away: { readonly since: number } | null = null;
  let stopping = false;
  let onIdle = (): void => undefined;
  const about = (code: SubscriptionReport) => ({ stage: "collector", code }) as const;

  const isFull = () => counts.waiting > settings.COLLECTOR_BROKER_IN_FLIGHT || bytes > bytesInFlight;
  const release = (): void => {
    if (held === null || isFull()) return;
    clearInterval(breath);
    const next = held;
    held = null;
    next();
  };

  const take = async (message: InboundMessage): Promise<"stored" | "kept by the broker"> => {
    counts.waiting += 1;
    bytes += message.payload.byteLength;
    try {
      await accept(message);
      return "stored";
    } catch {
      // The collector stops; without acknowledgement the broker keeps it.
      return "kept by the broker";
    } finally {
      counts.waiting -= 1;
      bytes -= message.payload.byteLength;
      release();
      if (counts.waiting === 0) onIdle();
    }
  };

  const isForUs = ({ address }: InboundMessage): boolean => {
    if (address === null) return true;
    if (address.site === "system") counts.reserved += 1;
    else if (isOurs(address.site)) return true;
    else counts.otherShard += 1;
    return false;
  };

  const link = openLink(
    settings,
    { clientId, ca: await authority(settings.COLLECTOR_BROKER_CA_FILE) },
    {
      onSession: (session, acknowledge) => {
        counts.connections += 1;
        receipts.connected(session, acknowledge);
      },
      onUp: (session) => {
        if (away !== null)
          onError(
            new Error(`${where(settings)} is back after ${seconds(now() - away.since)} s`),
            about("COLLECTOR_BROKER_BACK"),
          );
        away = null;
        deps.onConnection?.("up");
        void subscribe(session);
      },
      onDown: (reason) => {
        clearTimeout(retry);
        deps.onConnection?.("down");
        if (stopping || away !== null) return;
        away = { since: now() };
        onError(new Error(`${where(settings)} is away: ${reason}`), about("COLLECTOR_BROKER_AWAY"));
      },
      onMessage: (packet, next) => {
        if (stopping) return next();
        const { topic, qos, messageId } = packet;
        const payload = typeof packet.payload === "string" ? Buffer.from(packet.payload) : packet.payload;
        const parsed = parseTopic(topic);
        const message: InboundMessage = {
          topic,
          address: parsed.ok ? parsed.address : null,
          payload,
          qos,
          // 3.1.1 does not pass the flag on: an empty message clears a retained one.
          retain: packet.retain || (settings.COLLECTOR_BROKER_VERSION === "3.1.1" && payload.byteLength === 0),
          identity,
          received: now(),
        };
        counts.messages += 1;
        const receipt =
          qos === 0 || messageId === undefined
            ? undefined
            : receipts.take(messageId, packet.dup ? "again" : "first", message);
        if (receipt === null) counts.repeated += 1;
        else if (!isForUs(message)) {
          if (receipt) receipts.stored(receipt);
        } else
          void take(message).then((outcome) => {
            if (receipt && outcome === "stored") receipts.stored(receipt);
          });
        if (!isFull()) return next();
        held = next;
        clearInterval(breath);
        breath = setInterval(link.breathe, breathMs);
      },
    },
    random,
  );

  const subscribe = async (session: "resumed" | "new"): Promise<void> => {
    const connection = counts.connections;
    try {
      const row = session === "new" ? null : await ledger.get(ledgerKind, clientId);
      const before = filtersIn(row?.body);
      // 3.1.1 sends retained messages again for each SUBSCRIBE, 5 only for new ones: there it costs nothing to be sure.
      const again = settings.COLLECTOR_BROKER_VERSION === "5" || before === null;
      await link.subscribe(again ? wanted : wanted.filter((filter) => !before.includes(filter)));
      const left = before?.filter((filter) => !wanted.includes(filter)) ?? [];
      await link.unsubscribe(left);
      const unchanged = before !== null && left.length === 0 && before.length === wanted.length;
      if (!unchanged)
        await ledger.commit([
          {
            op: "put",
            kind: ledgerKind,
            key: clientId,
            site: "",
            ts: timestamp(now()),
            body: { filters: [...wanted] },
          },
        ]);
    } catch (error) {
      // A connection that ended is no refusal: the next one asks again.
      if (stopping || !link.connected() || connection !== counts.connections) return;
      const said = error instanceof Error ? error.message : String(error);
      onError(
        new Error(`${where(settings)} does not serve all filters: ${said}`),
        about("COLLECTOR_SUBSCRIBE_REFUSED"),
      );
      retry = setTimeout(() => void subscribe(session), retrySubscribeMs);
    }
  };

  const stop = async (): Promise<void> => {
    stopping = true;
    clearTimeout(retry);
    if (counts.waiting > 0) {
      const idle = Promise.withResolvers<void>();
      const timer = setTimeout(idle.resolve, drainMs);
      onIdle = idle.resolve;
      await idle.promise;
      clearTimeout(timer);
    }
    // The last acknowledgements are written a turn after the last message is stored.
    await setImmediate();
    clearInterval(breath);
    held?.();
    await link.end();
  };
  let stopped: Promise<void> | null = null;

  return {
    clientId,
    publish: ({ topic, payload, retain }) => link.publish(topic, payload, retain),
    counters: () => ({ connected: link.connected() ? 1 : 0, ...counts }),
    [Symbol.asyncDispose]() {
      stopped ??= stop();
      return stopped;
    },
  };
};

const authority = async (path: string | undefined): Promise<string | null> => {
  if (path === undefined) return null;
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    throw new Error(`cannot read ${path}: set COLLECTOR_BROKER_CA_FILE to a file that is there`, { cause });
  }
};

const where = (settings: { readonly COLLECTOR_BROKER_URL: string }): string =>
  `the broker at ${new URL(settings.COLLECTOR_BROKER_URL).host}`;

const seconds = (ms: number): number => Math.round(ms / 100) / 10;

const filtersIn = (body: unknown): readonly string[] | null =>
  typeof body === "object" && body !== null && "filters" in body && Array.isArray(body.filters)
    ? body.filters.filter((filter) => typeof filter === "string")
    : null;
