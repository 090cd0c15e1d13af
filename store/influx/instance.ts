import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import { BroadcastChannel } from "node:worker_threads";
import type { StoreSettings } from "../config.ts";
import { expiredCursor, formatCursor, parseCount, parseCursor } from "../cursor.ts";
import { type StoreCode, StoreRefusedError } from "../errors.ts";
import type { Ledger } from "../ledger.ts";
import type { Reading } from "../reading.ts";
import type { FollowPage, FollowQuery, Readings } from "../readings.ts";
import { createWaiter, followWith, type Waiter } from "../waiter.ts";
import type { BackOff } from "./back-off.ts";
import { type CatalogDevice, isPruned, latestOf, seenOf } from "./catalog.ts";
import { maxPage } from "./pages.ts";
import type { Reads } from "./reads.ts";
import { type Damage, type Head, listSegments, segmentPath } from "./segment.ts";
import type { InfluxServer } from "./server.ts";
import { alarmPart, fillingReason, type SpoolDisk } from "./spool.ts";
import type { SpoolView } from "./view.ts";

export interface InfluxDeps {
  /** The collector's instance writes, sends and rolls up; all others only read the spool's files and the server. */
  readonly role: "writer" | "reader";
  readonly onError: (error: unknown, at: { readonly stage: "store"; readonly code: StoreCode }) => void;
  /** Takes the dead letters: lines that the server refuses. */
  readonly ledger: Pick<Ledger, "commit">;
  readonly backOff?: BackOff;
}

export interface HereDeps extends InfluxDeps {
  readonly now?: () => number;
  readonly random?: () => number;
  readonly disk?: SpoolDisk;
}

export interface AnswerParts {
  readonly view: SpoolView;
  readonly reads: Reads;
  readonly head: () => Promise<Head | null>;
  readonly sentSeq: () => Promise<number>;
  readonly full: () => boolean;
  /** Readings given up for room since this instance was opened. */
  readonly dropped: () => number;
}

/** What writer and reader have in common. */
export interface Instance {
  readonly dir: string;
  readonly server: InfluxServer;
  readonly gapMs: number;
  readonly quotaBytes: number;
  readonly policy: StoreSettings["STORE_SPOOL_POLICY"];
  readonly waiter: Waiter;
  readonly onError: (error: unknown, code: StoreCode) => void;
  readonly onDamage: (damage: Damage) => void;
  /** Tells followers here and in other threads. */
  announce(): void;
  answers(parts: AnswerParts): Omit<Readings, "write" | "prune" | typeof Symbol.asyncDispose>;
  close(): Promise<void>;
}

export const pollMs = 500; // followers in another process hear no announcement

/** Where commits are announced to the other threads that have the spool open. */
export const spoolChannel = (dir: string): string => `wattlas-spool:${dir}`;

export const createInstance = ({
  dir,
  server,
  gapMs,
  quotaBytes,
  policy,
  onError,
}: Pick<Instance, "dir" | "server" | "gapMs" | "quotaBytes" | "policy" | "onError">): Instance => {
  const waiter = createWaiter();
  const channel = new BroadcastChannel(spoolChannel(resolve(dir)));
  channel.onmessage = () => waiter.wake();
  channel.unref();
  const reported = new Set<string>();
  const once = (key: string, error: Error, code: StoreCode): void => {
    if (reported.has(key)) return;
    reported.add(key);
    onError(error, code);
  };

  const onDamage = ({ path, from, to }: Damage): void => {
    const message = `spool segment "${path}" is damaged from byte ${from} to ${to}; the rest goes on`;
    once(`${path}:${from}`, new StoreRefusedError(message, { code: "STORE_CORRUPT" }), "STORE_CORRUPT");
  };

  const look = async (view: SpoolView, cursor: string | null, query: FollowQuery): Promise<FollowPage> => {
    const limit = Math.max(1, Math.min(query.limit, maxPage));
    let from = cursor === null ? 0 : placeOf(cursor);
    const pruned = (await view.catalog()).pruned();
    const readings: Reading[] = [];
    for (;;) {
      const { records, next, oldest, head } = await view.records(from, limit - readings.length);
      if (head > 0 && (from < oldest || from > head)) {
        if (from > 0) once(`cursor ${from}`, expired(from, oldest), "STORE_CURSOR_EXPIRED");
        from = oldest;
        if (oldest < head) continue;
      }
      for (const { record, after } of records)
        if ((query.sites?.includes(record.reading.site) ?? true) && !isPruned(record.reading.ts, after - 1, pruned))
          readings.push(record.reading);
      const ended = next <= from;
      from = Math.max(from, next);
      if (ended || readings.length >= limit || from >= head || query.signal?.aborted)
        return { readings, cursor: formatCursor([cursorKind, from]) };
    }
  };

  /** Of all segments, and of those with readings that the server has not taken. */
  const bytesOf = async (sentSeq: number, headSeq: number): Promise<{ all: number; pending: number }> => {
    const bases = await listSegments(dir);
    const sizes = await Promise.all(bases.map((base) => stat(segmentPath(dir, base)).catch(() => null)));
    let [all, pending] = [0, 0];
    for (const [index, found] of sizes.entries()) {
      all += found?.size ?? 0;
      if ((bases[index + 1] ?? headSeq) > sentSeq) pending += found?.size ?? 0;
    }
    return { all, pending };
  };

  return {
    dir,
    server,
    gapMs,
    quotaBytes,
    policy,
    waiter,
    onError,
    onDamage,
    announce: () => {
      waiter.wake();
      channel.postMessage(null);
    },
    answers: ({ view, reads, head, sentSeq, full, dropped }) => ({
      read: (query) => reads.read(query),
      corrections: (query) => reads.corrections(query),
      series: (query) => reads.series(query),
      latest: async ({ site, devices }) =>
        sorted((await view.catalog()).all())
          .filter((device) => device.site === site && (devices?.includes(device.device) ?? true))
          .map(latestOf),
      devices: async (site) =>
        sorted((await view.catalog()).all())
          .filter((device) => site === undefined || device.site === site)
          .map(seenOf),
      follow: (query) =>
        followWith(query, {
          waiter,
          look: (cursor) => look(view, cursor, query),
          isEmpty: (page) => page.readings.length === 0,
          pollMs,
        }),
      head: async () => formatCursor([cursorKind, (await head())?.seq ?? 0]),
      health: async () => {
        if (server.trouble() !== "" && server.worthAsking()) await server.ping().catch(() => undefined);
        const trouble = server.trouble();
        const isFull = full();
        const [headSeq, sent] = [(await head())?.seq ?? 0, await sentSeq()];
        const bytes = await bytesOf(sent, headSeq);
        const filled = bytes.pending / quotaBytes;
        const isFilling = filled >= alarmPart;
        const sentences = [
          isFull ? "the spool has no room: nothing is acknowledged" : "",
          isFilling && !isFull ? `the spool ${fillingReason(filled, policy)}` : "",
          dropped() > 0 ? `${dropped()} readings were given up since the start because the spool was full` : "",
          trouble && !isFull ? `InfluxDB: ${trouble}` : "",
        ];
        return {
          adapter: "influx",
          state: isFull ? "full" : isFilling || dropped() > 0 ? "degraded" : trouble ? "unreachable" : "ok",
          reason: sentences.filter((sentence) => sentence !== "").join("; "),
          version: server.version(),
          pendingReadings: Math.max(0, headSeq - sent),
          bytes: bytes.all,
        };
      },
    }),
    close: async () => {
      waiter.close();
      channel.close();
      server.close();
    },
  };
};

const cursorKind = "spool";
const placeOf = (cursor: string): number => {
  const [kind, seq] = parseCursor(cursor, 2);
  if (kind !== cursorKind) throw expiredCursor(cursor);
  return parseCount(seq, cursor);
};

const expired = (from: number, oldest: number): StoreRefusedError =>
  new StoreRefusedError(`a follower stood at reading ${from}, the spool begins at ${oldest}: it goes on there`, {
    code: "STORE_CURSOR_EXPIRED",
  });

const sorted = (devices: Iterable<CatalogDevice>): CatalogDevice[] =>
  [...devices].sort((a, b) => compare(a.site, b.site) || compare(a.device, b.device));
const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
