import { crc32 } from "node:zlib";

/** One checksummed record of the spool: a group of readings, or a note when `count` is 0. */
export interface Frame {
  /** Number of the first reading in it; the next frame starts at `seq + count`. */
  readonly seq: number;
  readonly count: number;
  /** Range of event times inside, so that a reader can pass over it. */
  readonly minTs: number;
  readonly maxTs: number;
  readonly payload: Buffer;
}

//   magic 4 │ length 4 │ crc 4 │ seq 8 │ count 4 │ minTs 8 │ maxTs 8 │ payload
const magic = Buffer.from("WSP1", "latin1");
const headerBytes = 40;
const crcFrom = 12;
// A group is cut at 512 readings; a longer payload can only be a damaged length.
export const maxPayloadBytes = 16 * 1024 * 1024;

const checksum = (bytes: Buffer, lengthAt: number, end: number): number =>
  crc32(bytes.subarray(lengthAt + 8, end), crc32(bytes.subarray(lengthAt, lengthAt + 4)));

export const encodeFrame = (frame: Frame): Buffer => {
  const bytes = Buffer.allocUnsafe(headerBytes + frame.payload.length);
  magic.copy(bytes, 0);
  bytes.writeUInt32LE(frame.payload.length, 4);
  bytes.writeDoubleLE(frame.seq, crcFrom);
  bytes.writeUInt32LE(frame.count, 20);
  bytes.writeDoubleLE(frame.minTs, 24);
  bytes.writeDoubleLE(frame.maxTs, 32);
  frame.payload.copy(bytes, headerBytes);
  bytes.writeUInt32LE(checksum(bytes, 4, bytes.length), 8);
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
  const known = Math.min(left, magic.length);
  if (bytes.compare(magic, 0, known, offset, offset + known) !== 0) return { kind: "damaged" };
  if (left < headerBytes) return { kind: "short", needed: headerBytes };
  const length = bytes.readUInt32LE(offset + 4);
  if (length > maxPayloadBytes) return { kind: "damaged" };
  const end = offset + headerBytes + length;
  if (end > bytes.length) return { kind: "short", needed: headerBytes + length };
  if (bytes.readUInt32LE(offset + 8) !== checksum(bytes, offset + 4, end)) return { kind: "damaged" };
  return {
    kind: "frame",
    end,
    frame: {
      seq: bytes.readDoubleLE(offset + crcFrom),
      count: bytes.readUInt32LE(offset + 20),
      minTs: bytes.readDoubleLE(offset + 24),
      maxTs: bytes.readDoubleLE(offset + 32),
      payload: bytes.subarray(offset + headerBytes, end),
    },
  };
};

/** Offset of the next place after `offset` where a frame could begin, or -1. */
export const nextMagic = (bytes: Buffer, offset: number): number => bytes.indexOf(magic, offset + 1);
