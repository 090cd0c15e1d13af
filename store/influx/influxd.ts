// Test support: starts a real InfluxDB 1.x. Nothing of the product imports this file.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { accessSync, constants } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { get } from "node:http";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

const binary = process.env.INFLUXD ?? "/usr/bin/influxd";
const readyWithinMs = 120_000; // a cold start on a busy machine takes 1 s to 5 s

/** Whether the tests can have a real server here. Under `CI=true` its absence is a failure, not a reason to pass over. */
export const influxdIsThere = (): boolean => {
  try {
    accessSync(binary, constants.X_OK);
    return true;
  } catch {
    if (process.env.CI === "true") throw new Error(`${binary} is not installed, and CI=true lets no suite be skipped`);
    process.stderr.write(
      `\nSKIPPED: tests against a real InfluxDB, because ${binary} is not installed (apt install influxdb)\n\n`,
    );
    return false;
  }
};

/** A real server with a folder and ports of its own. */
export interface Influxd extends AsyncDisposable {
  readonly port: number;
  /** As `STORE_URL` wants it. */
  url(database: string): string;
  /** `kill -9`, or a stop in order; resolves when the process is gone. The data stay. */
  stop(signal?: "SIGKILL" | "SIGTERM"): Promise<void>;
  /** Starts it again on the same folder and port. */
  start(): Promise<void>;
}

// Below the ports that systems give out by themselves: one that is free stays so while its server is away.
const lowestPort = 15_000;
const portCount = 15_000;

/** A port on which nobody listens and that no connection is given by chance. */
export const freePort = async (): Promise<number> => {
  for (;;) {
    const port = lowestPort + Math.floor(Math.random() * portCount);
    const server = createServer();
    const outcome = new Promise<boolean>((resolve) => {
      server.once("listening", () => resolve(true)).once("error", () => resolve(false));
    });
    server.listen(port, "127.0.0.1");
    if (!(await outcome)) continue;
    server.close();
    await once(server, "close");
    return port;
  }
};

const answers = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const request = get({ host: "127.0.0.1", port, path: "/ping", agent: false, timeout: 10_000 }, (response) => {
      response.resume();
      resolve(response.statusCode === 204);
    });
    request.on("timeout", () => request.destroy());
    request.on("error", () => resolve(false));
  });

const config = (dir: string, port: number, rpcPort: number): string => `
reporting-disabled = true
bind-address = "127.0.0.1:${rpcPort}"
[meta]
  dir = "${dir}/meta"
[data]
  dir = "${dir}/data"
  wal-dir = "${dir}/wal"
  index-version = "tsi1"
  query-log-enabled = false
[http]
  bind-address = "127.0.0.1:${port}"
  log-enabled = false
[monitor]
  store-enabled = false
[continuous_queries]
  enabled = false
[logging]
  level = "error"
  suppress-logo = true
`;

/** `started: "later"` leaves the server down until `start()`. */
export const startInfluxd = async (options: { started?: "now" | "later" } = {}): Promise<Influxd> => {
  const dir = await mkdtemp(join(tmpdir(), "wattlas-influxd-"));
  const [port, rpcPort] = [await freePort(), await freePort()];
  const path = join(dir, "influxdb.conf");
  await writeFile(path, config(dir, port, rpcPort));
  let child: ChildProcess | null = null;

  const stop: Influxd["stop"] = async (signal = "SIGKILL") => {
    const running = child;
    child = null;
    if (running === null || running.exitCode !== null || running.signalCode !== null) return;
    const gone = once(running, "exit");
    running.kill(signal);
    await gone;
  };
  const start = async (): Promise<void> => {
    const running = spawn(binary, ["-config", path], { stdio: ["ignore", "ignore", "pipe"] });
    child = running;
    let said = "";
    running.stderr?.on("data", (text: Buffer) => {
      said = (said + text.toString()).slice(-2000);
    });
    const end = performance.now() + readyWithinMs;
    while (!(await answers(port))) {
      if (running.exitCode !== null || performance.now() > end) {
        await stop();
        throw new Error(`influxd did not become ready: ${said}`);
      }
      await delay(20);
    }
  };
  if (options.started !== "later") await start();
  return {
    port,
    url: (database) => `influx+http://127.0.0.1:${port}/${database}`,
    stop,
    start,
    [Symbol.asyncDispose]: async () => {
      await stop();
      await rm(dir, { recursive: true, force: true });
    },
  };
};
