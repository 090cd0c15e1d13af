// glibc gives each thread heaps of its own, and keeps most of what was freed there. With two heaps for all threads, and
// large blocks mapped one by one, what was freed is used again or given back.
const bounds = { MALLOC_ARENA_MAX: "2", MALLOC_MMAP_THRESHOLD_: "131072" };

/**
 * Begins this process anew, under the same number, with bounds on what its threads keep of freed memory: glibc reads
 * them before a program's first line. Returns when they are set already, or where there are none to set.
 */
export function boundHeaps(): void {
  if (process.platform !== "linux" || process.execve === undefined) return;
  // One who watches this process holds a channel to it, which would not outlive it.
  if (process.send !== undefined) return;
  if (Object.keys(bounds).every((name) => process.env[name] !== undefined)) return;
  const command = [process.execPath, ...process.execArgv, ...process.argv.slice(1)];
  process.execve(process.execPath, command, { ...bounds, ...process.env });
}
