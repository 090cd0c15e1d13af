import { constants, zstdCompressSync, zstdDecompressSync } from "node:zlib";

const leastChunk = 4096;
const chunks = 16;
// RFC 8878 §3.1.1: magic number, descriptor, window (not of a single segment), dictionary, content size.
const descriptorAt = 4;
const isSingleSegment = 0x20;
const hasDictionary = 0x03;
// Of frames that do not say it.
const usualRoom = 128 * 1024;
// A frame that lies must not take all memory.
const mostUnpacked = 16 * 1024 * 1024;

// Told the size it takes a fifth of the memory, and whoever unpacks it learns the size from the frame.
export const pack = (bytes: Uint8Array): Uint8Array =>
  zstdCompressSync(bytes, {
    params: { [constants.ZSTD_c_compressionLevel]: 1, [constants.ZSTD_c_checksumFlag]: 1 },
    pledgedSrcSize: bytes.length,
    chunkSize: Math.max(leastChunk, Math.floor(bytes.length / chunks)),
  });

export const unpack = (packed: Uint8Array): Buffer => zstdDecompressSync(packed, { chunkSize: roomFor(packed) });

/** One byte more than the frame says that it holds: then it is unpacked in one go. */
const roomFor = (packed: Uint8Array): number => {
  const descriptor = packed[descriptorAt] ?? 0;
  const sizeForm = descriptor >> 6;
  const at = descriptorAt + 1;
  if ((descriptor & isSingleSegment) === 0 || (descriptor & hasDictionary) !== 0) return usualRoom;
  const view = new DataView(packed.buffer, packed.byteOffset, packed.length);
  if (sizeForm === 1 && packed.length > at + 2) return view.getUint16(at, true) + 256 + 1;
  if (sizeForm === 2 && packed.length > at + 4) return Math.min(view.getUint32(at, true), mostUnpacked) + 1;
  return usualRoom;
};
