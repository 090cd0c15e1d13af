import { readlinkSync } from "node:fs";
import { getPriority } from "node:os";
import { parentPort } from "node:worker_threads";
import { giveWay } from "./give-way.ts";

const own = () => getPriority(Number(/\d+$/.exec(readlinkSync("/proc/thread-self"))?.[0]));
const before = own();
giveWay();
parentPort?.postMessage({ before, after: own() });
