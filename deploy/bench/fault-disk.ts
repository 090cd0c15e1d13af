// No room: what is not stored is not acknowledged, it is said, and room is used as soon as there is some.
import { execFileSync } from "node:child_process";
import { closeSync, openSync, writeSync } from "node:fs";
import { mkdir, readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { temporaryFolder } from "../product.ts";
import { type Fault, isWhole, judge, skip, storeHealth, survive, until, whole } from "./fault.ts";

const flags = { rate: 500 };
const saidWithinMs = 60_000;

export const diskFull: Fault = {
  name: "disk full (tmpfs)",
  run: async (short) => {
    if (process.platform !== "linux" || process.getuid?.() !== 0) return skip("a small tmpfs needs root");
    await using folder = await temporaryFolder();
    const mount = join(folder.path, "small");
    await mkdir(mount);
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=48m", "tmpfs", mount]);
    try {
      const ballast = join(mount, "ballast");
      const survived = await survive({
        dataDir: join(mount, "data"),
        flags: { ...flags, seconds: short ? 5 : 12 },
        act: async (product) => {
          await wait(1000);
          fill(ballast);
          const said = await until(async () => (await storeHealth(product)).state === "full", saidWithinMs);
          await wait(short ? 500 : 4000);
          await rm(ballast);
          const back = await until(async () => (await storeHealth(product)).state === "ok", saidWithinMs);
          return { said, back };
        },
      });
      const { said, back } = survived.acted;
      return judge(isWhole(survived) && said && back, {
        ...whole(survived),
        saidFull: `${said}`,
        backByItself: `${back}`,
      });
    } finally {
      execFileSync("umount", ["--lazy", mount]);
    }
  },
};

export const fileLimit: Fault = {
  name: "disk full (file-size limit)",
  run: async (short) => {
    if (process.platform !== "linux") return skip("prlimit is Linux");
    await using folder = await temporaryFolder();
    const survived = await survive({
      dataDir: folder.path,
      flags: { ...flags, seconds: short ? 5 : 12 },
      act: async (product) => {
        await wait(1000);
        // Only the soft limit: whoever lowers the hard one cannot raise it again.
        const limit = (bytes: string) => execFileSync("prlimit", ["--pid", `${product.pid}`, `--fsize=${bytes}:`]);
        limit(String((await largest(folder.path)) + 65_536));
        const said = await until(async () => (await storeHealth(product)).state === "full", saidWithinMs);
        await wait(short ? 500 : 4000);
        limit("unlimited");
        const back = await until(async () => (await storeHealth(product)).state === "ok", saidWithinMs);
        return { said, back };
      },
    });
    const { said, back } = survived.acted;
    return judge(isWhole(survived) && said && back, {
      ...whole(survived),
      saidFull: `${said}`,
      backByItself: `${back}`,
    });
  },
};

function fill(path: string): void {
  const file = openSync(path, "w");
  try {
    for (let bytes = 1 << 20; bytes >= 512; bytes = Math.floor(bytes / 2)) fillBy(file, Buffer.alloc(bytes));
  } finally {
    closeSync(file);
  }
}

function fillBy(file: number, block: Buffer): void {
  try {
    while (writeSync(file, block) === block.length);
  } catch (error) {
    if (!(error instanceof Error) || !("code" in error) || error.code !== "ENOSPC") throw error;
  }
}

async function largest(folder: string): Promise<number> {
  const names = await readdir(folder, { recursive: true });
  const sizes = await Promise.all(
    names.map(async (name) => (await stat(join(folder, name)).catch(() => null))?.size ?? 0),
  );
  return Math.max(...sizes);
}
