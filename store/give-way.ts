import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { setPriority } from "node:os";

// A third of the share of one that acknowledges. On a machine that is not busy it makes no difference.
const niceness = 5;

/**
 * Has the calling thread give way to the threads that take readings in and acknowledge them: for those that read, think
 * and answer. What it starts from then on gives way too. Only Linux keeps a priority for each thread.
 */
export const giveWay = (): void => {
  if (process.platform === "linux") lower(() => Number(/\d+$/.exec(readlinkSync("/proc/thread-self"))?.[0]));
};

/** The same for the threads that V8 collects garbage with, whoever's it is. */
export const haveGarbageGiveWay = (): void => {
  if (process.platform !== "linux") return;
  for (const thread of readdirSync("/proc/self/task"))
    lower(() => (/^V8Worker/.test(readFileSync(`/proc/self/task/${thread}/comm`, "latin1")) ? Number(thread) : null));
};

const lower = (thread: () => number | null): void => {
  try {
    const number = thread();
    if (number !== null) setPriority(number, niceness);
  } catch {
    // A kernel that hides its threads, or one of them that has just ended: all stay equal.
  }
};
