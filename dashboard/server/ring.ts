/** One event of the live stream, ready to send. */
export interface Entry {
  /** Monotone, also across restarts. */
  readonly id: number;
  /** Null concerns everybody. */
  readonly site: string | null;
  /** UTF-8: half of what a text with a Chinese name takes, and counted as it is. */
  readonly bytes: Uint8Array;
  readonly at: number;
}

export interface Ring {
  push(event: Omit<Entry, "id" | "bytes">, text: (id: number) => string): Entry;
  /** The entry after that one; `"lost"` when what came after it is no longer held or it was never given. */
  after(id: number): Entry | "lost" | null;
  /** The newest id given out; before the first event, one below it. */
  head(): number;
}

/** Holds events for `holdMs`, within `maxBytes`. `firstId` must exceed every id of an earlier life. */
export const createRing = (limits: {
  readonly holdMs: number;
  readonly maxBytes: number;
  readonly firstId: number;
}): Ring => {
  const entries = new Map<number, Entry>();
  let bytes = 0;
  let next = limits.firstId;
  let first = limits.firstId;

  const evict = (now: number): void => {
    for (let oldest = entries.get(first); oldest !== undefined; oldest = entries.get(first)) {
      if (oldest.at >= now - limits.holdMs && bytes <= limits.maxBytes) break;
      bytes -= oldest.bytes.length;
      entries.delete(first);
      first++;
    }
  };

  return {
    push: (event, text) => {
      const id = next++;
      const entry = { ...event, id, bytes: Buffer.from(text(id)) };
      entries.set(id, entry);
      bytes += entry.bytes.length;
      evict(event.at);
      return entry;
    },
    after: (id) => {
      if (id >= next || id < limits.firstId - 1) return "lost";
      return id === next - 1 ? null : (entries.get(id + 1) ?? "lost");
    },
    head: () => next - 1,
  };
};
