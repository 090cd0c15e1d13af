import { constants, zstdCompressSync, zstdDecompressSync } from "node:zlib";

/** One event of the live stream, ready to send. */
export interface Entry {
  /** Monotone, also across restarts. */
  readonly id: number;
  /** Null concerns everybody. */
  readonly site: string | null;
  /** UTF-8. */
  readonly bytes: Uint8Array;
  readonly at: number;
}

interface Held extends Omit<Entry, "bytes"> {
  readonly kept: Uint8Array;
  readonly isPacked: boolean;
}

export interface Ring {
  push(event: Omit<Entry, "id" | "bytes">, text: (id: number) => string): void;
  /** The entry after that one; `"lost"` when what came after it is no longer held or it was never given. */
  after(id: number): Entry | "lost" | null;
  /** The newest id given out; before the first event, one below it. */
  head(): number;
}

// The picture of a hall of 400 racks is 200 KB each second, of which 10 KB differ from anything before.
const packedBytes = 8192;
const compression = { params: { [constants.ZSTD_c_compressionLevel]: 1 } };
// Who keeps up reads what was pushed just now.
const freshEntries = 4;

/** Small buffers are parts of a common one of 64 kB, which would be held with any of them. */
const ownCopy = (part: Uint8Array): Uint8Array =>
  part.buffer.byteLength === part.length ? part : new Uint8Array(part);

/** Holds events for `holdMs`, within `maxBytes`, the large ones packed. `firstId` must exceed every id of an earlier life. */
export const createRing = (limits: {
  readonly holdMs: number;
  readonly maxBytes: number;
  readonly firstId: number;
}): Ring => {
  const entries = new Map<number, Held>();
  let bytes = 0;
  let next = limits.firstId;
  let first = limits.firstId;

  const evict = (now: number): void => {
    for (let oldest = entries.get(first); oldest !== undefined; oldest = entries.get(first)) {
      if (oldest.at >= now - limits.holdMs && bytes <= limits.maxBytes) break;
      bytes -= oldest.kept.length;
      entries.delete(first);
      first++;
    }
  };
  const pack = (id: number): void => {
    const held = entries.get(id);
    if (held === undefined || held.isPacked || held.kept.length < packedBytes) return;
    const kept = ownCopy(zstdCompressSync(held.kept, compression));
    bytes += kept.length - held.kept.length;
    entries.set(id, { ...held, kept, isPacked: true });
  };

  return {
    push: (event, text) => {
      const id = next++;
      const kept = ownCopy(Buffer.from(text(id)));
      entries.set(id, { ...event, id, kept, isPacked: false });
      bytes += kept.length;
      pack(id - freshEntries);
      evict(event.at);
    },
    after: (id) => {
      if (id >= next || id < limits.firstId - 1) return "lost";
      if (id === next - 1) return null;
      const held = entries.get(id + 1);
      if (held === undefined) return "lost";
      const { kept, isPacked, ...rest } = held;
      return { ...rest, bytes: isPacked ? zstdDecompressSync(kept) : kept };
    },
    head: () => next - 1,
  };
};
