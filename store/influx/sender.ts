import { setTimeout as delay, setImmediate as turn } from "node:timers/promises";
import type { Ledger } from "../ledger.ts";
import type { Reading } from "../reading.ts";
import type { Waiter } from "../waiter.ts";
import { type BackOff, waitAfter } from "./back-off.ts";
import { createLanes, type Lanes, laneCount } from "./lanes.ts";
import { buryLines } from "./letters.ts";
import { deviceKey } from "./record.ts";
import { type Line, prepare, sendLines } from "./send.ts";
import { explain, type InfluxServer, TooSlowError } from "./server.ts";
import type { Stored } from "./stored.ts";
import type { FoundRecord } from "./view.ts";

// spool ─▶ window of 20,000 records ─▶ undecided? ask ─▶ lines ─▶ four lanes ─▶ /write ─▶ 204: cursor goes on
//                                                                  │ 400 413: halve, refused lines ─▶ dead letters
//                                                                  └ else: wait longer each time, again from the cursor

export interface SenderParts {
  readonly server: InfluxServer;
  readonly stored: Stored;
  readonly ledger: Pick<Ledger, "commit">;
  /** Woken by commits. */
  readonly waiter: Waiter;
  readonly now: () => number;
  readonly random: () => number;
  readonly backOff: BackOff;
  readonly onError: (error: unknown, code: "STORE_UNREACHABLE" | "STORE_LINE_REFUSED" | "STORE_CORRUPT") => void;
  readonly take: (
    from: number,
    limit: number,
  ) => Promise<{ readonly records: readonly FoundRecord[]; readonly next: number }>;
  /** Number of the first reading not yet confirmed. */
  readonly sentSeq: () => number;
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
const leastLines = 100; // to a server that is too slow for more
const windowRecords = batchLines * laneCount;
// One window is under way, one is ready, one is made ready; more would only be memory.
const openWindows = 3;
const linesPerTurn = 5000;
const idlePollMs = 60_000;

/** Sends the spool from its cursor on, for ever. A device's lines arrive in the order of their commits. */
export const startSender = (parts: SenderParts): Sender => {
  const { server, waiter } = parts;
  const ended = new AbortController();
  let failures = 0;
  let largest = batchLines;
  // Lines that the server answers in time: halved when it does not, doubled while it does.
  let bearable = batchLines;
  const laneOf = createLaneFinder();

  const send = async (lines: readonly Line[]) => {
    // Four requests begun in one turn would hold the thread that acknowledges.
    await turn();
    return sendLines(server, lines, (refused) => {
      // What one limit on the way refuses it will refuse again.
      largest = Math.max(1, Math.min(largest, Math.ceil(refused / 2)));
    });
  };

  const feed = async (lanes: Lanes<Line>, knownOf: Map<number, readonly Reading[]>): Promise<void> => {
    const over = AbortSignal.any([ended.signal, lanes.broken]);
    let cursor = parts.sentSeq();
    // A small window goes as one request, so it is alone: whichever lane its devices have next may not overtake it.
    let alone = false;
    while (!over.aborted) {
      const generation = waiter.generation();
      cursor = Math.max(cursor, parts.sentSeq());
      const { records, next } = await parts.take(cursor, windowRecords);
      if (records.length === 0 && next <= cursor) {
        await waiter.wait(generation, idlePollMs, over);
        continue;
      }
      const isSmall = records.length <= batchLines;
      if (alone || isSmall || records.some(({ record }) => record.undecided || record.corrected.length > 0))
        await lanes.below(1);
      if (over.aborted) break;
      alone = isSmall;
      const { lines, known } = await prepare(
        parts.stored,
        records.map(({ record }) => record),
      );
      knownOf.set(next, known);
      const most = Math.min(largest, bearable);
      lanes.add(next, isSmall ? [inRequests(lines, most)] : await inLanes(lines, most, laneOf));
      cursor = next;
      await lanes.below(openWindows);
    }
  };

  /** From connection to failure. */
  const session = async (): Promise<void> => {
    await server.connect();
    await parts.connected();
    const knownOf = new Map<number, readonly Reading[]>();
    const lanes = createLanes<Line>({
      ended: ended.signal,
      send,
      done: async ({ next, refusals }) => {
        if (refusals.length > 0) {
          await buryLines(parts.ledger, refusals);
          parts.onError(
            new Error(
              `InfluxDB refused ${refusals.length} lines, now dead letters; first: ${explain(refusals[0]?.reason)}`,
            ),
            "STORE_LINE_REFUSED",
          );
        }
        await parts.sent(next);
        const known = knownOf.get(next) ?? [];
        knownOf.delete(next);
        if (known.length > 0) await parts.known(known);
        failures = 0;
        bearable = Math.min(batchLines, bearable * 2);
      },
    });
    try {
      await feed(lanes, knownOf);
    } finally {
      // Nothing of this session may arrive after what the next one sends.
      await lanes.end();
    }
  };

  const run = async (): Promise<void> => {
    while (!ended.signal.aborted) {
      try {
        await session();
      } catch (error) {
        if (ended.signal.aborted) return;
        if (failures === 0) parts.onError(error, "STORE_UNREACHABLE");
        if (error instanceof TooSlowError) bearable = Math.max(leastLines, Math.ceil(bearable / 2));
        const ms = waitAfter(error, { failures, random: parts.random(), now: parts.now() }, parts.backOff);
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

const inRequests = (lines: readonly Line[], largest: number): Line[][] => {
  const requests: Line[][] = [];
  for (let at = 0; at < lines.length; at += largest) requests.push(lines.slice(at, at + largest));
  return requests;
};

const inLanes = async (lines: readonly Line[], largest: number, laneOf: LaneFinder): Promise<Line[][][]> => {
  const lanes = Array.from({ length: laneCount }, (): Line[] => []);
  for (const [index, line] of lines.entries()) {
    if (index % linesPerTurn === linesPerTurn - 1) await turn();
    lanes[laneOf(line.reading.site, line.reading.device)]?.push(line);
  }
  return lanes.map((lane) => inRequests(lane, largest));
};

type LaneFinder = (site: string, device: string) => number;

const createLaneFinder = (): LaneFinder => {
  const lanes = new Map<string, number>();
  return (site, device) => {
    const key = deviceKey(site, device);
    const known = lanes.get(key);
    if (known !== undefined) return known;
    const lane = hash(key) % laneCount;
    lanes.set(key, lane);
    return lane;
  };
};

/** FNV-1a with a last mix: the low bits of short names must differ. */
const hash = (text: string): number => {
  let state = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) state = Math.imul(state ^ text.charCodeAt(index), 0x01000193);
  state = Math.imul(state ^ (state >>> 15), 0x2c1b3c6d);
  return (state ^ (state >>> 12)) >>> 0;
};
