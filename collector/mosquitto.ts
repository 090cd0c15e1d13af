// Test support: Debian's Mosquitto as a process of its own, on a free port, with its queue on disk.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";

const binary = "/usr/sbin/mosquitto";
export const mosquittoIsThere = existsSync(binary);
export const mosquittoIsMissing = "mosquitto is not installed: WATTLAS_INSTALL=1 npm test installs it";

export interface Mosquitto extends AsyncDisposable {
  readonly url: string;
  /** Ends it as an operator would: what it holds is written down first. */
  stop(): Promise<void>;
  /** Again on the same port and folder. */
  start(): Promise<void>;
}

// Below the ports that systems give out by themselves: one that is free stays so while its server is away.
const lowestPort = 15_000;
const portCount = 15_000;

const freePort = async (): Promise<number> => {
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
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
    socket.once("connect", () => socket.destroy());
  });

/** As the README says it must be set: no message thrown away, hundreds on their way at once. `more` is added. */
export const startMosquitto = async (more: readonly string[] = []): Promise<Mosquitto> => {
  const dir = await mkdtemp(join(tmpdir(), "wattlas-mosquitto-"));
  const port = await freePort();
  const config = join(dir, "mosquitto.conf");
  const secure = more.some((line) => line.startsWith("certfile"));
  const lines = [
    `listener ${port} 127.0.0.1`,
    "allow_anonymous true",
    "persistence true",
    `persistence_location ${dir}/`,
    "max_queued_messages 0",
    "max_inflight_messages 1000",
    // Otherwise it changes to a user that may not write the folder.
    "user root",
    ...more,
  ];
  await writeFile(config, `${lines.join("\n")}\n`);
  let child: ChildProcess | null = null;

  const stop = async (): Promise<void> => {
    if (child === null) return;
    const gone = once(child, "exit");
    child.kill("SIGTERM");
    child = null;
    await gone;
  };
  const start = async (): Promise<void> => {
    const running = spawn(binary, ["-c", config], { stdio: "ignore" });
    child = running;
    while (!(await answers(port))) {
      if (running.exitCode !== null) throw new Error(`mosquitto ended with code ${running.exitCode}`);
      await setTimeout(20);
    }
  };
  await start();
  return {
    url: `${secure ? "mqtts" : "mqtt"}://127.0.0.1:${port}`,
    stop,
    start,
    [Symbol.asyncDispose]: async () => {
      await stop();
      await rm(dir, { recursive: true, force: true });
    },
  };
};
