import { once } from "node:events";
import { Worker } from "node:worker_threads";
import type { OnError } from "../desk.ts";

export interface ReplayProgress {
  readonly phase: "history" | "live";
  /** Share of the history that was acknowledged, 0..1. */
  readonly progress: number;
}

/** What the replay thread is started with. */
export interface ReplayStart {
  readonly url: string;
  readonly days: number;
  /** Newest reading that is stored already: history goes on after it. */
  readonly resumeAfter: number | null;
}

export interface ReplayDeps extends ReplayStart {
  readonly onProgress: (progress: ReplayProgress) => void;
  readonly onError: OnError;
}

/** Publishes the demonstration over MQTT from a thread of its own: missing history first, then live. */
export function startReplay(deps: ReplayDeps): AsyncDisposable {
  const { url, days, resumeAfter } = deps;
  const start: ReplayStart = { url, days, resumeAfter };
  const worker = new Worker(new URL("./thread.ts", import.meta.url), { workerData: start, name: "replay" });
  let stopping = false;
  const ended = once(worker, "exit");
  worker.on("message", (progress: ReplayProgress) => deps.onProgress(progress));
  worker.on("error", (error) => {
    if (!stopping) deps.onError(error, { stage: "deploy", code: "DEPLOY_REPLAY" });
  });
  return {
    [Symbol.asyncDispose]: async () => {
      stopping = true;
      worker.postMessage("stop");
      const deadline = setTimeout(() => void worker.terminate(), 2000);
      await ended.catch(() => undefined);
      clearTimeout(deadline);
    },
  };
}
