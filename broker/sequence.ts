/** Runs jobs at once and finishes them in the order they came: acknowledgements must not overtake. [MQTT-4.6.0-2] */
export function createSequence(onProgress: () => void): Sequence {
  const waiting: Entry[] = [];
  let finishing = false;

  function finish(): void {
    if (finishing || waiting[0]?.settled !== true) return;
    finishing = true;
    for (let head = waiting[0]; head?.settled; head = waiting[0]) {
      waiting.shift();
      head.done(head.error);
    }
    finishing = false;
    onProgress();
  }

  return {
    add(job, done) {
      const entry: Entry = { settled: false, error: null, done };
      waiting.push(entry);
      const settle = (error: Error | null) => {
        entry.settled = true;
        entry.error = error;
        finish();
      };
      job.then(
        () => settle(null),
        (cause: unknown) => settle(cause instanceof Error ? cause : new Error(String(cause), { cause })),
      );
    },
  };
}

export interface Sequence {
  /** `done` is never called before `add` returns. */
  add(job: Promise<void>, done: (error: Error | null) => void): void;
}

interface Entry {
  settled: boolean;
  error: Error | null;
  readonly done: (error: Error | null) => void;
}
