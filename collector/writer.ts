import { StoreUnavailableError } from "#store";

export interface WriterParts<Group> {
  readonly inFlight: number;
  readonly clock: () => number;
  /** Makes the group durable; idempotent, because a failed one is written again. */
  write(group: Group): Promise<void>;
  /** The group is durable (null), or was given up at the end of a drain. */
  settle(group: Group, error: StoreUnavailableError | null): void;
  onAway(error: unknown): void;
  onBack(note: Error): void;
  /** There is room for a group at once. */
  onReady?(): void;
}

/** Writes groups in order, at most `inFlight` at a time; one that fails stays first in line until it is written. */
export interface Writer<Group> {
  add(group: Group): void;
  /** A group added now would be written at once. */
  ready(): boolean;
  /** Why the place to write to is away; null when it is not. */
  away(): Error | null;
  /** Resolves when nothing is left: what fails on one more attempt each is given up and told so. */
  drain(): Promise<void>;
}

// An unexpected error names no time to wait: one second is soon for a person and long for a processor.
const unknownRetryMs = 1000;

export const createWriter = <Group>(parts: WriterParts<Group>): Writer<Group> => {
  const queue: { readonly number: number; readonly group: Group }[] = [];
  let numbers = 0;
  let busy = 0;
  let away: { readonly error: Error; readonly since: number } | null = null;
  let retry: NodeJS.Timeout | null = null;
  let draining: PromiseWithResolvers<void> | null = null;

  const ready = (): boolean => away === null && retry === null && queue.length === 0 && busy < parts.inFlight;

  const pump = (): void => {
    // while the store is away one group knocks; the rest wait behind it
    while (retry === null && queue.length > 0 && busy < (away === null ? parts.inFlight : 1)) {
      const next = queue.shift();
      if (next === undefined) break;
      busy += 1;
      void attempt(next);
    }
    if (busy === 0 && queue.length === 0) draining?.resolve();
  };

  const attempt = async (item: { readonly number: number; readonly group: Group }): Promise<void> => {
    try {
      await parts.write(item.group);
      if (away !== null) {
        const seconds = Math.round((parts.clock() - away.since) / 100) / 10;
        away = null;
        parts.onBack(new Error(`the store takes data again after ${seconds} s`));
      }
      parts.settle(item.group, null);
    } catch (cause) {
      failed(item, cause);
    } finally {
      busy -= 1;
      pump();
      if (ready()) parts.onReady?.();
    }
  };

  const failed = (item: { readonly number: number; readonly group: Group }, cause: unknown): void => {
    const error =
      cause instanceof StoreUnavailableError
        ? cause
        : new StoreUnavailableError(`the store failed: ${String(cause)}`, { retryAfterMs: unknownRetryMs, cause });
    if (away === null) {
      away = { error, since: parts.clock() };
      parts.onAway(error);
    }
    if (draining !== null) {
      parts.settle(item.group, error);
      return;
    }
    const at = queue.findIndex((other) => other.number > item.number);
    queue.splice(at === -1 ? queue.length : at, 0, item);
    retry ??= setTimeout(() => {
      retry = null;
      pump();
    }, error.retryAfterMs);
  };

  return {
    add(group) {
      numbers += 1;
      queue.push({ number: numbers, group });
      pump();
    },
    ready,
    away: () => away?.error ?? null,
    drain() {
      draining ??= Promise.withResolvers<void>();
      if (retry !== null) clearTimeout(retry);
      retry = null;
      pump();
      return draining.promise;
    },
  };
};
