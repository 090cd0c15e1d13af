// Loaded before the product (NODE_OPTIONS=--import): writes down how long its first thread, the broker's, was held.
import { appendFile } from "node:fs";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { isMainThread } from "node:worker_threads";

const file = process.env.BENCH_LOOP_FILE ?? "";
const resolutionMs = 2;
const everyMs = 500;

if (isMainThread && file !== "") {
  const histogram = monitorEventLoopDelay({ resolution: resolutionMs });
  histogram.enable();
  setInterval(() => {
    const heldMs = Math.max(0, histogram.max / 1e6 - resolutionMs);
    histogram.reset();
    // What could not be written is one line of figures less.
    appendFile(file, `${Date.now()} ${heldMs.toFixed(1)}\n`, () => undefined);
  }, everyMs).unref();
}
