// What the kernel says of a process: /proc, so Linux only.
import { readdir, readFile } from "node:fs/promises";
import { cpus, totalmem } from "node:os";

// USER_HZ is 100 on every Linux that Node runs on.
const ticksPerS = 100;

/** User and system seconds of all its threads since its start. */
export async function cpuSeconds(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8");
  // The name in parentheses may hold spaces; user and system are fields 14 and 15.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / ticksPerS;
}

/** Resident memory now, bytes. */
export async function residentBytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) * 1024;
}

/** One line for the table: figures without their machine mean nothing. */
export const machine = (): string =>
  `${cpus().length} × ${cpus()[0]?.model.trim() ?? "processor"}, ${(totalmem() / 2 ** 30).toFixed(0)} GiB, Node ${process.version}`;

/** CPU seconds by thread name, threads of one name together; names as Node gives them to the kernel. */
export async function cpuByThread(pid: number): Promise<ReadonlyMap<string, number>> {
  const found = new Map<string, number>();
  for (const task of await readdir(`/proc/${pid}/task`)) {
    const stat = await readFile(`/proc/${pid}/task/${task}/stat`, "utf8").catch(() => "");
    const [, name = ""] = /\((.*)\)/.exec(stat) ?? [];
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    if (name) found.set(name, (found.get(name) ?? 0) + (Number(fields[11]) + Number(fields[12])) / ticksPerS);
  }
  return found;
}
