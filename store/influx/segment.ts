import { open, readdir, readFile, rename } from "node:fs/promises";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { decodeFrame, type Frame, nextMagic } from "./frame.ts";

/** How far the spool is durable: everything before `seq`, which ends at `size` bytes of segment `base`. */
export interface Head {
  readonly seq: number;
  readonly base: number;
  readonly size: number;
}

export interface Place {
  readonly base: number;
  readonly offset: number;
}

export interface LocatedFrame {
  readonly frame: Frame;
  readonly at: Place;
  readonly end: Place;
}

/** Bytes that carry no valid frame. */
export interface Damage {
  readonly path: string;
  readonly base: number;
  readonly from: number;
  readonly to: number;
}

const suffix = ".seg";
export const segmentPath = (dir: string, base: number): string =>
  join(dir, `${String(base).padStart(16, "0")}${suffix}`);

const missing = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === "ENOENT";

/** First reading number of every segment, oldest first. */
export const listSegments = async (dir: string): Promise<number[]> => {
  const names = await readdir(dir).catch((error: unknown) => {
    if (missing(error)) return [];
    throw error;
  });
  return names
    .filter((name) => name.endsWith(suffix))
    .map((name) => Number(name.slice(0, -suffix.length)))
    .filter(Number.isSafeInteger)
    .sort((a, b) => a - b);
};

export const headPath = (dir: string): string => join(dir, "head");
export const encodeHead = (head: Head): Buffer => {
  const bytes = Buffer.alloc(28);
  bytes.writeDoubleLE(head.seq, 0);
  bytes.writeDoubleLE(head.base, 8);
  bytes.writeDoubleLE(head.size, 16);
  bytes.writeUInt32LE(crc32(bytes.subarray(0, 24)), 24);
  return bytes;
};

/** The durable end as the writer last noted it; `null` before there is a spool. */
export const readHead = async (dir: string): Promise<Head | null> => {
  // The writer replaces these 28 bytes in place: a read that met it halfway is repeated.
  for (let attempt = 0; attempt < 5; attempt++) {
    const bytes = await readFile(headPath(dir)).catch((error: unknown) => {
      if (missing(error)) return null;
      throw error;
    });
    if (bytes === null) return null;
    if (bytes.length === 28 && bytes.readUInt32LE(24) === crc32(bytes.subarray(0, 24)))
      return { seq: bytes.readDoubleLE(0), base: bytes.readDoubleLE(8), size: bytes.readDoubleLE(16) };
  }
  return null;
};

export const sentPath = (dir: string): string => join(dir, "sent");
/** Number of the first reading that the server has not confirmed; `null` when nothing was ever sent. */
export const readSent = async (dir: string): Promise<number | null> => {
  const text = await readFile(sentPath(dir), "utf8").catch((error: unknown) => {
    if (missing(error)) return "";
    throw error;
  });
  const seq = Number.parseInt(text, 10);
  return Number.isSafeInteger(seq) ? seq : null;
};

/** Replaces a small file so that a crash leaves the old or the new one. */
export const replaceFile = async (path: string, content: string | Buffer): Promise<void> => {
  const file = await open(`${path}.new`, "w");
  try {
    await file.writeFile(content);
    await file.datasync();
  } finally {
    await file.close();
  }
  await rename(`${path}.new`, path);
};

const chunkBytes = 256 * 1024;

/**
 * Frames of one segment in `[from, to)`; `to` absent is the end of the file. Damaged bytes are reported and passed over:
 * the next frame that carries its checksum goes on.
 */
export async function* scanSegment(
  dir: string,
  base: number,
  from: number,
  to: number | null,
  onDamage: (damage: Damage) => void,
): AsyncGenerator<LocatedFrame> {
  const path = segmentPath(dir, base);
  const file = await open(path, "r");
  try {
    const limit = to ?? (await file.stat()).size;
    let bytes: Buffer = Buffer.alloc(0);
    let start = from; // file offset of bytes[0]
    let at = 0;
    let damagedFrom = -1;
    const more = async (needed: number): Promise<boolean> => {
      const have = bytes.length - at;
      const want = Math.min(Math.max(needed, chunkBytes), limit - (start + at));
      if (want <= have) return false;
      const next = Buffer.allocUnsafe(want);
      bytes.copy(next, 0, at);
      const { bytesRead } = await file.read(next, have, want - have, start + bytes.length);
      start += at;
      at = 0;
      bytes = next.subarray(0, have + bytesRead);
      return bytesRead > 0;
    };
    const damageEnds = (): void => {
      if (damagedFrom >= 0) onDamage({ path, base, from: damagedFrom, to: start + at });
      damagedFrom = -1;
    };
    while (start + at < limit) {
      const decoded: ReturnType<typeof decodeFrame> =
        at < bytes.length ? decodeFrame(bytes, at) : { kind: "short", needed: 1 };
      if (decoded.kind === "frame") {
        damageEnds();
        const place = start + at;
        at = decoded.end;
        yield { frame: decoded.frame, at: { base, offset: place }, end: { base, offset: start + at } };
        continue;
      }
      if (decoded.kind === "short" && (await more(decoded.needed))) continue;
      if (damagedFrom < 0) damagedFrom = start + at;
      const next = nextMagic(bytes, at);
      // Three bytes stay: a magic may begin in them.
      at = next >= 0 ? next : Math.max(at + 1, bytes.length - 3);
      if (next < 0 && !(await more(chunkBytes)) && start + at < limit) at = limit - start;
    }
    damageEnds();
  } finally {
    await file.close();
  }
}

/** Frames from reading `from` on, in commit order, up to `head`. `hint` is where `from` is known to begin. */
export async function* scanSpool(
  dir: string,
  from: number,
  head: Head,
  hint: Place | null,
  onDamage: (damage: Damage) => void,
): AsyncGenerator<LocatedFrame> {
  const bases = (await listSegments(dir)).filter((base) => base <= head.base);
  const first = hint?.base ?? bases.findLast((base) => base <= from) ?? bases[0];
  if (first === undefined) return;
  for (const base of bases.filter((candidate) => candidate >= first)) {
    const offset = hint?.base === base ? hint.offset : 0;
    const limit = base === head.base ? head.size : null;
    for await (const located of scanSegment(dir, base, offset, limit, onDamage)) {
      const { seq, count } = located.frame;
      if (count === 0 ? seq >= from : seq + count > from) yield located;
    }
  }
}
