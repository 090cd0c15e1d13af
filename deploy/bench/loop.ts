import { readFile } from "node:fs/promises";
import { join } from "node:path";

/** Settings that make a product write down how long its broker's thread was held. */
export const loopSettings = (file: string, nodeOptions = ""): Readonly<Record<string, string>> => ({
  NODE_OPTIONS: `${nodeOptions} --import ${join(import.meta.dirname, "loop-delay.ts")}`.trim(),
  BENCH_LOOP_FILE: file,
});

/** Longest time that the thread did not turn between two moments of the wall clock, ms; null when nothing was written. */
export async function longestHold(file: string, from: number, to: number): Promise<number | null> {
  const text = await readFile(file, "utf8").catch(() => "");
  const held = text.split("\n").flatMap((line) => {
    const [at, ms] = line.split(" ").map(Number);
    return at !== undefined && ms !== undefined && at > from && at <= to ? [ms] : [];
  });
  return held.length === 0 ? null : Math.max(...held);
}
