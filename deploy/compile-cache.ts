import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { enableCompileCache, flushCompileCache } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const root = join(import.meta.dirname, "..");
const stages = ["broker", "collector", "store", "energy", "rules", "dashboard/server", "deploy"];
const stampName = "compiled-from";

/**
 * Has what Node makes of our TypeScript kept between starts, for this thread and those it starts later; a folder that
 * cannot be written is none. Node strips types with WebAssembly in every thread anew, and V8 may free code of one
 * thread under the hands of another (https://github.com/nodejs/node/issues/64500). What is kept is not stripped again.
 */
export function keepCompiled(): void {
  process.env.NODE_COMPILE_CACHE ??= join(root, "node_modules", ".cache", "wattlas", "compiled");
  enableCompileCache(process.env.NODE_COMPILE_CACHE);
}

/**
 * Compiles the product when its files are not those that were compiled before: a thread that strips types itself holds
 * 7 MB more for good. For a process that can begin anew, since what is loaded here stays loaded. False when there was
 * nothing to do or nothing can be kept.
 */
export async function compileOnce(): Promise<boolean> {
  const stamp = join(process.env.NODE_COMPILE_CACHE ?? "", stampName);
  const files = stages.flatMap((stage) => sourcesIn(join(root, stage)));
  const newest = files.reduce((time, path) => Math.max(time, statSync(path).mtimeMs), 0);
  const from = `${process.version} ${root} ${files.length} ${newest}`;
  if (readOrNull(stamp) === from) return false;
  const start = join(root, "deploy", "start.ts");
  for (const path of files.filter((one) => one === start || isFirst(one))) {
    // What begins a thread says that it is in none; whatever else is wrong shows when it is started.
    await import(pathToFileURL(path).href).catch(() => undefined);
  }
  flushCompileCache();
  try {
    writeFileSync(stamp, from);
  } catch {
    return false;
  }
  return true;
}

/** Doors, and what threads begin with. */
const isFirst = (path: string): boolean => /(?:index|desk-thread|\.worker)\.ts$/.test(path);

const sourcesIn = (folder: string): readonly string[] =>
  readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts") && !name.endsWith(".test.ts"))
    .map((name) => join(folder, name));

const readOrNull = (path: string): string | null => {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return null;
  }
};
