// The recorded week, published like any gateway would:
//
//   week (pure) ─▶ history, ten minutes a message ─▶ dc/demo/replay/batch ─▶ live, every 2 s
//
import { setTimeout as wait } from "node:timers/promises";
import { parentPort, workerData } from "node:worker_threads";
import mqtt from "mqtt";
import { demoOffsetMs } from "./demo.ts";
import { publishHistory, replayTopic } from "./history.ts";
import { loadWeek } from "./recordings.ts";
import type { ReplayProgress, ReplayStart } from "./replay.ts";
import { sampleAll } from "./sample.ts";

const minuteMs = 60_000;
const liveEveryMs = 2000;

const port = parentPort;
if (!port) throw new Error("BUG: thread.ts is started as a worker thread");
const { url, days, resumeAfter } = workerData as ReplayStart;
const stop = new AbortController();
port.on("message", () => stop.abort());
const tell = (progress: ReplayProgress) => port.postMessage(progress);

const devices = loadWeek();
const client = await mqtt.connectAsync(url, { clientId: "demo-replay", reconnectPeriod: 500 });
const publish = (readings: readonly unknown[]) =>
  client.publishAsync(replayTopic, JSON.stringify(readings), { qos: 1 });

const firstMinute = (): number => {
  const earliest = Math.floor(Date.now() / minuteMs) * minuteMs - days * 86_400_000;
  return resumeAfter === null ? earliest : Math.max(earliest, (Math.floor(resumeAfter / minuteMs) + 1) * minuteMs);
};

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
await publishHistory({
  ...{ devices, from: firstMinute(), to: Date.now, publish, signal: stop.signal },
  onProgress: (progress) => tell({ phase: "history", progress }),
});
if (!stop.signal.aborted) tell({ phase: "live", progress: 1 });
await goLive();
await client.endAsync(true);
port.close();
