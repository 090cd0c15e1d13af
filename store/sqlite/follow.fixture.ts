import { parentPort, workerData } from "node:worker_threads";
import { openIn } from "./scratch.ts";

// A second instance in a thread of its own: says when it waits, then what it was woken with.
const readings = await openIn(String(workerData), { role: "reader" });
const waiting = readings.follow({ cursor: await readings.head(), limit: 10, waitMs: 600_000 });
parentPort?.postMessage("waiting");
parentPort?.postMessage((await waiting).readings);
await readings[Symbol.asyncDispose]();
