import { setTimeout as delay } from "node:timers/promises";
import { HttpError } from "@influxdata/influxdb-client";
import type { Json, Ledger, LedgerChange } from "../ledger.ts";
import type { Reading } from "../reading.ts";
import type { Waiter } from "../waiter.ts";
import type { Refusal } from "./send.ts";
import { prepare, sendLines } from "./send.ts";
import { explain, type InfluxServer } from "./server.ts";
import type { Stored } from "./stored.ts";
import type { FoundRecord } from "./view.ts";

// spool ─▶ 5,000 records ─▶ undecided? ask ─▶ lines ─▶ /write ─▶ 204: cursor goes on
//                                                       │ 400 413: halve, refused lines ─▶ dead letters
//                                                       └ else: wait longer each time, send the same again

export interface SenderParts {
  readonly server: InfluxServer;
  readonly stored: Stored;
  readonly ledger: Ledger;
  /** Woken by commits. */
  readonly waiter: Waiter;
  readonly random: () => number;
  readonly backOff: { readonly firstMs: number; readonly mostMs: number };
  readonly onError: (error: unknown, code: "STORE_UNREACHABLE" | "STORE_LINE_REFUSED" | "STORE_CORRUPT") => void;
  readonly take: (limit: number) => Promise<{ readonly records: readonly FoundRecord[]; readonly next: number }>;
  readonly sent: (seq: number) => Promise<void>;
  readonly known: (readings: readonly Reading[]) => Promise<void>;
  /** Called after each connection, before anything is sent. */
  readonly connected: () => Promise<void>;
}

export interface Sender {
  /** Resolves when the loop has ended. */
  stop(): Promise<void>;
}

const batchLines = 5000; // InfluxDB's own advice for 1.x
const idlePollMs = 60_000;

export const startSender = (parts: SenderParts): Sender => {
  const { server, waiter, backOff } = parts;
  const ended = new AbortController();
  let connected = false;
  let failures = 0;

  const sendSome = async (): Promise<boolean> => {
    if (!connected) {
      await server.connect();
      await parts.connected();
      connected = true;
    }
    const { records, next } = await parts.take(batchLines);
    if (records.length > 0) {
      const { lines, known } = await prepare(
        parts.stored,
        records.map(({ record }) => record),
      );
      const refusals = await sendLines(server, lines);
      if (refusals.length > 0) await bury(parts, refusals);
      await parts.sent(next);
      if (known.length > 0) await parts.known(known);
    } else {
      await parts.sent(next);
    }
    failures = 0;
    return records.length > 0;
  };

  const waitMs = (error: unknown): number => {
    const asked = error instanceof HttpError ? error.retryAfter() * 1000 : 0;
    const most = Math.min(backOff.mostMs, backOff.firstMs * 2 ** Math.min(failures, 20));
    // Half of it at random, so that many shards do not come back at once.
    return Math.max(Math.min(asked, 300_000), most * (0.5 + parts.random() / 2));
  };

  const run = async (): Promise<void> => {
    while (!ended.signal.aborted) {
      const generation = waiter.generation();
      try {
        if (await sendSome()) continue;
        await waiter.wait(generation, idlePollMs, ended.signal);
      } catch (error) {
        if (ended.signal.aborted) return;
        connected = false;
        if (failures === 0) parts.onError(error, "STORE_UNREACHABLE");
        const ms = waitMs(error);
        failures++;
        await delay(ms, undefined, { signal: ended.signal }).catch(() => undefined);
      }
    }
  };
  const loop = run();

  return {
    stop: async () => {
      ended.abort();
      await loop;
    },
  };
};

/** Refused lines become dead letters; the same line refused again is the same row. */
const bury = async (parts: SenderParts, refusals: readonly Refusal[]): Promise<void> => {
  const changes = refusals.map(({ line, reason }): LedgerChange => {
    const { site, device, received } = line.reading;
    const body: Json = {
      topic: `dc/${site}/${device}/telemetry`,
      code: "STORE_LINE_REFUSED",
      reason,
      payload: line.text.slice(0, 1024),
      bytes: Buffer.byteLength(line.text),
      user: "",
      received,
    };
    const names = Object.keys(line.reading.quantities).join(",");
    const key = `store/${site}/${device}/${line.reading.ts}/${received}/${names}`.slice(0, 500);
    return { op: "put", kind: "dead-letter", key, site, ts: received, body };
  });
  await parts.ledger.commit(changes);
  const [first] = refusals;
  parts.onError(
    new Error(`InfluxDB refused ${refusals.length} lines, now dead letters; first: ${explain(first?.reason)}`),
    "STORE_LINE_REFUSED",
  );
};
