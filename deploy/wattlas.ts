// The whole product in one process, sink first.
//
//   main thread:  store (writes) ◀─ collector ◀─ broker ◀─ sensors, demonstration, own health
//                                       ◀─ subscription ◀─ another broker (COLLECTOR_BROKER_URL)
//   desk thread:  store (reads) ─▶ rules, energy, dashboard ─▶ browsers
//
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { type Broker, startBroker } from "#broker";
import { type Collector, type Mapping, startCollector, startSubscription } from "#collector";
import type { SiteModel } from "#energy";
import { openStore, startRetention } from "#store";
import type { Desk, OnError, ProductStatus } from "./desk.ts";
import type { DeskHost } from "./desk-host.ts";
import { brokerFigures, sendByLoopback, sendPast, startHealth, subscriptionFigures } from "./health.ts";
import { createOutbox, type Notice } from "./outbox.ts";
import { createRefusalBook } from "./refusals.ts";
import { demoSite } from "./replay/demo.ts";
import { startReplay } from "./replay/replay.ts";
import type { Settings } from "./settings.ts";
import { version } from "./version.ts";

export interface Wattlas extends AsyncDisposable {
  /** Address of the pages; null without the dashboard part. */
  readonly url: string | null;
  readonly mqtt: ProductStatus["mqtt"];
  /** Rejects when a part died that cannot be replaced; the process should end. */
  readonly failed: Promise<never>;
}

export interface WattlasDeps {
  /**
   * The desk's thread that has read the models; the models, with a store in memory, where there is no such thread; or
   * the sites' names alone, where no part needs more.
   */
  readonly sites: DeskHost | readonly SiteModel[] | { readonly ids: readonly string[] };
  readonly mappings: readonly Mapping[];
  readonly demo: "on" | "off";
  readonly onError: OnError;
  /** Progress of the demonstration's history, 0..1. */
  readonly onDemo?: (demo: NonNullable<ProductStatus["demo"]>) => void;
}

/** Starts the parts that `PARTS` names: store, rules, energy, dashboard, collector, broker; stops in reverse. */
export async function startWattlas(settings: Settings, deps: WattlasDeps): Promise<Wattlas> {
  await using stack = new AsyncDisposableStack();
  const { sites, onError } = deps;
  const parts = settings.deploy.PARTS;
  const failure = Promise.withResolvers<never>();
  failure.promise.catch(() => undefined);
  const outbox = createOutbox();
  let status: ProductStatus = {
    version,
    parts,
    mqtt: null,
    demo: deps.demo === "on" ? { phase: "history", progress: 0 } : null,
  };

  const writes = parts.includes("collector");
  const store = stack.use(await openStore(settings.store, { role: writes ? "writer" : "reader", onError }));

  if (writes) stack.use(startRetention(store, settings.store, { onError }));

  const deskParts = parts.some((part) => part === "rules" || part === "energy" || part === "dashboard");
  const inline = settings.store.STORE_URL.startsWith("memory:");
  let tellDesk = (_status: ProductStatus): void => undefined;
  let desk: Desk | null = null;
  if (deskParts) {
    if ("start" in sites) {
      const thread = await sites.start(status, outbox.publish, failure.reject);
      tellDesk = thread.tell;
      desk = thread;
    } else if (!("ids" in sites)) {
      // Only here: what the desk loads is half of what this thread would hold.
      const { startDesk } = await import("./desk.ts");
      desk = await startDesk(settings, { sites, store, publish: outbox.publish, status: () => status, onError });
    }
    if (desk !== null) stack.use(desk);
  }
  const setStatus = (change: Partial<ProductStatus>) => {
    status = { ...status, ...change };
    tellDesk(status);
  };

  let collector: Collector | null = null;
  if (writes) {
    collector = stack.use(
      await startCollector(settings.collector, {
        readings: store.readings,
        ledger: store.ledger,
        mappings: deps.mappings,
        onError,
      }),
    );
  }

  const health = { readings: store.readings, everyMs: settings.deploy.DEPLOY_HEALTH_MS, onError };
  const { COLLECTOR_BROKER_URL } = settings.collector;
  if (collector && COLLECTOR_BROKER_URL !== undefined) {
    const speaks = !parts.includes("broker");
    const subscription = stack.use(
      await startSubscription(
        { ...settings.collector, COLLECTOR_BROKER_URL },
        {
          accept: collector.accept,
          ledger: store.ledger,
          mappings: deps.mappings,
          modelled: "ids" in sites ? sites.ids : sites.map(({ id }) => id),
          onError,
          onConnection: (state) => {
            if (speaks && state === "up") outbox.open(say);
            else if (speaks) outbox.close();
          },
        },
      ),
    );
    const say = (notice: Notice) => {
      subscription
        .publish(notice)
        .catch((error: unknown) => onError(error, { stage: "deploy", code: "DEPLOY_PUBLISH" }));
    };
    if (speaks) {
      const send = sendPast(subscription, collector.accept);
      stack.use(startHealth({ figures: subscriptionFigures(subscription), send, collector, ...health }));
    }
  }

  let broker: Broker | null = null;
  if (parts.includes("broker")) {
    const systemPassword = randomBytes(24).toString("base64url");
    const accept = collector?.accept ?? (() => Promise.resolve());
    broker = stack.use(
      await startBroker(settings.broker, {
        // The memory store forgets everything, so the broker does too.
        ...(inline ? {} : { dir: join(settings.store.DATA_DIR, "broker") }),
        onMessage: accept,
        onRefusal: createRefusalBook(store.ledger, onError),
        onError,
        systemPassword,
      }),
    );
    const running = broker;
    outbox.open((notice) => {
      running
        .publish({ ...notice, qos: 1 })
        .catch((error: unknown) => onError(error, { stage: "deploy", code: "DEPLOY_PUBLISH" }));
    });
    // Disposal is the reverse: the desk may still speak while the broker is gone already.
    stack.defer(outbox.close);
    setStatus({ mqtt: running.address });
    if (collector) {
      const { send } = stack.use(sendByLoopback(running, systemPassword, onError));
      stack.use(startHealth({ figures: brokerFigures(running), send, collector, ...health }));
      if (deps.demo === "on") {
        const [newest] = await store.readings.latest({ site: demoSite, devices: ["grid-1"] });
        stack.use(
          startReplay({
            url: `mqtt://${running.address.host}:${running.address.port}`,
            days: settings.deploy.DEPLOY_DEMO_DAYS,
            resumeAfter: newest?.ts ?? null,
            onProgress: (demo) => {
              setStatus({ demo });
              deps.onDemo?.(demo);
            },
            onError,
          }),
        );
      }
    }
  }

  const owned = stack.move();
  return {
    url: desk?.url ?? null,
    mqtt: broker?.address ?? null,
    failed: failure.promise,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}
