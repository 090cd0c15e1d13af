import { parentPort, workerData } from "node:worker_threads";
import type { SiteModel } from "#energy";
import { openStore } from "#store";
import { type Desk, type ProductStatus, startDesk } from "./desk.ts";
import { createLog } from "./log.ts";
import type { Notice } from "./outbox.ts";
import type { Settings } from "./settings.ts";

/** What the thread is started with. */
export interface DeskStart {
  readonly settings: Settings;
  readonly sites: readonly SiteModel[];
  readonly status: ProductStatus;
}
/** To the desk. */
export type DeskOrder = { readonly status: ProductStatus } | { readonly stop: true };
/** From the desk. */
export type DeskReport =
  | { readonly ready: { readonly url: string | null } }
  | { readonly failed: string }
  | { readonly notice: Notice }
  | { readonly stopped: true };

const port = parentPort;
if (!port) throw new Error("BUG: desk-thread.ts is started as a worker thread");
const report = (message: DeskReport) => port.postMessage(message);

const start = workerData as DeskStart;
let status = start.status;
const { onError } = createLog(start.settings.deploy.DEPLOY_LOG);

const run = async (): Promise<void> => {
  const store = await openStore(start.settings.store, { role: "reader", onError });
  let desk: Desk;
  try {
    desk = await startDesk(start.settings, {
      store,
      sites: start.sites,
      publish: (notice) => report({ notice }),
      status: () => status,
      onError,
    });
  } catch (error) {
    await store[Symbol.asyncDispose]();
    throw error;
  }
  port.on("message", (order: DeskOrder) => {
    if ("status" in order) status = order.status;
    else
      void desk[Symbol.asyncDispose]()
        .then(() => store[Symbol.asyncDispose]())
        .then(() => report({ stopped: true }));
  });
  report({ ready: { url: desk.url } });
};

run().catch((error: unknown) => report({ failed: error instanceof Error ? error.message : String(error) }));
