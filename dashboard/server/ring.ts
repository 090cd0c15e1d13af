/** One event of the live stream, ready to send. */
export interface Entry {
  /** Monotone, also across restarts. */
  readonly id: number;
  /** Null concerns everybody. */
  readonly site: string | null;
  readonly text: string;
  readonly at: number;
}

export interface Ring {
  push(event: Omit<Entry, "id" | "text">, text: (id: number) => string): Entry;
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
  const entries: Entry[] = [];
  // Shifting thousands of entries for each one that leaves would cost more than it frees.
  let gone = 0;
  let bytes = 0;
  let next = limits.firstId;

  const evict = (now: number): void => {
    for (let oldest = entries[gone]; oldest !== undefined; oldest = entries[gone]) {
      if (oldest.at >= now - limits.holdMs && bytes <= limits.maxBytes) break;
      bytes -= oldest.text.length;
      gone++;
    }
    if (gone > 1000 && gone > entries.length / 2) {
      entries.splice(0, gone);
      gone = 0;
    }
  };

  return {
    push: (event, text) => {
      const id = next++;
      const entry = { ...event, id, text: text(id) };
      entries.push(entry);
      bytes += entry.text.length;
      evict(event.at);
      return entry;
    },
    after: (id) => {
      if (id >= next || id < limits.firstId - 1) return "lost";
      if (id === next - 1) return null;
      const held = next - (entries.length - gone);
      return id + 1 < held ? "lost" : (entries[gone + (id + 1 - held)] ?? "lost");
    },
    head: () => next - 1,
  };
};
