// Loaded before the product (NODE_OPTIONS=--import): its wall clock is off by what the file says, in every thread.
import { readFileSync } from "node:fs";

const file = process.env.BENCH_CLOCK_FILE ?? "";
const { now } = Date;
let shiftMs = 0;
setInterval(() => {
  try {
    shiftMs = Number(readFileSync(file, "utf8")) || 0;
  } catch {
    // It is being written: the next look finds it.
  }
}, 50).unref();
Date.now = () => now() + shiftMs;
