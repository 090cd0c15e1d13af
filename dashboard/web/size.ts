// Weighs what the first screen loads: the scripts the entry page names and everything they import without asking.
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const build = fileURLToPath(new URL("./build", import.meta.url));
const limits = { script: 120_000, style: 20_000 };

const page = readFileSync(join(build, "index.html"), "utf8");
const files = new Map<string, number>();

const weigh = (path: string): string => {
  const body = readFileSync(path);
  files.set(path, gzipSync(body, { level: 9 }).length);
  return body.toString();
};
/** Follows static imports; `import()` is asked for later and is not followed. */
const follow = (path: string): void => {
  if (files.has(path)) return;
  const source = weigh(path);
  for (const [, target] of source.matchAll(/(?:from|import)\s*["'](\.{1,2}\/[^"']+\.js)["']/g))
    if (target !== undefined) follow(resolve(dirname(path), target));
};

for (const [, path] of page.matchAll(/(?:href|import\()\s*=?\s*"(\/_app\/[^"]+\.js)"/g))
  if (path !== undefined) follow(join(build, path));

// The Operations page itself, its styles and one language come right after the entry.
const manifest = JSON.parse(
  readFileSync(fileURLToPath(new URL("./.svelte-kit/output/client/.vite/manifest.json", import.meta.url)), "utf8"),
) as Record<string, { file: string; src?: string; css?: string[]; imports?: string[] }>;
const styles = new Set<string>();
const collect = (key: string, seen = new Set<string>()): void => {
  const entry = manifest[key];
  if (entry === undefined || seen.has(key)) return;
  seen.add(key);
  follow(join(build, entry.file));
  for (const sheet of entry.css ?? []) styles.add(join(build, sheet));
  for (const next of entry.imports ?? []) collect(next, seen);
};
const wanted = Object.keys(manifest).filter((key) => /nodes\/(0|2)\.js$/.test(key) || key.endsWith("i18n/zh-CN.json"));
for (const key of wanted) collect(key);

const sum = (sizes: Iterable<number>): number => [...sizes].reduce((total, size) => total + size, 0);
const script = sum(files.values());
const style = sum([...styles].map((path) => gzipSync(readFileSync(path), { level: 9 }).length));
const every = sum(
  readdirSync(join(build, "_app"), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".js"))
    .map((name) => gzipSync(readFileSync(join(build, "_app", name)), { level: 9 }).length),
);

const line = (name: string, bytes: number, limit?: number): string =>
  `${name}: ${(bytes / 1000).toFixed(1)} kB gzip${limit === undefined ? "" : ` of ${limit / 1000}`}`;
process.stdout.write(
  `${line("first screen, scripts", script, limits.script)}\n${line("first screen, styles", style, limits.style)}\n${line("all scripts", every)}\n`,
);
if (wanted.length < 3) throw new Error("BUG: the build's manifest does not name the first screen");
if (script > limits.script || style > limits.style) process.exitCode = 1;
