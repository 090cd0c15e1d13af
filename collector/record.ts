import type { InboundMessage } from "#broker";
import type { Ledger } from "#store";
import type { createTally } from "./counters.ts";
import type { Rejection } from "./decoders/decoder.ts";
import { createLetterLimit, type Letter, letterChange, writeLetters } from "./letters.ts";
import { createWriter, type WriterParts } from "./writer.ts";

interface RecorderParts extends Pick<WriterParts<never>, "clock" | "onAway" | "onBack"> {
  readonly ledger: Ledger;
  /** Letters kept per code and minute. */
  readonly perMinute: number;
  /** UTC ms; keeps the keys of two runs apart. */
  readonly startedAt: number;
  readonly tally: ReturnType<typeof createTally>;
}

interface PendingLetter {
  readonly letter: Letter;
  readonly key: string;
  readonly done: PromiseWithResolvers<void>;
}

const lettersPerCommit = 500;

/** Writes dead letters to the ledger. */
export const createRecorder = ({ ledger, perMinute, startedAt, clock, tally, onAway, onBack }: RecorderParts) => {
  const limit = createLetterLimit(perMinute);
  const run = startedAt.toString(36);
  let number = 0;
  let open: PendingLetter[] = [];

  const writer = createWriter<readonly PendingLetter[]>({
    inFlight: 1,
    clock,
    write: async (pending) => {
      await ledger.commit(pending.map(({ letter, key }) => letterChange(letter, key)));
      tally.sums.deadLettersKept += pending.length;
    },
    settle: (pending, error) => {
      for (const { done } of pending) error === null ? done.resolve() : done.reject(error);
    },
    onAway,
    onBack,
  });

  const flush = (): void => {
    if (open.length === 0) return;
    writer.add(open);
    open = [];
  };

  return {
    /** Counts every rejection and keeps letters within the limit; the promises resolve when those are durable. */
    record(message: InboundMessage, rejected: readonly Rejection[]): readonly Promise<void>[] {
      const waiting: Promise<void>[] = [];
      for (const letter of writeLetters(message, rejected)) {
        tally.reject(letter.code, letter.times);
        if (limit(letter.code, message.received) === "count") {
          tally.sums.deadLettersLimited += 1;
          continue;
        }
        number += 1;
        const key = `${String(message.received).padStart(15, "0")}-${run}-${String(number).padStart(9, "0")}`;
        const pending: PendingLetter = { letter, key, done: Promise.withResolvers<void>() };
        if (open.length === 0) queueMicrotask(flush);
        open.push(pending);
        if (open.length >= lettersPerCommit) flush();
        waiting.push(pending.done.promise);
      }
      return waiting;
    },
    away: () => writer.away(),
    drain(): Promise<void> {
      flush();
      return writer.drain();
    },
  };
};
