import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import { mergeReading } from "../merge.ts";
import type { Reading } from "../reading.ts";
import type { Correction } from "../readings.ts";
import { type Catalog, type CatalogSnapshot, createCatalog, isPruned } from "./catalog.ts";
import type { Frame } from "./frame.ts";
import { readingKey, type SpoolRecord, unpackNote, unpackRecords } from "./record.ts";
import { type Damage, type Head, listSegments, type Place, scanSegment, scanSpool } from "./segment.ts";

/** Where the spool stands: from its files for a reader, from memory for the writer. */
export interface SpoolState {
  head(): Promise<Head | null>;
  sentSeq(): Promise<number>;
}

export interface SpoolFilter {
  readonly site: string;
  readonly device?: string;
  readonly from: number;
  readonly to: number;
}

export interface SpoolPart {
  readonly readings: ReadonlyMap<string, Reading>;
  readonly corrections: readonly Correction[];
}

export interface FoundRecord {
  readonly record: SpoolRecord;
  /** Number of the reading after it. */
  readonly after: number;
}

/** The reading side of the spool, for any thread: devices, what is not sent yet, and the records in commit order. */
export interface SpoolView {
  /** The devices as of the durable end. */
  catalog(): Promise<Catalog>;
  /** The caller has applied everything up to `head` to the catalogue itself. */
  moved(head: Head): void;
  /** Records in the range: all that the spool holds, or those from reading `since` on. */
  part(filter: SpoolFilter, since: number | "all"): Promise<SpoolPart>;
  /** At most about `limit` records from reading `from` on. `oldest` is where the spool begins now. */
  records(from: number, limit: number): Promise<{ records: FoundRecord[]; next: number; oldest: number; head: number }>;
}

interface Chunk {
  readonly offset: number;
  end: number;
  endSeq: number;
  minTs: number;
  maxTs: number;
}

export const catalogPath = (dir: string): string => join(dir, "catalog.json");

export const readCatalog = async (dir: string): Promise<CatalogSnapshot | null> => {
  const text = await readFile(catalogPath(dir), "utf8").catch(() => null);
  if (text === null) return null;
  try {
    return JSON.parse(text) as CatalogSnapshot;
  } catch {
    return null; // it is derived: the spool and the server give it again
  }
};

const chunkBytes = 64 * 1024; // what a range query reads and decodes at least
const recordsPerTurn = 512; // what is unpacked before the thread may do something else
const rememberedFrames = 32; // the catalogue and a follower want the same ones, one after the other
const rememberedPlaces = 64; // followers of one instance, with room

export const createView = (
  dir: string,
  gapMs: number,
  state: SpoolState,
  onDamage: (damage: Damage) => void,
): SpoolView => {
  let catalog = createCatalog(gapMs);
  let caughtUp = -1; // the catalogue holds everything before this reading
  let place: Place | null = null;
  let work: Promise<unknown> = Promise.resolve();
  const indexes = new Map<number, { scanned: number; chunks: Chunk[] }>();
  const places = new Map<number, Place>();

  const unpacked = new Map<number, SpoolRecord[]>();
  const recordsOf = (frame: Frame): SpoolRecord[] => {
    const known = unpacked.get(frame.seq);
    if (known !== undefined) return known;
    const records = unpackRecords(frame.payload);
    unpacked.set(frame.seq, records);
    const [oldest] = unpacked.keys();
    if (unpacked.size > rememberedFrames && oldest !== undefined) unpacked.delete(oldest);
    return records;
  };

  const load = async (): Promise<void> => {
    const snapshot = await readCatalog(dir);
    catalog = createCatalog(gapMs);
    if (snapshot !== null) catalog.restore(snapshot);
    caughtUp = snapshot?.seq ?? 0;
    place = snapshot?.place ?? null;
  };

  const catchUp = async (): Promise<void> => {
    const head = await state.head();
    if (head === null) return;
    const [oldest] = await listSegments(dir);
    if (caughtUp < 0 || (oldest !== undefined && place !== null && place.base < oldest)) await load();
    if (oldest !== undefined && place !== null && place.base < oldest) place = null;
    if (head.base === place?.base && head.size === place.offset) return;
    let reload = false;
    for await (const { frame, end } of scanSpool(dir, caughtUp, head, place, onDamage)) {
      if (frame.count === 0) {
        const note = unpackNote(frame.payload);
        if (note.note === "catalog" && !catalog.complete()) reload = true;
        catalog.note(note, frame.seq);
      } else {
        for (const [index, record] of recordsOf(frame).entries())
          if (frame.seq + index >= caughtUp) catalog.apply(record, frame.seq + index);
        caughtUp = frame.seq + frame.count;
      }
      place = end;
    }
    if (!reload || !(await readCatalog(dir))?.complete) return;
    await load();
    await catchUp();
  };

  /** One after the other: two at once would count a record twice. */
  const alone = <Result>(job: () => Promise<Result>): Promise<Result> => {
    const turn = work.then(job, job);
    work = turn.catch(() => undefined);
    return turn;
  };

  const chunksOf = async (base: number, head: Head): Promise<readonly Chunk[]> => {
    const index = indexes.get(base) ?? { scanned: 0, chunks: [] };
    indexes.set(base, index);
    const limit = base === head.base ? head.size : null;
    if (limit !== null && limit <= index.scanned) return index.chunks;
    for await (const { frame, at, end } of scanSegment(dir, base, index.scanned, limit, onDamage)) {
      index.scanned = end.offset;
      if (frame.count === 0) continue;
      const last = index.chunks.at(-1);
      if (last !== undefined && end.offset - last.offset <= chunkBytes) {
        last.end = end.offset;
        last.endSeq = frame.seq + frame.count;
        last.minTs = Math.min(last.minTs, frame.minTs);
        last.maxTs = Math.max(last.maxTs, frame.maxTs);
      } else {
        const { minTs, maxTs } = frame;
        index.chunks.push({ offset: at.offset, end: end.offset, endSeq: frame.seq + frame.count, minTs, maxTs });
      }
    }
    return index.chunks;
  };

  const part = async (filter: SpoolFilter, since: number | "all"): Promise<SpoolPart> => {
    const readings = new Map<string, Reading>();
    const corrections: Correction[] = [];
    const head = await state.head();
    if (head === null) return { readings, corrections };
    const bases = (await listSegments(dir)).filter((base) => base <= head.base);
    await catchUp();
    const pruned = catalog.pruned();
    const take = ({ reading, corrected }: SpoolRecord, seq: number): void => {
      const { site, device, ts, received } = reading;
      if (site !== filter.site || (filter.device !== undefined && device !== filter.device)) return;
      if (ts < filter.from || ts >= filter.to || isPruned(ts, seq, pruned)) return;
      const key = readingKey(reading);
      const merged = mergeReading(readings.get(key), reading).merged;
      if (merged !== null) readings.set(key, merged);
      for (const { quantity, was } of corrected)
        corrections.push({ site, device, ts, quantity, was, replaced: received });
    };
    for (const [index, base] of bases.entries()) {
      const next = bases[index + 1];
      if (since !== "all" && next !== undefined && next <= since) continue;
      for (const chunk of await chunksOf(base, head)) {
        if (chunk.minTs >= filter.to || chunk.maxTs < filter.from) continue;
        if (since !== "all" && chunk.endSeq <= since) continue;
        for await (const { frame } of scanSegment(dir, base, chunk.offset, chunk.end, onDamage)) {
          if (frame.count === 0 || frame.minTs >= filter.to || frame.maxTs < filter.from) continue;
          for (const [place, record] of unpackRecords(frame.payload).entries())
            if (since === "all" || frame.seq + place >= since) take(record, frame.seq + place);
        }
      }
    }
    for (const base of indexes.keys()) if (!bases.includes(base)) indexes.delete(base);
    return { readings, corrections };
  };

  const records: SpoolView["records"] = async (from, limit) => {
    const head = await state.head();
    const oldest = (await listSegments(dir))[0] ?? from;
    const found: FoundRecord[] = [];
    if (head === null || from >= head.seq) return { records: found, next: from, oldest, head: head?.seq ?? 0 };
    let next = from;
    let rested = 0;
    for await (const { frame, end } of scanSpool(dir, from, head, places.get(from) ?? null, onDamage)) {
      if (frame.count === 0) continue;
      if (found.length > 0 && found.length + frame.count > limit) break;
      if (found.length - rested >= recordsPerTurn) {
        rested = found.length;
        await turn();
      }
      for (const [index, record] of recordsOf(frame).entries()) {
        const seq = frame.seq + index;
        if (seq >= from && found.length < limit) found.push({ record, after: seq + 1 });
      }
      next = found.at(-1)?.after ?? next;
      if (next === frame.seq + frame.count) {
        places.delete(next);
        places.set(next, end);
      }
    }
    for (const old of places.keys()) if (places.size > rememberedPlaces) places.delete(old);
    // Damage at the end of the spool has no reading to show: it is passed over.
    return { records: found, next: found.length === 0 ? head.seq : next, oldest, head: head.seq };
  };

  /** A segment may make room while it is read: what it held is in the server, so the second look is whole. */
  const again = async <Result>(job: () => Promise<Result>): Promise<Result> => {
    try {
      return await job();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
      return job();
    }
  };

  return {
    catalog: () =>
      alone(async () => {
        await again(catchUp);
        return catalog;
      }),
    moved: (head) => {
      caughtUp = head.seq;
      place = { base: head.base, offset: head.size };
    },
    part: (filter, since) => alone(() => again(() => part(filter, since))),
    records: (from, limit) => again(() => records(from, limit)),
  };
};
