import { type InboundMessage, mayWrite } from "#broker";
import {
  createLendingBuilder,
  createNameBook,
  type Ledger,
  type Reading,
  type ReadingColumns,
  type Readings,
  readingsOf,
  StoreRefusedError,
  StoreUnavailableError,
  type WriteResult,
} from "#store";
import { createBatch } from "./batch.ts";
import { check, createReceiveClock } from "./check.ts";
import type { CollectorSettings } from "./config.ts";
import { type CollectorCounters, createTally } from "./counters.ts";
import type { Rejection } from "./decoders/decoder.ts";
import { createDialects } from "./decoders/dialects.ts";
import type { Mapping } from "./decoders/mapping.ts";
import { createFastLane } from "./fast.ts";
import { ownerTest } from "./filters.ts";
import { createRecorder } from "./record.ts";
import { parseShard } from "./shard.ts";
import { createWriter } from "./writer.ts";

//   broker                                                                         store
//     │ accept(message)                                                              ▲
//     ▼                                                                              │
//   fast lane ────────┐
//     │ (the rest)      ▼
//   decode ──▶ check ──▶ columns ──▶ batch (count, bytes, age) ──▶ writer ≤ N ──▶ Readings.writeColumns
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

/** Takes messages in; disposing of it drains what was accepted. */
export interface Collector extends AsyncDisposable {
  /**
   * Resolves when every reading of the message is durable and what was rejected of it is recorded: the moment to
   * acknowledge. While the store is away it waits. Rejects with `StoreUnavailableError` only when the collector is
   * disposed of before the store took the message: do not acknowledge, the sensor will send it again.
   */
  accept(message: InboundMessage): Promise<void>;
  counters(): CollectorCounters;
}

/** A message in a group: `rows` of the group's columns are its own. */
interface Parcel {
  readonly message: InboundMessage;
  readonly rows: number;
  /** Of the monotone clock. */
  readonly began: number;
}

/** What one commit stores; all its messages are acknowledged together. */
interface Group {
  readonly parcels: readonly Parcel[];
  readonly columns: ReadingColumns;
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

  const book = createNameBook();
  const columns = createLendingBuilder(book);
  const fast = createFastLane({ book, columns, clock: receiveClock, aheadMs: settings.COLLECTOR_AHEAD_MS });

  const writer = createWriter<Group>({
    inFlight: settings.COLLECTOR_IN_FLIGHT,
    clock,
    write: (group) => store(group),
    settle: (group, error) => settle(group, error),
    onAway,
    onBack,
    onReady: () => {
      if (due) flush();
    },
  });
  const batch = createBatch<Parcel>({
    readings: settings.COLLECTOR_BATCH_READINGS,
    bytes: batchBytes,
    ageMs: settings.COLLECTOR_BATCH_AGE_MS,
  });
  let open = newGroup();
  // The open group is old enough, but waits and grows while as many commits as allowed are under way.
  let due = false;
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

  const send = (parcels: readonly Parcel[]): void => {
    if (timer !== null) clearTimeout(timer);
    timer = null;
    due = false;
    if (parcels.length === 0) return;
    const done = open;
    open = newGroup();
    writer.add({ parcels, columns: columns.take(), done });
  };

  const flush = (): void => send(batch.take());

  const ripe = (): void => {
    timer = null;
    if (writer.ready()) flush();
    else due = true;
  };

  /** The newest `rows` of the columns are the message's; resolves when they are durable. */
  const keep = (message: InboundMessage, rows: number, began: number): Promise<void> => {
    const { promise } = open;
    const full = batch.add({ message, rows, began }, rows, message.payload.byteLength, began);
    if (full !== null) send(full);
    else if (timer === null && !due) timer = setTimeout(ripe, settings.COLLECTOR_BATCH_AGE_MS);
    return promise;
  };

  const settle = ({ parcels, done, columns: taken }: Group, error: StoreUnavailableError | null): void => {
    if (error === null) done.resolve();
    else done.reject(error);
    columns.giveBack(taken);
    const at = clock();
    for (const { began } of parcels) if (error === null) tally.acknowledged(began, at);
    tally.sums.waiting -= parcels.length;
  };

  const store = async (group: Group): Promise<void> => {
    const refused = await writeColumns(group.columns);
    if (refused.length === 0) return;
    const owner = new Map<string, InboundMessage>();
    const flat = readingsOf(group.columns);
    let row = 0;
    for (const { message, rows } of group.parcels) {
      for (const reading of flat.slice(row, row + rows)) owner.set(nameOf(reading), message);
      row += rows;
    }
    const letters: Promise<void>[] = [];
    for (const { reading, reason } of refused) {
      const message = owner.get(nameOf(reading)) ?? group.parcels[0]?.message;
      if (message === undefined) continue;
      letters.push(...recorder.record(message, [{ code: "COLLECTOR_STORE_REFUSED", reason, site: reading.site }]));
    }
    await Promise.all(letters);
  };

  const count = (result: WriteResult, rows: number): readonly Refused[] => {
    tally.sums.values += result.accepted;
    tally.sums.duplicates += result.duplicates;
    tally.sums.corrections += result.corrections;
    tally.sums.readings += rows - result.rejected.length;
    return result.rejected.map(({ reading, code, reason }) => ({ reading, reason: `${code}: ${reason}` }));
  };

  const writeColumns = async (batched: ReadingColumns): Promise<readonly Refused[]> => {
    if (readings.writeColumns === undefined) return writeAll(readingsOf(batched));
    try {
      return count(await readings.writeColumns(batched), batched.ts.length);
    } catch (error) {
      if (!(error instanceof StoreRefusedError)) throw error;
      return writeAll(readingsOf(batched));
    }
  };

  /** Writes all that the store will take; a group refused whole is halved until the poison stands alone. */
  const writeAll = async (flat: readonly Reading[]): Promise<readonly Refused[]> => {
    try {
      return count(await readings.write(flat), flat.length);
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

  /** The long way: any dialect, any number of readings, good and bad. */
  const acceptAny = async (message: InboundMessage, began: number): Promise<void> => {
    let kept = false;
    try {
      const { good, rejected } = sorted(message);
      if (good.length === 0 && rejected.length === 0) tally.sums.withoutReadings += 1;
      const parts = [...recorder.record(message, rejected)];
      if (good.length > 0) {
        for (const reading of good) columns.addReading(reading);
        kept = true;
        parts.push(keep(message, good.length, began));
      }
      await allOf(parts);
      if (!kept) tally.acknowledged(began, clock());
    } finally {
      // what is in a group is counted when the group settles
      if (!kept) tally.sums.waiting -= 1;
    }
  };

  return {
    accept(message) {
      if (closing !== null) {
        return Promise.reject(new StoreUnavailableError("the collector is stopping", { retryAfterMs: 1000 }));
      }
      const began = clock();
      tally.sums.messages += 1;
      tally.sums.waiting += 1;
      return fast.take(message) ? keep(message, 1, began) : acceptAny(message, began);
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

interface Refused {
  readonly reading: Reading;
  readonly reason: string;
}

const nameOf = ({ site, device, ts }: Reading): string => `${site}/${device}/${ts}`;

const newGroup = (): PromiseWithResolvers<void> => {
  const done = Promise.withResolvers<void>();
  // every message that waits for it hears of a failure; this is for a group that nobody waits for any more
  done.promise.catch(() => undefined);
  return done;
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
