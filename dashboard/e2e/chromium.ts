// Where the tests' browser is: CHROMIUM_PATH, then the system's, then the npm package's.
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { brotliDecompress } from "node:zlib";

export interface ChromiumPlace {
  readonly executablePath: string;
  readonly args: readonly string[];
  readonly env: Record<string, string>;
}

const run = promisify(execFile);
const unbrotli = promisify(brotliDecompress);

const plainEnv = (): Record<string, string> =>
  Object.fromEntries(Object.entries(process.env).filter((entry): entry is [string, string] => entry[1] !== undefined));

/** A slim system lacks NSS; the package ships it, but unpacks it by itself only on the clouds it was made for. */
const librariesFor = async (executablePath: string): Promise<string | null> => {
  if (process.platform !== "linux") return null;
  const { stdout } = await run("ldd", [executablePath]).catch(() => ({ stdout: "" }));
  if (!stdout.includes("not found")) return null;
  const folder = join(tmpdir(), "wattlas-chromium-libraries");
  if (!existsSync(join(folder, "lib"))) {
    const packed = join(dirname(createRequire(import.meta.url).resolve("@sparticuz/chromium")), "../bin/al2023.tar.br");
    const tar = join(tmpdir(), `wattlas-al2023-${process.pid}.tar`);
    await mkdir(folder, { recursive: true });
    await writeFile(tar, await unbrotli(await readFile(packed)));
    await run("tar", ["-xf", tar, "-C", folder]);
  }
  return join(folder, "lib");
};

/** Its own `args` are not used: they hold `--single-process` and `--disable-web-security`. */
export const findChromium = async (): Promise<ChromiumPlace> => {
  const args = ["--no-sandbox"];
  const env = plainEnv();
  const own = process.env.CHROMIUM_PATH;
  if (own !== undefined && own !== "") return { executablePath: own, args, env };
  if (existsSync("/usr/bin/chromium")) return { executablePath: "/usr/bin/chromium", args, env };
  const { default: chromium } = await import("@sparticuz/chromium");
  const executablePath = await chromium.executablePath();
  const libraries = await librariesFor(executablePath);
  return {
    executablePath,
    args,
    env: libraries === null ? env : { ...env, LD_LIBRARY_PATH: libraries },
  };
};
