import { setFlagsFromString } from "node:v8";

// glibc maps large blocks one by one and gives them back, but raises what it calls large with each that is freed, to 32 MB:
// then the heap of each thread keeps them. Told a size it keeps to that. Fewer heaps (MALLOC_ARENA_MAX) would save a little
// more, and have the broker's thread wait for the others: 600 ms instead of 110 at the 99th percentile.
const bounds = { MALLOC_MMAP_THRESHOLD_: "131072" };

/** Whether this process can be replaced by a new one of the same number. */
export const canBeginAnew = (): boolean =>
  // One who watches this process holds a channel to it, which would not outlive it.
  process.platform === "linux" && process.execve !== undefined && process.send === undefined;

/** Does so, with the same command; returns where it cannot. */
export function beginAnew(): void {
  if (!canBeginAnew()) return;
  const command = [process.execPath, ...process.execArgv, ...process.argv.slice(1)];
  process.execve?.(process.execPath, command, { ...bounds, ...process.env });
}

/**
 * Begins this process anew with bounds on what its threads keep of freed memory: glibc reads them before a program's
 * first line. Returns when they are set already, or where there are none to set.
 */
export function boundHeaps(): void {
  if (Object.keys(bounds).some((name) => process.env[name] === undefined)) beginAnew();
}

/**
 * Of this thread only, from here on, is the bound on young garbage that the start script gives: as a flag it would override
 * what each thread is started with.
 */
export function boundThreads(): void {
  setFlagsFromString("--max-semi-space-size=0");
}
