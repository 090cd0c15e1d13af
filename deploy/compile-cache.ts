import { enableCompileCache } from "node:module";
import { join } from "node:path";

/**
 * Has what Node makes of our TypeScript kept between starts, for this thread and those it starts later; a folder that
 * cannot be written is none. Node strips types with WebAssembly in every thread anew, and V8 may free code of one
 * thread under the hands of another (https://github.com/nodejs/node/issues/64500). What is kept is not stripped again.
 */
export function keepCompiled(): void {
  process.env.NODE_COMPILE_CACHE ??= join(import.meta.dirname, "..", "node_modules", ".cache", "wattlas", "compiled");
  enableCompileCache(process.env.NODE_COMPILE_CACHE);
}
