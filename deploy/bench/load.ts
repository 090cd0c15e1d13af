import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** What generator.ts prints. */
export interface LoadResult {
  readonly qos: 0 | 1;
  readonly devices: number;
  readonly connections: number;
  readonly window: number;
  readonly offeredPerS: number | null;
  readonly seconds: number;
  readonly sent: number;
  readonly acknowledged: number;
  readonly sentPerS: number;
  readonly acknowledgedPerS: number;
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
  readonly p999Ms: number | null;
  readonly maxMs: number;
  readonly connectMs: number;
  readonly stormMs: number | null;
  /** Connections that the broker ended. */
  readonly closed: number;
  /** Acknowledgements out of order; with none, what was acknowledged of a device is the beginning of what was sent. */
  readonly disordered: number;
  readonly drained: boolean;
  readonly generatorCpu: number;
}

/** What one device sent: numbers `first` to `first + sent`, of which the first `acked` were acknowledged. */
export interface JournalEntry {
  readonly site: string;
  readonly device: string;
  readonly first: number;
  readonly sent: number;
  readonly acked: number;
}

export type LoadPhase = "connected" | "measure" | "measured";

export interface Load {
  readonly result: Promise<LoadResult>;
  /** After `result`. */
  readonly journal: () => Promise<readonly JournalEntry[]>;
  /** No message after this; what is sent is still waited for. */
  readonly stop: () => void;
  readonly end: () => void;
}

let journals = 0;

/** Starts the generator; `options` are its flags. */
export function startLoad(
  options: Readonly<Record<string, string | number | true>>,
  onPhase: (phase: LoadPhase) => void = () => undefined,
): Load {
  const journal = join(tmpdir(), `wattlas-journal-${process.pid}-${++journals}.json`);
  const flags = Object.entries(options).flatMap(([name, value]) =>
    value === true ? [`--${name}`] : [`--${name}`, String(value)],
  );
  const child = spawn(process.execPath, [join(import.meta.dirname, "generator.ts"), ...flags, "--journal", journal], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let printed = "";
  let said = "";
  let rest = "";
  child.stdout.on("data", (chunk: Buffer) => {
    printed += chunk.toString();
  });
  child.stderr.on("data", (chunk: Buffer) => {
    const lines = (rest + chunk.toString()).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      const event = /^\{"event":"(connected|measure|measured)"/.exec(line)?.[1];
      if (event) onPhase(event as LoadPhase);
      else said += `${line}\n`;
    }
  });
  let entries: readonly JournalEntry[] = [];
  const result = once(child, "close").then(async () => {
    // Whoever asks for it or not, nothing stays behind.
    const text = await readFile(journal, "utf8").catch(() => "[]");
    await rm(journal, { force: true });
    entries = JSON.parse(text || "[]") as JournalEntry[];
    if (child.exitCode !== 0)
      throw new Error(`the generator ended with ${child.exitCode ?? child.signalCode}:\n${said}`);
    return JSON.parse(printed) as LoadResult;
  });
  result.catch(() => undefined);
  return {
    result,
    journal: async () => {
      await result;
      return entries;
    },
    stop: () => child.kill("SIGTERM"),
    end: () => child.kill("SIGKILL"),
  };
}
