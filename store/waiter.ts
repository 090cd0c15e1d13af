/** Lets followers sleep until something is committed, without losing a commit between looking and sleeping. */
export interface Waiter {
  /** Grows with every wake. */
  generation(): number;
  wake(): void;
  /** Resolves when woken since `generation`, after `waitMs`, or when `signal` aborts. */
  wait(generation: number, waitMs: number, signal?: AbortSignal): Promise<void>;
  /** Wakes everybody for good: later waits end at once. */
  close(): void;
  closed(): boolean;
}

export const createWaiter = (): Waiter => {
  const sleepers = new Set<() => void>();
  let generation = 0;
  let closed = false;
  const wake = () => {
    generation++;
    for (const rise of [...sleepers]) rise();
  };
  return {
    generation: () => generation,
    wake,
    wait: (since, waitMs, signal) => {
      if (closed || since !== generation || waitMs <= 0 || signal?.aborted) return Promise.resolve();
      return new Promise((resolve) => {
        const rise = () => {
          clearTimeout(timer);
          signal?.removeEventListener("abort", rise);
          sleepers.delete(rise);
          resolve();
        };
        const timer = setTimeout(rise, waitMs);
        sleepers.add(rise);
        signal?.addEventListener("abort", rise, { once: true });
      });
    },
    close: () => {
      closed = true;
      wake();
    },
    closed: () => closed,
  };
};

export interface FollowWait<Found> {
  readonly waiter: Waiter;
  /** Looks for the next page after the cursor; it may move the cursor without finding anything. */
  readonly look: (cursor: string | null) => Promise<Found>;
  readonly isEmpty: (found: Found) => boolean;
  /** Longest sleep between two looks, ms: the net under lost wake-ups. */
  readonly pollMs: number;
}

/** Looks until there is something, `waitMs` are over or `signal` aborts; then gives the last page, empty or not. */
export const followWith = async <Found extends { readonly cursor: string }>(
  query: { readonly cursor: string | null; readonly waitMs: number; readonly signal?: AbortSignal },
  { waiter, look, isEmpty, pollMs }: FollowWait<Found>,
): Promise<Found> => {
  const end = performance.now() + query.waitMs;
  let cursor = query.cursor;
  for (;;) {
    const generation = waiter.generation();
    const found = await look(cursor);
    const leftMs = end - performance.now();
    if (!isEmpty(found) || leftMs <= 0 || query.signal?.aborted || waiter.closed()) return found;
    cursor = found.cursor;
    await waiter.wait(generation, Math.min(leftMs, pollMs), query.signal);
  }
};
