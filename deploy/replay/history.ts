// The past of the demonstration, published like any gateway would:
//
//   week (pure) ─▶ minutes, 10 a message, 16 messages on their way ─▶ dc/demo/replay/batch
//

import { demoOffsetMs, demoSite } from "./demo.ts";
import { sampleAll } from "./sample.ts";
import type { DemoDevice } from "./week.ts";

export const replayTopic = `dc/${demoSite}/replay/batch`;

export interface History {
  readonly devices: readonly DemoDevice[];
  /** The first minute, UTC ms. */
  readonly from: number;
  /** The last moment, which may go on moving. */
  readonly to: () => number;
  /** Resolves when the message is acknowledged. */
  readonly publish: (readings: readonly unknown[]) => Promise<unknown>;
  readonly signal?: AbortSignal;
  /** 0..1, by time. */
  readonly onProgress?: (progress: number) => void;
}

const minuteMs = 60_000;
const messageMinutes = 10;
// Few enough that the broker's limit of unacknowledged messages never pauses us, enough to keep its disk busy.
const onTheirWay = 16;

/** Publishes every minute of every device once, oldest first; resolves when all is acknowledged. */
export async function publishHistory({ devices, from, to, publish, signal, onProgress }: History): Promise<void> {
  const pending = new Set<Promise<unknown>>();
  let told = 0;
  for (let ts = from; ts <= to() && signal?.aborted !== true; ) {
    const readings: unknown[] = [];
    for (let count = 0; count < messageMinutes && ts <= to(); count++, ts += minuteMs)
      readings.push(...sampleAll(devices, ts, demoOffsetMs, "minute"));
    const sent = publish(readings);
    pending.add(sent);
    void sent.finally(() => pending.delete(sent));
    if (pending.size >= onTheirWay) await Promise.race(pending);
    const progress = (ts - from) / Math.max(minuteMs, to() - from);
    if (progress - told >= 0.01) {
      told = progress;
      onProgress?.(Math.min(1, progress));
    }
  }
  await Promise.all(pending);
}
