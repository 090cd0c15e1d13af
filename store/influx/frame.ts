import { constants, crc32, zstdCompressSync, zstdDecompressSync } from "node:zlib";

/** One checksummed record of the spool: a group of readings, or a note when `count` is 0. */
export interface Frame {
  /** Number of the first reading in it; the next frame starts at `seq + count`. */
  readonly seq: number;
  readonly count: number;
  /** Range of event times inside, so that a reader can pass over it. */
  readonly minTs: number;
  readonly maxTs: number;
  /** Unpacked when it is asked for: many readers want the numbers only. */
  readonly payload: Buffer;
}

//   magic 4 │ length 4 │ crc 4 │ seq 8 │ count 4 │ minTs 8 │ maxTs 8 │ payload        the checksum is of what is stored
const family = Buffer.from("WSP", "latin1");
const magicBytes = 4;
const plain = 0x31; // "1"
const zstd = 0x32; // "2"
const headerBytes = 40;
const crcFrom = 12;
// A group is cut at 512 readings; a longer payload can only be a damaged length.
export const maxPayloadBytes = 16 * 1024 * 1024;

// Shorter ones gain nothing.
const leastCompressed = 512;
// Level 1 takes 0.2 ms for a full frame; what higher levels save is not worth the time of the thread that acknowledges.
const compression = { params: { [constants.ZSTD_c_compressionLevel]: 1 } };

const pack = (payload: Buffer): { readonly coding: number; readonly stored: Buffer } => {
  if (payload.length < leastCompressed) return { coding: plain, stored: payload };
  const packed = zstdCompressSync(payload, compression);
  return packed.length < payload.length ? { coding: zstd, stored: packed } : { coding: plain, stored: payload };
};

const checksum = (bytes: Buffer, lengthAt: number, end: number, coding: number): number => {
  // Plain frames began from nothing before there were others.
  const seed = coding === plain ? 0 : coding;
  return crc32(bytes.subarray(lengthAt + 8, end), crc32(bytes.subarray(lengthAt, lengthAt + 4), seed));
};

export const encodeFrame = (frame: Frame): Buffer => {
  const { coding, stored } = pack(frame.payload);
  const bytes = Buffer.allocUnsafe(headerBytes + stored.length);
  family.copy(bytes, 0);
  bytes[family.length] = coding;
  bytes.writeUInt32LE(stored.length, 4);
  bytes.writeDoubleLE(frame.seq, crcFrom);
  bytes.writeUInt32LE(frame.count, 20);
  bytes.writeDoubleLE(frame.minTs, 24);
  bytes.writeDoubleLE(frame.maxTs, 32);
  stored.copy(bytes, headerBytes);
  bytes.writeUInt32LE(checksum(bytes, 4, bytes.length, coding), 8);
  return bytes;
};

export type Decoded =
  | { readonly kind: "frame"; readonly frame: Frame; readonly end: number }
  /** `needed` bytes from the offset would decide it. */
  | { readonly kind: "short"; readonly needed: number }
  | { readonly kind: "damaged" };

/** The frame at `offset`. What does not carry its checksum is never returned. */
export const decodeFrame = (bytes: Buffer, offset: number): Decoded => {
  const left = bytes.length - offset;
  const known = Math.min(left, family.length);
  if (bytes.compare(family, 0, known, offset, offset + known) !== 0) return { kind: "damaged" };
  const coding = left < magicBytes ? plain : bytes[offset + family.length];
  if (coding !== plain && coding !== zstd) return { kind: "damaged" };
  if (left < headerBytes) return { kind: "short", needed: headerBytes };
  const length = bytes.readUInt32LE(offset + 4);
  if (length > maxPayloadBytes) return { kind: "damaged" };
  const end = offset + headerBytes + length;
  if (end > bytes.length) return { kind: "short", needed: headerBytes + length };
  if (bytes.readUInt32LE(offset + 8) !== checksum(bytes, offset + 4, end, coding)) return { kind: "damaged" };
  const stored = bytes.subarray(offset + headerBytes, end);
  return {
    kind: "frame",
    end,
    frame: {
      seq: bytes.readDoubleLE(offset + crcFrom),
      count: bytes.readUInt32LE(offset + 20),
      minTs: bytes.readDoubleLE(offset + 24),
      maxTs: bytes.readDoubleLE(offset + 32),
      get payload() {
        return coding === zstd ? zstdDecompressSync(stored, { maxOutputLength: maxPayloadBytes }) : stored;
      },
    },
  };
};

/** Offset of the next place after `offset` where a frame could begin, or -1. */
export const nextMagic = (bytes: Buffer, offset: number): number => bytes.indexOf(family, offset + 1);
