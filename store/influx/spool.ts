import { copyFile, type FileHandle, mkdir, open, rm, stat, truncate } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { type StoreCode, StoreRefusedError, StoreUnavailableError } from "../errors.ts";
import { encodeFrame } from "./frame.ts";
import {
  type Damage,
  encodeHead,
  type Head,
  headPath,
  listSegments,
  readHead,
  readSent,
  replaceFile,
  scanSegment,
  segmentPath,
  sentPath,
} from "./segment.ts";

// append ─▶ active segment ─▶ fdatasync ─▶ head note ─▶ promise resolves
//               │ full                                     ▲ readers stop at the head note
//               ▼
//           next segment          sent(seq) ─▶ "sent" file ─▶ oldest sent segments make room
//                                                             at the quota: refuse, or drop the oldest unsent

/** What the spool asks of a file: a place for tests to fill the disk or to slow it down. */
export interface SpoolDisk {
  append(file: FileHandle, bytes: Buffer, position: number): Promise<void>;
  sync(file: FileHandle): Promise<void>;
}

export interface SpoolOptions {
  readonly dir: string;
  readonly quotaBytes: number;
  readonly policy: "refuse" | "drop-oldest";
  readonly now: () => number;
  readonly onError: (error: unknown, code: StoreCode) => void;
  /** Readings that were given up for room, acknowledged but never sent. */
  readonly onDropped?: (dropped: Dropped) => void;
  readonly disk?: SpoolDisk;
}

export interface Dropped {
  readonly readings: number;
  /** Number of the first of them. */
  readonly from: number;
}

export interface NewFrame {
  readonly count: number;
  readonly minTs: number;
  readonly maxTs: number;
  readonly payload: string;
}

/** The writing side of the spool. One per folder; a lock sees to it. Calls of `append` must not overlap. */
export interface Spool extends AsyncDisposable {
  /** Durable when it resolves. Throws `StoreUnavailableError` when there is no room; nothing of it is kept then. */
  append(frames: readonly NewFrame[]): Promise<Head>;
  head(): Head;
  /** Number of the first reading not yet confirmed. */
  sentSeq(): number;
  sent(seq: number): Promise<void>;
  /** Segments before `seq` of this are needed for nothing but slow followers. */
  keepFrom(seq: number): void;
  bytes(): number;
  /** Part of the quota, 0 to 1, that holds what the server has not taken. */
  filled(): number;
  full(): boolean;
}

const nodeDisk: SpoolDisk = {
  append: async (file, bytes, position) => {
    let written = 0;
    while (written < bytes.length)
      written += (await file.write(bytes, written, bytes.length - written, position + written)).bytesWritten;
  },
  sync: (file) => file.datasync(),
};

/** Share of the quota from which the spool gives alarm, and below which it is calm again. */
export const alarmPart = 0.8;
const calmPart = 0.7;
/** Half a sentence for a person; the subject is the spool. */
export const fillingReason = (filled: number, policy: SpoolOptions["policy"]): string =>
  `is ${Math.floor(filled * 100)} % full of readings that InfluxDB has not taken; at 100 % ${
    policy === "refuse" ? "nothing more is acknowledged" : "the oldest of them are given up"
  }`;

const retryFullMs = 5000; // room comes when the server confirms or somebody frees the disk

/** An operating-system lock that dies with the process: SQLite's, because Node has none of its own. */
const lock = (dir: string): DatabaseSync => {
  const path = join(dir, "writer.lock");
  const database = new DatabaseSync(path);
  try {
    database.exec("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; COMMIT");
    return database;
  } catch (cause) {
    database.close();
    throw new StoreRefusedError(`spool "${dir}" is in use by another writer`, { code: "STORE_IN_USE", cause });
  }
};

const syncFolder = async (dir: string): Promise<void> => {
  // Windows cannot sync a folder and does not need it.
  if (process.platform === "win32") return;
  const folder = await open(dir, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
};

/** Keeps the damaged bytes' segment as it was, for a person to look at. */
export const quarantine = async (dir: string, damage: Damage): Promise<string> => {
  const folder = join(dir, "quarantine");
  await mkdir(folder, { recursive: true });
  const to = join(folder, `${damage.base}-${damage.from}-${damage.to}.seg`);
  await copyFile(damage.path, to);
  return to;
};

const damageError = (damage: Damage, kept: string): StoreRefusedError =>
  new StoreRefusedError(
    `spool segment "${damage.path}" is damaged from byte ${damage.from} to ${damage.to}; a copy is at "${kept}"`,
    { code: "STORE_CORRUPT" },
  );

interface Recovered {
  readonly head: Head;
  readonly sizes: Map<number, number>;
}

/** Reads the newest segment to its last whole frame and cuts what an interrupted append left behind it. */
const recover = async (options: SpoolOptions): Promise<Recovered> => {
  const { dir, now, onError } = options;
  const noted = await readHead(dir);
  const sentSeq = await readSent(dir);
  const bases = await listSegments(dir);
  const sizes = new Map<number, number>();
  for (const base of bases) sizes.set(base, (await stat(segmentPath(dir, base))).size);
  const base = bases.at(-1);
  // A new spool counts from the clock, so that cursors of a lost one are older than everything in it.
  if (base === undefined) {
    const seq = Math.max(noted?.seq ?? 0, sentSeq ?? 0, Math.floor(now()) * 1000);
    return { head: { seq, base: seq, size: 0 }, sizes };
  }
  const damages: Damage[] = [];
  let seq = base;
  let size = 0;
  for await (const { frame, end } of scanSegment(dir, base, 0, null, (damage) => damages.push(damage))) {
    seq = frame.seq + frame.count;
    size = end.offset;
  }
  const lostAcknowledged = noted !== null && noted.base === base && noted.size > size;
  for (const damage of damages)
    if (damage.from < size || lostAcknowledged)
      onError(damageError(damage, await quarantine(dir, damage)), "STORE_CORRUPT");
  if ((sizes.get(base) ?? 0) > size) await truncate(segmentPath(dir, base), size);
  sizes.set(base, size);
  return { head: { seq: Math.max(seq, noted?.seq ?? 0, sentSeq ?? 0), base, size }, sizes };
};

export const openSpool = async (options: SpoolOptions): Promise<Spool> => {
  const { dir, quotaBytes, policy, onError, disk = nodeDisk } = options;
  await mkdir(dir, { recursive: true });
  const held = lock(dir);
  const segmentBytes = Math.min(Math.max(Math.floor(quotaBytes / 16), 64 * 1024), 32 * 1024 * 1024);
  const recovered = await recover(options).catch((error: unknown) => {
    held.close();
    throw error;
  });
  const { sizes } = recovered;
  let head = recovered.head;
  let confirmed = (await readSent(dir)) ?? Math.min(head.seq, sizes.keys().next().value ?? head.seq);
  let keep = 0;
  let full = false;
  let cutNeeded = false;
  const headFile = await open(headPath(dir), "a").then(async (file) => {
    await file.close();
    return open(headPath(dir), "r+");
  });
  let active: FileHandle | null = null;

  const noteHead = (next: Head): Promise<void> => nodeDisk.append(headFile, encodeHead(next), 0);
  const startSegment = async (base: number): Promise<void> => {
    await active?.close();
    active = null;
    active = await open(segmentPath(dir, base), "a").then(async (file) => {
      await file.close();
      return open(segmentPath(dir, base), "r+");
    });
    await syncFolder(dir);
    if (!sizes.has(base)) sizes.set(base, 0);
  };
  const total = (): number => [...sizes.values()].reduce((sum, size) => sum + size, 0);
  let noting: Promise<void> = Promise.resolve();
  /** One after the other: both the sender and a drop write this file. */
  const noteSent = (seq: number): Promise<void> => {
    const turn = noting.then(async () => {
      if (seq <= confirmed) return;
      await replaceFile(sentPath(dir), String(seq));
      confirmed = seq;
    });
    noting = turn.catch(() => undefined);
    return turn;
  };
  /** Removes oldest segments that nobody waits for until `room` fits below `limit`. */
  const trim = async (limit: number): Promise<void> => {
    const bases = [...sizes.keys()];
    for (const [index, base] of bases.entries()) {
      const next = bases[index + 1];
      if (next === undefined || total() <= limit || next > Math.min(confirmed, keep)) return;
      await rm(segmentPath(dir, base), { force: true });
      sizes.delete(base);
    }
  };

  const pendingBytes = (): number => {
    const bases = [...sizes.keys()];
    const first = bases.findIndex((_, index) => (bases[index + 1] ?? head.seq) > confirmed);
    return first === -1 ? 0 : bases.slice(first).reduce((sum, base) => sum + (sizes.get(base) ?? 0), 0);
  };
  /** Gives up oldest segments that the server has not taken until `limit` is met; the active one stays. */
  const drop = async (limit: number): Promise<void> => {
    const bases = [...sizes.keys()];
    for (const [index, base] of bases.entries()) {
      const next = bases[index + 1];
      if (next === undefined || total() <= limit) return;
      const from = Math.max(base, confirmed);
      if (next > from) {
        // The note first: what a crash leaves of the segment is then only history.
        await noteSent(next);
        options.onDropped?.({ readings: next - from, from });
      }
      await rm(segmentPath(dir, base), { force: true });
      sizes.delete(base);
    }
  };
  let alarm: "quiet" | "said" = "quiet";
  const watchFilling = (): void => {
    const filled = pendingBytes() / quotaBytes;
    if (filled < calmPart) alarm = "quiet";
    if (filled < alarmPart || alarm === "said") return;
    alarm = "said";
    onError(
      new StoreUnavailableError(`spool "${dir}" ${fillingReason(filled, policy)}`, { retryAfterMs: retryFullMs }),
      "STORE_SPOOL_FILLING",
    );
  };

  await noteHead(head);
  await startSegment(head.base);

  /** Leaves no half frame behind; a segment that cannot be cut is cut before the next append. */
  const cut = async (): Promise<void> => {
    cutNeeded = true;
    await active?.truncate(head.size);
    cutNeeded = false;
  };

  return {
    head: () => head,
    sentSeq: () => confirmed,
    bytes: total,
    filled: () => pendingBytes() / quotaBytes,
    full: () => full,
    keepFrom: (seq) => {
      keep = seq;
    },
    append: async (frames) => {
      let seq = head.seq;
      const bytes = Buffer.concat(
        frames.map(({ count, minTs, maxTs, payload }) => {
          const frame = encodeFrame({ seq, count, minTs, maxTs, payload: Buffer.from(payload) });
          seq += count;
          return frame;
        }),
      );
      if (total() + bytes.length > quotaBytes) await trim(quotaBytes - bytes.length);
      if (policy === "drop-oldest" && total() + bytes.length > quotaBytes) await drop(quotaBytes - bytes.length);
      if (total() + bytes.length > quotaBytes) {
        full = true;
        throw new StoreUnavailableError(
          `spool "${dir}" holds ${Math.round(total() / 1e6)} MB that the server has not taken; STORE_SPOOL_MB allows no more`,
          { retryAfterMs: retryFullMs },
        );
      }
      try {
        if (cutNeeded) await cut();
        if (head.size > 0 && head.size + bytes.length > segmentBytes) {
          await startSegment(head.seq);
          head = { seq: head.seq, base: head.seq, size: 0 };
        }
        if (active === null) await startSegment(head.base);
        if (active === null) throw new Error("BUG: no active segment");
        await disk.append(active, bytes, head.size);
        await disk.sync(active);
        const next = { seq, base: head.base, size: head.size + bytes.length };
        await noteHead(next);
        head = next;
        sizes.set(head.base, head.size);
        full = false;
        watchFilling();
        return head;
      } catch (cause) {
        full = true;
        await cut().catch((error: unknown) => onError(error, "STORE_FULL"));
        throw new StoreUnavailableError(`spool "${dir}" cannot be written: ${(cause as Error).message}`, {
          retryAfterMs: retryFullMs,
          cause,
        });
      }
    },
    sent: async (seq) => {
      if (seq <= confirmed) return;
      await noteSent(seq);
      // Half the quota is history for followers, half is room for an outage.
      await trim(quotaBytes / 2);
    },
    [Symbol.asyncDispose]: async () => {
      await active?.close();
      await headFile.close();
      held.close();
    },
  };
};
