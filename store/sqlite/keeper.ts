import type { Mover } from "./mover.ts";
import type { Remote } from "./remote.ts";
import type { Roller } from "./roller.ts";
import type { Stretch } from "./sealer.ts";
import type { Task } from "./sorter.ts";
import type { SorterCalls } from "./sorter.worker.ts";

// What the writer's thread does besides writing, one thing after the other, most of it by asking the sorter's thread:
// seal what is full ─▶ trim the log ─▶ fold what is sealed ─▶ write an hour that is complete.

export interface Keeper {
  /** There is something to seal. */
  wake(): void;
  /** Resolves when everything that rests on readings before that time is written. */
  settle(before: number): Promise<void>;
  /** Path of the file in the making. */
  making(): string | null;
  close(): void;
}

export interface KeeperParts {
  readonly roller: Roller;
  readonly mover: Mover;
  readonly startSorter: () => Promise<Remote<SorterCalls>>;
  /** Between two parts of about `partMs`. */
  readonly pause: () => Promise<void>;
  readonly background: (error: unknown) => void;
}

const partMs = 20;
const retryMs = 5000;

export const startKeeper = ({ roller, mover, startSorter, pause, background }: KeeperParts): Keeper => {
  let sorter: Promise<Remote<SorterCalls>> | null = null;
  let isOpen = true;
  let current: Task | null = null;
  let retry: NodeJS.Timeout | undefined;
  let queue: Promise<void> = Promise.resolve();
  let isAwake = false;

  const remote = (): Promise<Remote<SorterCalls>> => {
    sorter ??= startSorter();
    return sorter;
  };
  const sealAll = async () => {
    const write = async (stretch: Stretch) => {
      const info = await (await remote()).call("seal", stretch);
      if (!isOpen) throw new Error("the store is closed");
      return info;
    };
    while (isOpen && (await mover.seal(write)));
  };
  const run = async (task: Task) => {
    current = task;
    const { call } = await remote();
    await call("begin", task);
    for (let bytes: number | null = null; isOpen && bytes === null; ) {
      // A full tail takes memory: it does not wait for the end of a long pass.
      await sealAll();
      const found = await call("next", null);
      for (const _ of isOpen ? roller.store(found, partMs) : []) await pause();
      ({ bytes } = found);
      if (isOpen && bytes !== null) roller.finish(task, bytes);
    }
    current = null;
  };
  const work = async (before?: number) => {
    await sealAll();
    for (let task = isOpen ? roller.due(before) : null; task !== null; task = isOpen ? roller.due(before) : null)
      await run(task);
    while (isOpen && mover.trim()) await pause();
  };

  const wake = () => {
    if (isAwake || retry !== undefined) return;
    isAwake = true;
    queue = queue.then(async () => {
      isAwake = false;
      try {
        await work();
      } catch (error) {
        if (!isOpen) return;
        background(error);
        retry = setTimeout(() => {
          retry = undefined;
          wake();
        }, retryMs);
      }
    });
  };
  wake();
  return {
    wake,
    settle: (before) => {
      const done = queue.then(() => work(before));
      queue = done.catch(() => {});
      return done;
    },
    making: () => (current === null ? null : roller.making(current)),
    close: () => {
      isOpen = false;
      clearTimeout(retry);
      void sorter?.then((started) => started[Symbol.asyncDispose]());
    },
  };
};
