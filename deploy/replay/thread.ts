// The recorded week, published like any gateway would:
//
//   week (pure) ─▶ history, 10 minutes a message, 16 on their way ─▶ dc/demo/replay/batch ─▶ live, every 2 s
//
import { setTimeout as wait } from "node:timers/promises";
import { parentPort, workerData } from "node:worker_threads";
import mqtt from "mqtt";
import { loadWeek } from "./recordings.ts";
import type { ReplayProgress, ReplayStart } from "./replay.ts";
import { sampleAll } from "./sample.ts";
import { demoOffsetMs, demoSite } from "./site.ts";

const topic = `dc/${demoSite}/replay/batch`;
const minuteMs = 60_000;
const messageMinutes = 10;
// Few enough that the broker's limit of unacknowledged messages never pauses us, enough to keep its disk busy.
const onTheirWay = 16;
const liveEveryMs = 2000;

const port = parentPort;
if (!port) throw new Error("BUG: thread.ts is started as a worker thread");
const { url, days, resumeAfter } = workerData as ReplayStart;
const stop = new AbortController();
port.on("message", () => stop.abort());
const tell = (progress: ReplayProgress) => port.postMessage(progress);

const devices = loadWeek();
const client = await mqtt.connectAsync(url, { clientId: "demo-replay", reconnectPeriod: 500 });
const publish = (readings: readonly unknown[]) => client.publishAsync(topic, JSON.stringify(readings), { qos: 1 });

const firstMinute = (): number => {
  const earliest = Math.floor(Date.now() / minuteMs) * minuteMs - days * 86_400_000;
  return resumeAfter === null ? earliest : Math.max(earliest, (Math.floor(resumeAfter / minuteMs) + 1) * minuteMs);
};

async function loadHistory(): Promise<void> {
  const first = firstMinute();
  const pending = new Set<Promise<unknown>>();
  let told = 0;
  for (let ts = first; ts <= Date.now() && !stop.signal.aborted; ) {
    const readings: unknown[] = [];
    for (let count = 0; count < messageMinutes && ts <= Date.now(); count++, ts += minuteMs) {
      readings.push(...sampleAll(devices, ts, demoOffsetMs, "minute"));
    }
    const sent = publish(readings);
    pending.add(sent);
    void sent.finally(() => pending.delete(sent));
    if (pending.size >= onTheirWay) await Promise.race(pending);
    const progress = (ts - first) / Math.max(minuteMs, Date.now() - first);
    if (progress - told >= 0.01) {
      told = progress;
      tell({ phase: "history", progress: Math.min(1, progress) });
    }
  }
  await Promise.all(pending);
}

async function goLive(): Promise<void> {
  while (!stop.signal.aborted) {
    await wait(liveEveryMs - (Date.now() % liveEveryMs), undefined, { signal: stop.signal }).catch(() => undefined);
    if (stop.signal.aborted) return;
    const ts = Math.floor(Date.now() / 1000) * 1000;
    // Not awaited: a slow store must not bend the live rhythm; QoS 1 keeps what is not acknowledged.
    publish(sampleAll(devices, ts, demoOffsetMs, "live")).catch(() => undefined);
  }
}

tell({ phase: "history", progress: 0 });
await loadHistory();
if (!stop.signal.aborted) tell({ phase: "live", progress: 1 });
await goLive();
await client.endAsync(true);
process.exit(0);
