import { parentPort } from "node:worker_threads";
import { giveWay, openStore } from "#store";
import { check } from "./check.ts";
import { type Desk, type ProductStatus, startDesk } from "./desk.ts";
import { createLog } from "./log.ts";
import type { Models } from "./models.ts";
import type { Notice } from "./outbox.ts";
import type { Settings } from "./settings.ts";

// Models, rules and settings are read where they are used: hundreds of thousands of nodes are neither copied nor kept
// twice, and the broker's thread never loads what reads them.
//
//   started ─▶ loaded (or faulty) ─▶ start ─▶ ready ─▶ status … ─▶ stop ─▶ stopped

/** To the desk. */
export type DeskOrder =
  | { readonly start: ProductStatus }
  | { readonly status: ProductStatus }
  | { readonly stop: true };
/** From the desk. */
export type DeskReport =
  | {
      readonly loaded: {
        readonly settings: Settings;
        readonly ids: readonly string[];
        readonly demo: Models["demo"];
      };
    }
  | { readonly faulty: { readonly settings: Settings | null; readonly faults: readonly string[] } }
  | { readonly ready: { readonly url: string | null } }
  | { readonly failed: string }
  | { readonly notice: Notice }
  | { readonly stopped: true };

const port = parentPort;
if (!port) throw new Error("BUG: desk-thread.ts is started as a worker thread");
const report = (message: DeskReport) => port.postMessage(message);

const run = async (settings: Settings, models: Models, first: ProductStatus): Promise<void> => {
  const { onError } = createLog(settings.deploy.DEPLOY_LOG);
  let status = first;
  const store = await openStore(settings.store, { role: "reader", onError });
  let desk: Desk;
  try {
    desk = await startDesk(settings, {
      store,
      sites: models.sites,
      publish: (notice) => report({ notice }),
      status: () => status,
      onError,
    });
  } catch (error) {
    await store[Symbol.asyncDispose]();
    throw error;
  }
  let stopping = false;
  port.on("message", (order: DeskOrder) => {
    if ("status" in order) status = order.status;
    else if ("stop" in order && !stopping) {
      stopping = true;
      void desk[Symbol.asyncDispose]()
        .then(() => store[Symbol.asyncDispose]())
        .then(() => {
          report({ stopped: true });
          port.close();
        });
    }
  });
  report({ ready: { url: desk.url } });
};

const load = async (): Promise<void> => {
  const checked = await check(process.env);
  if (!checked.ok) return report({ faulty: { settings: checked.settings, faults: checked.faults } });
  const { settings, models } = checked;
  const fail = (error: unknown) => report({ failed: error instanceof Error ? error.message : String(error) });
  port.once("message", (order: DeskOrder) => {
    if ("start" in order) run(settings, models, order.start).catch(fail);
    else port.close();
  });
  report({ loaded: { settings, ids: models.sites.map(({ id }) => id), demo: models.demo } });
};

giveWay();
load().catch((error: unknown) => report({ failed: error instanceof Error ? error.message : String(error) }));
