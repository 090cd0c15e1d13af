// The desk's thread as the main thread sees it.
import { Worker } from "node:worker_threads";
import type { Desk, ProductStatus } from "./desk.ts";
import type { DeskOrder, DeskReport } from "./desk-thread.ts";
import type { Models } from "./models.ts";
import type { Notice } from "./outbox.ts";
import type { Settings } from "./settings.ts";

// Three semi-spaces of 16 MB; a million rows a minute pass through, and the default keeps 96 MB of them.
const maxYoungGenerationSizeMb = 24;
// Five times what a province needs. How far garbage grows below it is --heap-growing-percent of the start script.
const maxOldGenerationSizeMb = 1536;
// After it has said that all is closed; a thread that is cut off in native code can take the process with it.
const endsByItselfMs = 5000;

/** A thread that has read settings, site models and rules, and waits to be started with them. */
export interface DeskHost extends AsyncDisposable {
  readonly settings: Settings;
  /** Ids of the modelled sites. */
  readonly ids: readonly string[];
  readonly demo: Models["demo"];
  /** Starts the parts of the desk; once. `fail` is called when the thread dies later. */
  readonly start: (
    status: ProductStatus,
    publish: (notice: Notice) => void,
    fail: (error: Error) => void,
  ) => Promise<Desk & { readonly tell: (status: ProductStatus) => void }>;
}

/** Starts the thread and has it read settings and files; the faults in them are a value. */
export async function openDeskHost(): Promise<
  | { readonly ok: true; readonly host: DeskHost }
  | { readonly ok: false; readonly settings: Settings | null; readonly faults: readonly string[] }
> {
  const worker = new Worker(new URL("./desk-thread.ts", import.meta.url), {
    name: "desk",
    resourceLimits: { maxYoungGenerationSizeMb, maxOldGenerationSizeMb },
  });
  const send = (order: DeskOrder) => worker.postMessage(order);
  const loaded = Promise.withResolvers<Exclude<DeskReport, { readonly notice: Notice }>>();
  const ready = Promise.withResolvers<string | null>();
  ready.promise.catch(() => undefined);
  const stopped = Promise.withResolvers<void>();
  let publish = (_notice: Notice): void => undefined;
  let fail = (_error: Error): void => undefined;
  let stopping = false;
  const died = (error: Error) => {
    loaded.reject(error);
    ready.reject(error);
    if (!stopping) fail(error);
  };
  worker.on("message", (report: DeskReport) => {
    if ("notice" in report) return publish(report.notice);
    if ("ready" in report) ready.resolve(report.ready.url);
    else if ("stopped" in report) stopped.resolve();
    else if ("failed" in report) {
      loaded.reject(new Error(report.failed));
      ready.reject(new Error(report.failed));
    } else loaded.resolve(report);
  });
  worker.on("error", died);
  worker.on("exit", (code) => {
    stopped.resolve();
    died(new Error(`the desk thread ended with code ${code}`));
  });
  const exited = new Promise<void>((resolve) => worker.once("exit", () => resolve()));
  const end = async () => {
    stopping = true;
    send({ stop: true });
    const late = setTimeout(() => void worker.terminate(), endsByItselfMs);
    await exited;
    clearTimeout(late);
  };

  const report = await loaded.promise.catch(async (error: unknown) => {
    await end();
    throw error;
  });
  if (!("loaded" in report)) {
    await end();
    return "faulty" in report ? { ok: false, ...report.faulty } : { ok: false, settings: null, faults: [] };
  }
  return {
    ok: true,
    host: {
      ...report.loaded,
      start: async (status, onNotice, onFailure) => {
        publish = onNotice;
        fail = onFailure;
        send({ start: status });
        const url = await ready.promise.catch(async (error: unknown) => {
          await end();
          throw error;
        });
        return {
          url,
          tell: (next) => send({ status: next }),
          [Symbol.asyncDispose]: async () => {
            stopping = true;
            send({ stop: true });
            await stopped.promise;
            await end();
          },
        };
      },
      [Symbol.asyncDispose]: end,
    },
  };
}
