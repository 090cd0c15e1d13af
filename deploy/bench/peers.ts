// The ones that are measured: each a process of its own on a free port.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { accessSync, constants } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { freePort, influxdIsThere, startInfluxd } from "../../store/influx/influxd.ts";
import { type Product, startProduct } from "../product.ts";
import { type Estate, writeSites } from "./site.ts";

export const peerNames = ["aedes", "mosquitto", "sqlite", "influx"] as const;
export type PeerName = (typeof peerNames)[number];

export interface Peer extends AsyncDisposable {
  readonly name: PeerName;
  readonly port: number;
  readonly pid: number;
  /** Null for a bare broker: it keeps nothing that could be audited. */
  readonly product: Product | null;
}

const mosquitto = "/usr/sbin/mosquitto";
const startWithinMs = 10_000;

const isThere = (path: string): boolean => {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
};

/** Starts it; null with a word on standard error when it is not installed. */
export async function startPeer(
  name: PeerName,
  estate: Estate,
  extra: Readonly<Record<string, string>> = {},
): Promise<Peer | null> {
  if (name === "aedes") return startAedes();
  if (name === "mosquitto") return isThere(mosquitto) ? startMosquitto() : missing("mosquitto");
  if (name === "sqlite") return startWattlas(name, estate, extra);
  if (!influxdIsThere()) return missing("influxd");
  return startWattlas(name, estate, extra);
}

function missing(what: string): null {
  process.stderr.write(`bench: ${what} is not installed and is left out\n`);
  return null;
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, "exit");
  child.kill("SIGKILL");
  await gone;
}

async function startAedes(): Promise<Peer> {
  const child = spawn(process.execPath, [join(import.meta.dirname, "aedes.ts")], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [chunk] = (await once(child.stdout, "data")) as [Buffer];
  const port = Number(/port (\d+)/.exec(chunk.toString())?.[1]);
  return { name: "aedes", port, pid: child.pid ?? 0, product: null, [Symbol.asyncDispose]: () => end(child) };
}

async function startMosquitto(): Promise<Peer> {
  const folder = await mkdtemp(join(tmpdir(), "wattlas-mosquitto-"));
  const port = await freePort();
  const config = join(folder, "mosquitto.conf");
  await writeFile(
    config,
    `listener ${port} 127.0.0.1\nallow_anonymous true\npersistence false\nset_tcp_nodelay true\nlog_type error\nuser root\n`,
  );
  const child = spawn(mosquitto, ["-c", config], { stdio: "ignore" });
  const until = performance.now() + startWithinMs;
  while (!(await accepts(port))) {
    if (performance.now() > until) throw new Error("mosquitto did not start");
    await wait(20);
  }
  return {
    name: "mosquitto",
    port,
    pid: child.pid ?? 0,
    product: null,
    [Symbol.asyncDispose]: async () => {
      await end(child);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function startWattlas(
  name: "sqlite" | "influx",
  estate: Estate,
  extra: Readonly<Record<string, string>>,
): Promise<Peer> {
  await using stack = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), "wattlas-bench-"));
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  const sitesDir = await writeSites(folder, estate);
  const influxd = name === "influx" ? stack.use(await startInfluxd()) : null;
  const product = await startProduct(join(folder, "data"), {
    ENERGY_SITES_DIR: sitesDir,
    DEPLOY_HEALTH_MS: "1000",
    ...(influxd ? { STORE_URL: influxd.url("wattlas") } : {}),
    ...extra,
  });
  // In order, so that a profile of it is written; the exit is waited for.
  stack.defer(async () => {
    await product.end("SIGTERM");
  });
  const owned = stack.move();
  return {
    name,
    port: Number(new URL(product.mqttUrl).port),
    pid: product.pid,
    product,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

const accepts = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
