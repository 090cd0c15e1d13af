import { readlinkSync } from "node:fs";
import { constants, getPriority, setPriority } from "node:os";

// A third of the share of one that acknowledges. On a machine that is not busy it makes no difference.
const niceness = 5;

/**
 * Has the calling thread give way to the threads that take readings in and acknowledge them: for those that read, think
 * and answer. What it starts from then on gives way too. Only Linux keeps a priority for each thread.
 */
export const giveWay = (): void => {
  if (process.platform !== "linux") return;
  try {
    const thread = Number(/\d+$/.exec(readlinkSync("/proc/thread-self"))?.[0]);
    // Of the process, so that what is started by one that gives way does not do so twice.
    const lower = Math.min(constants.priority.PRIORITY_LOW, getPriority(process.pid) + niceness);
    if (getPriority(thread) < lower) setPriority(thread, lower);
  } catch {
    // A kernel that hides its threads: all stay equal.
  }
};
