// Starts the real product on free ports, for whole-screen checks.
import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export interface Product extends AsyncDisposable {
  /** Address of the pages, without a slash at the end. */
  readonly url: string;
}

const root = fileURLToPath(new URL("../..", import.meta.url));
const startWithinMs = 60_000;
const stopWithinMs = 15_000;

/** Runs `node deploy/main.ts` in its own data folder until disposed of. It says where it is by printing the address. */
export const startProduct = async (settings: Readonly<Record<string, string>> = {}): Promise<Product> => {
  const dataDir = await mkdtemp(join(tmpdir(), "wattlas-e2e-"));
  const child = spawn(process.execPath, ["deploy/main.ts"], {
    cwd: root,
    env: {
      ...process.env,
      BROKER_PORT: "0",
      BROKER_WS_PORT: "0",
      DASHBOARD_PORT: "0",
      DATA_DIR: dataDir,
      ...settings,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
  let output = "";

  const stop = async (): Promise<void> => {
    child.kill("SIGTERM");
    const force = setTimeout(() => child.kill("SIGKILL"), stopWithinMs);
    await ended;
    clearTimeout(force);
    await rm(dataDir, { recursive: true, force: true });
  };

  try {
    const url = await new Promise<string>((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error(`no address was printed within ${startWithinMs} ms:\n${output}`)),
        startWithinMs,
      );
      const read = (chunk: Buffer): void => {
        output += chunk.toString();
        const found = /https?:\/\/[^\s"',]+/.exec(output)?.[0];
        if (found === undefined) return;
        clearTimeout(timer);
        resolve(found.replace(/\/$/, ""));
      };
      child.stdout.on("data", read);
      child.stderr.on("data", read);
      child.once("close", (code) => {
        clearTimeout(timer);
        reject(new Error(`the product ended with code ${code}:\n${output}`));
      });
    });
    return { url, [Symbol.asyncDispose]: stop };
  } catch (error) {
    await stop();
    throw error;
  }
};
