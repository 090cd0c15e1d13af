import { type InboundMessage, mayWrite } from "#broker";
import { type Ledger, type Reading, type Readings, StoreRefusedError, StoreUnavailableError } from "#store";
import { createBatch } from "./batch.ts";
import { check, createReceiveClock } from "./check.ts";
import type { CollectorSettings } from "./config.ts";
import { type CollectorCounters, createTally } from "./counters.ts";
import type { Rejection } from "./decoders/decoder.ts";
import { createDialects } from "./decoders/dialects.ts";
import type { Mapping } from "./decoders/mapping.ts";
import { ownerTest } from "./filters.ts";
import { createRecorder } from "./record.ts";
import { parseShard } from "./shard.ts";
import { createWriter } from "./writer.ts";

//   broker                                                                         store
//     │ accept(message)                                                              ▲
//     ▼                                                                              │
//   decode ──▶ check ──▶ readings ──▶ batch (count, bytes, age) ──▶ writer ≤ N ──▶ Readings.write
//     │          │                                                    │
//     └──rejected┴──▶ count ──▶ limit per minute ──▶ writer 1 ──▶ Ledger.commit
//                                                                     │
//   PUBACK ◀── accept resolves ◀── every part of the message is durable ◀┘
//
//   The store away: the writers keep what they hold and try again; nothing resolves, so the broker pauses its sockets.

/** What the collector stands on. `now` is UTC ms, `clock` monotone ms; both default to the machine's. */
export interface CollectorDeps {
  readonly readings: Readings;
  readonly ledger: Ledger;
  readonly mappings: readonly Mapping[];
  readonly onError: (error: unknown, about: { readonly stage: "collector"; readonly code: CollectorReport }) => void;
  readonly now?: () => number;
  readonly clock?: () => number;
}

/** Codes of `onError`: once when the store goes away, once when it is back, and for what must not happen. */
export const collectorReports = ["COLLECTOR_STORE_AWAY", "COLLECTOR_STORE_BACK", "COLLECTOR_BUG"] as const;
export type CollectorReport = (typeof collectorReports)[number];

export interface Collector extends AsyncDisposable {
  /**
   * Resolves when every reading of the message is durable and what was rejected of it is recorded: the moment to
   * acknowledge. While the store is away it waits. Rejects with `StoreUnavailableError` only when the collector is
   * disposed of before the store took the message: do not acknowledge, the sensor will send it again.
   */
  accept(message: InboundMessage): Promise<void>;
  counters(): CollectorCounters;
}

interface Parcel {
  readonly message: InboundMessage;
  readonly readings: readonly Reading[];
  readonly done: PromiseWithResolvers<void>;
}

// One commit of 4 MB is written in tens of milliseconds; a larger one would hold the next back.
const batchBytes = 4 * 1024 * 1024;

/** Starts the way from message to durable reading. Dispose of it after the broker and before the store. */
export const startCollector = async (settings: CollectorSettings, deps: CollectorDeps): Promise<Collector> => {
  const { readings, ledger, onError } = deps;
  const now = deps.now ?? Date.now;
  const clock = deps.clock ?? (() => performance.now());
  const tally = createTally(clock);
  const receiveClock = createReceiveClock();
  const decode = createDialects(deps.mappings);
  const owns = ownerTest(parseShard(settings.COLLECTOR_SHARD ?? ""));
  let closing: Promise<void> | null = null;

  const about = (code: CollectorReport) => ({ stage: "collector", code }) as const;
  const onAway = (error: unknown) => onError(error, about("COLLECTOR_STORE_AWAY"));
  const onBack = (note: Error) => onError(note, about("COLLECTOR_STORE_BACK"));

  const writer = createWriter<readonly Parcel[]>({
    inFlight: settings.COLLECTOR_IN_FLIGHT,
    clock,
    write: (parcels) => store(parcels),
    settle: (parcels, error) => {
      for (const { done } of parcels) error === null ? done.resolve() : done.reject(error);
    },
    onAway,
    onBack,
  });
  const batch = createBatch<Parcel>({
    readings: settings.COLLECTOR_BATCH_READINGS,
    bytes: batchBytes,
    ageMs: settings.COLLECTOR_BATCH_AGE_MS,
  });
  let timer: NodeJS.Timeout | null = null;

  const recorder = createRecorder({
    ledger,
    perMinute: settings.COLLECTOR_DEAD_LETTERS_PER_MINUTE,
    startedAt: now(),
    clock,
    tally,
    onAway,
    onBack,
  });

  const flush = (): void => {
    if (timer !== null) clearTimeout(timer);
    timer = null;
    const parcels = batch.take();
    if (parcels.length > 0) writer.add(parcels);
  };

  const keep = (message: InboundMessage, good: readonly Reading[]): Promise<void> => {
    const parcel: Parcel = { message, readings: good, done: Promise.withResolvers<void>() };
    const weight = { readings: good.length, bytes: message.payload.byteLength };
    const full = batch.add(parcel, weight, clock());
    if (full !== null) {
      if (timer !== null) clearTimeout(timer);
      timer = null;
      writer.add(full);
    } else if (timer === null) {
      timer = setTimeout(flush, settings.COLLECTOR_BATCH_AGE_MS);
    }
    return parcel.done.promise;
  };

  const store = async (parcels: readonly Parcel[]): Promise<void> => {
    const flat = parcels.flatMap((parcel) => parcel.readings);
    const refused = await writeAll(flat);
    if (refused.length === 0) return;
    const owner = new Map(parcels.flatMap((parcel) => parcel.readings.map((reading) => [reading, parcel.message])));
    const letters: Promise<void>[] = [];
    for (const { reading, reason } of refused) {
      // a store may hand back a copy: then the letter goes to the first message of the group
      const message = owner.get(reading) ?? parcels[0]?.message;
      if (message === undefined) continue;
      letters.push(...recorder.record(message, [{ code: "COLLECTOR_STORE_REFUSED", reason, site: reading.site }]));
    }
    await Promise.all(letters);
  };

  /** Writes all that the store will take; a group refused whole is halved until the poison stands alone. */
  const writeAll = async (
    flat: readonly Reading[],
  ): Promise<readonly { readonly reading: Reading; readonly reason: string }[]> => {
    try {
      const result = await readings.write(flat);
      tally.sums.values += result.accepted;
      tally.sums.duplicates += result.duplicates;
      tally.sums.corrections += result.corrections;
      tally.sums.readings += flat.length - result.rejected.length;
      return result.rejected.map(({ reading, code, reason }) => ({ reading, reason: `${code}: ${reason}` }));
    } catch (error) {
      if (!(error instanceof StoreRefusedError)) throw error;
      const [only] = flat;
      if (only !== undefined && flat.length === 1)
        return [{ reading: only, reason: `${error.code}: ${error.message}` }];
      const half = Math.ceil(flat.length / 2);
      return [...(await writeAll(flat.slice(0, half))), ...(await writeAll(flat.slice(half)))];
    }
  };

  const sort = (message: InboundMessage): { good: readonly Reading[]; rejected: readonly Rejection[] } => {
    const { identity } = message;
    const decoded = decode(message, identity.site ?? settings.COLLECTOR_FOREIGN_SITE);
    const good: Reading[] = [];
    // Of a foreign dialect only the payload tells the site: another shard keeps what is not ours.
    const isOurs = (site: string) => message.address !== null || site === "" || owns(site);
    const rejected = decoded.rejected.filter(({ site }) => isOurs(site));
    for (const candidate of decoded.readings) {
      if (!isOurs(candidate.site)) continue;
      const checked = check(candidate, {
        received: message.received,
        aheadMs: settings.COLLECTOR_AHEAD_MS,
        mayNot: (site, device) => refusal(message, site, device),
        clock: receiveClock,
      });
      if (checked.reading !== null) good.push(checked.reading);
      rejected.push(...checked.rejected);
    }
    return { good, rejected };
  };

  const sorted = (message: InboundMessage): ReturnType<typeof sort> => {
    try {
      return sort(message);
    } catch (cause) {
      onError(new Error(`BUG: decoding "${message.topic}" threw`, { cause }), about("COLLECTOR_BUG"));
      const reason = `the collector failed on this message: ${String(cause)}`;
      return { good: [], rejected: [{ code: "COLLECTOR_PAYLOAD_SHAPE", reason, site: message.address?.site ?? "" }] };
    }
  };

  return {
    async accept(message) {
      if (closing !== null) throw new StoreUnavailableError("the collector is stopping", { retryAfterMs: 1000 });
      const began = clock();
      tally.sums.messages += 1;
      tally.sums.waiting += 1;
      try {
        const { good, rejected } = sorted(message);
        if (good.length === 0 && rejected.length === 0) tally.sums.withoutReadings += 1;
        const parts = [...recorder.record(message, rejected)];
        if (good.length > 0) parts.push(keep(message, good));
        await allOf(parts);
        tally.acknowledged(began);
      } finally {
        tally.sums.waiting -= 1;
      }
    },
    counters() {
      const away = writer.away() ?? recorder.away();
      return tally.read(away === null ? "ok" : "unavailable", away?.message ?? "");
    },
    [Symbol.asyncDispose]() {
      closing ??= (async () => {
        flush();
        // a group may be waiting for the letters of its refused readings, so both give up their patience together
        await Promise.all([writer.drain(), recorder.drain()]);
      })();
      return closing;
    },
  };
};

/** The broker's access rules, for what only the payload or a foreign topic tells: the site and the device. */
const refusal = ({ address, identity }: InboundMessage, site: string, device: string): string | null => {
  // the broker has judged these by their topic
  if (address?.kind === "telemetry" || address?.kind === "status") return null;
  // channels of a device are named after it, <device>.<n>: its credential covers them
  const channel = identity.device !== null && device.startsWith(`${identity.device}.`);
  const verdict = mayWrite(identity, site, channel ? (identity.device ?? device) : device);
  return verdict.ok ? null : verdict.reason;
};

/** Waits for all, then fails with the first failure: no part is left unheard. */
const allOf = async (parts: readonly Promise<void>[]): Promise<void> => {
  for (const part of await Promise.allSettled(parts)) if (part.status === "rejected") throw part.reason;
};
