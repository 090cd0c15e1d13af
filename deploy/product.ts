// Test support: the real product as a process of its own, on free ports and a folder of its own.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import manifest from "../package.json" with { type: "json" };

// What `npm start` gives Node before the program: --v8-pool-size, one thread less than processors for all garbage, where Node
// takes four, which on two cores are in the way of those that acknowledge; --max-semi-space-size, since the garbage of a
// thread that takes tens of thousands of messages a second is young; --max-old-space-size, a bound; --heap-growing-percent,
// by how much the rest may grow beyond what lived before it is collected, where V8 would let it nearly double;
// --scavenger-max-new-space-capacity-mb, which bounds the buffers that lie about before young garbage is collected: 9 MB a
// thread instead of 45.
const nodeFlags = manifest.scripts.start.split(" ").slice(1, -1);

/** Disposing of one that still runs kills it, so that a test that fails leaves nothing behind. */
export interface Product extends AsyncDisposable {
  readonly url: string;
  readonly mqttUrl: string;
  readonly pid: number;
  /** Everything it printed so far. */
  readonly output: () => string;
  /** Ends it and waits until it is gone. */
  readonly end: (signal: "SIGTERM" | "SIGKILL") => Promise<number | null>;
}

export interface Ended {
  readonly code: number | null;
  readonly output: string;
}

/** Environment of a quiet product on free ports; `dataDir` is kept between starts. */
const environment = (dataDir: string, extra: Readonly<Record<string, string>>): NodeJS.ProcessEnv => ({
  PATH: process.env.PATH,
  ...(process.env.NODE_COMPILE_CACHE === undefined ? {} : { NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE }),
  BROKER_PORT: "0",
  BROKER_WS_PORT: "0",
  DASHBOARD_PORT: "0",
  DATA_DIR: dataDir,
  ENERGY_SITES_DIR: join(dataDir, "no-sites"),
  DEPLOY_DEMO: "off",
  ...extra,
});

const spawnProduct = (
  dataDir: string,
  extra: Readonly<Record<string, string>>,
  args: readonly string[],
): ChildProcess =>
  spawn(process.execPath, [...nodeFlags, join(import.meta.dirname, "main.ts"), ...args], {
    env: environment(dataDir, extra),
    stdio: ["ignore", "pipe", "pipe"],
  });

/** Starts it and waits for the line with the address. Rejects with what it printed when it ends before that. */
export async function startProduct(dataDir: string, extra: Readonly<Record<string, string>> = {}): Promise<Product> {
  const child = spawnProduct(dataDir, extra, []);
  let output = "";
  const up = Promise.withResolvers<{ url: string; mqttUrl: string }>();
  const hear = (chunk: Buffer) => {
    output += chunk.toString();
    const line = /open (http:\S+) \(MQTT (?:on|from) (\S+)\)/.exec(output);
    if (line?.[1] && line[2]) up.resolve({ url: line[1], mqttUrl: `mqtt://${line[2]}` });
  };
  child.stdout?.on("data", hear);
  child.stderr?.on("data", hear);
  const gone = once(child, "exit");
  void gone.then(() => up.reject(new Error(`the product ended before it was up:\n${output}`)));
  const { url, mqttUrl } = await up.promise;
  const end: Product["end"] = async (signal) => {
    child.kill(signal);
    await gone;
    return child.exitCode;
  };
  return {
    url,
    mqttUrl,
    pid: child.pid ?? 0,
    output: () => output,
    end,
    [Symbol.asyncDispose]: async () => {
      await end("SIGKILL");
    },
  };
}

/** Runs it to its end, for starts that must be refused and for `--check`. */
export async function runProduct(
  dataDir: string,
  extra: Readonly<Record<string, string>> = {},
  args: readonly string[] = [],
): Promise<Ended> {
  const child = spawnProduct(dataDir, extra, args);
  let output = "";
  child.stdout?.on("data", (chunk: Buffer) => {
    output += chunk.toString();
  });
  child.stderr?.on("data", (chunk: Buffer) => {
    output += chunk.toString();
  });
  await once(child, "close");
  return { code: child.exitCode, output };
}

/** A temporary folder that is gone after the test. */
export async function temporaryFolder(): Promise<{ readonly path: string } & AsyncDisposable> {
  const path = await mkdtemp(join(tmpdir(), "wattlas-"));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}
