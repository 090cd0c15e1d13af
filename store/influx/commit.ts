import { refusal } from "../check.ts";
import { mergeReading } from "../merge.ts";
import type { Reading } from "../reading.ts";
import type { WriteResult } from "../readings.ts";
import type { Catalog } from "./catalog.ts";
import { maxPayloadBytes } from "./frame.ts";
import type { Recent, RecentReading } from "./recent.ts";
import { type Note, packNote, packRecords, readingKey, type SpoolRecord } from "./record.ts";
import type { Head } from "./segment.ts";
import type { NewFrame, Spool } from "./spool.ts";

// write ─┐                    ┌─ strictly newer of its device: new ──────────────┐
// write ─┼─▶ group ─▶ each ───┼─ in the recent readings: merge ──────────────────┼─▶ one append, one sync ─▶ all resolve
// write ─┘                    ├─ else ask the server: merge or new ──────────────┤
//                             └─ server silent: undecided, the sender asks later ┘

export interface CommitterParts {
  readonly spool: Spool;
  readonly catalog: Catalog;
  readonly recent: Recent;
  /** What the server holds of these, or null when it cannot be asked now. */
  readonly lookUp: (readings: readonly Reading[]) => Promise<ReadonlyMap<string, Reading> | null>;
  readonly committed: (head: Head) => void;
}

/** Group commit in front of the spool: one group is decided, appended and synced while the next one gathers. */
export interface Committer {
  write(batch: readonly Reading[]): Promise<WriteResult>;
  note(note: Note): Promise<void>;
  /** Resolves when everything handed in so far has its answer. */
  idle(): Promise<void>;
}

interface Job {
  readonly batch: readonly Reading[];
  readonly note: Note | null;
  readonly done: (result: WriteResult) => void;
  readonly failed: (error: unknown) => void;
}

type Counts = { -readonly [Key in keyof WriteResult]: WriteResult[Key] };

const groupReadings = 20_000; // some 4 MB a sync: longer groups gain nothing
const frameReadings = 512; // what one damaged frame takes with it

export const createCommitter = ({ spool, catalog, recent, lookUp, committed }: CommitterParts): Committer => {
  const queue: Job[] = [];
  let running: Promise<void> | null = null;

  const takeGroup = (): Job[] => {
    let [count, readings] = [0, 0];
    while (count < queue.length && (count === 0 || readings < groupReadings))
      readings += queue[count++]?.batch.length ?? 0;
    return queue.splice(0, count);
  };

  const isNew = (reading: Reading): boolean => {
    if (!catalog.complete()) return false;
    const device = catalog.find(reading.site, reading.device);
    return device === undefined || reading.ts > device.last;
  };

  const commitGroup = async (jobs: readonly Job[]): Promise<(() => void)[]> => {
    const valid = jobs.map(({ batch }) => batch.map((reading) => ({ reading, reason: refusal(reading) })));
    const unknown = new Map<string, Reading>();
    for (const { reading, reason } of valid.flat())
      if (reason === null && !isNew(reading) && recent.find(readingKey(reading)) === undefined)
        unknown.set(readingKey(reading), reading);
    // Readings that are neither sent nor remembered could be older than what the server says.
    const conclusive = recent.floor() <= spool.sentSeq();
    const stored = unknown.size > 0 && conclusive ? await lookUp([...unknown.values()]) : null;

    const staged = new Map<string, RecentReading>();
    const records: SpoolRecord[] = [];
    const first = spool.head().seq;
    const decide = (message: Reading, counts: Counts): void => {
      const key = readingKey(message);
      const known = staged.get(key) ?? recent.find(key);
      const base = known?.reading ?? stored?.get(key);
      const undecided = known?.undecided ?? (unknown.has(key) && stored === null);
      const merge = mergeReading(base, message);
      counts.accepted += merge.accepted;
      counts.duplicates += merge.duplicates;
      counts.corrections += merge.corrected.length;
      if (merge.merged === null) return;
      records.push({ reading: merge.merged, corrected: merge.corrected, first: base === undefined, undecided });
      staged.set(key, { reading: merge.merged, undecided, seq: first + records.length - 1 });
    };
    const results = valid.map((batch) => {
      const counts: Counts = { accepted: 0, duplicates: 0, corrections: 0, rejected: [] };
      const rejected: WriteResult["rejected"][number][] = [];
      for (const { reading, reason } of batch)
        if (reason === null) decide(reading, counts);
        else rejected.push({ reading, code: "STORE_LINE_REFUSED", reason });
      return { ...counts, rejected };
    });

    const frames: NewFrame[] = [];
    for (let at = 0; at < records.length; at += frameReadings)
      frames.push(...framesOf(records.slice(at, at + frameReadings)));
    const notes = jobs.flatMap(({ note }) => note ?? []);
    for (const note of notes)
      frames.push({
        count: 0,
        minTs: Number.POSITIVE_INFINITY,
        maxTs: Number.NEGATIVE_INFINITY,
        payload: packNote(note),
      });
    if (frames.length > 0) {
      const head = await spool.append(frames);
      for (const [index, record] of records.entries()) catalog.apply(record, first + index);
      for (const note of notes) catalog.note(note, head.seq);
      for (const entry of staged.values()) recent.put(entry);
      committed(head);
    }
    return jobs.map((job, index) => () => {
      const result = results[index];
      if (result !== undefined) job.done(result);
    });
  };

  const run = async (): Promise<void> => {
    while (queue.length > 0) {
      const jobs = takeGroup();
      try {
        for (const answer of await commitGroup(jobs)) answer();
      } catch (error) {
        for (const job of jobs) job.failed(error);
      }
    }
    running = null;
  };

  const hand = (batch: readonly Reading[], note: Note | null): Promise<WriteResult> =>
    new Promise((done, failed) => {
      queue.push({ batch, note, done, failed });
      running ??= run();
    });

  return {
    write: (batch) => hand(batch, null),
    note: async (note) => {
      await hand([], note);
    },
    idle: async () => {
      while (running !== null) await running;
    },
  };
};

const framesOf = (records: readonly SpoolRecord[]): NewFrame[] => {
  const payload = packRecords(records);
  if (payload.length * 3 > maxPayloadBytes && records.length > 1) {
    const half = records.length >>> 1;
    return [...framesOf(records.slice(0, half)), ...framesOf(records.slice(half))];
  }
  let [minTs, maxTs] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const { reading } of records) {
    if (reading.ts < minTs) minTs = reading.ts;
    if (reading.ts > maxTs) maxTs = reading.ts;
  }
  return [{ count: records.length, minTs, maxTs, payload }];
};
