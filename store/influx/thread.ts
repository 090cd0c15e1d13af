import { join, resolve } from "node:path";
import { BroadcastChannel, Worker } from "node:worker_threads";
import { readingsOf } from "../columns.ts";
import type { StoreSettings } from "../config.ts";
import { StoreUnavailableError } from "../errors.ts";
import type { Readings } from "../readings.ts";
import { createWaiter, followWith } from "../waiter.ts";
import { type InfluxDeps, pollMs, spoolChannel } from "./instance.ts";
import {
  createColumnsOut,
  errorOf,
  type FromWriter,
  faultOf,
  type ThreadStart,
  type ToWriter,
  type WriterCalls,
} from "./message.ts";

interface Waiting {
  readonly resolve: (result: never) => void;
  readonly reject: (error: Error) => void;
}

// One that could not open has nothing left to do; being cut off in native code could take the process with it.
const endsByItselfMs = 2000;
// Three semi-spaces of 16 MB: tens of thousands of readings a second become lines here.
const maxYoungGenerationSizeMb = 48;

type Call = <Name extends keyof WriterCalls>(
  name: Name,
  argument: Parameters<WriterCalls[Name]>[0],
) => ReturnType<WriterCalls[Name]>;

/** The writing instance in a thread of its own, which keeps the process alive only while a call is under way. */
export const startWriterThread = async (settings: StoreSettings, deps: InfluxDeps): Promise<Readings> => {
  const { backOff } = deps;
  const start: ThreadStart = { settings, ...(backOff === undefined ? {} : { backOff }) };
  const worker = new Worker(new URL("./writer.worker.ts", import.meta.url), {
    workerData: start,
    name: "spool",
    execArgv: [],
    resourceLimits: { maxYoungGenerationSizeMb },
  });
  const exited = new Promise<void>((done) => worker.once("exit", () => done()));
  const send = (message: ToWriter): void => worker.postMessage(message);
  const waiting = new Map<number, Waiting>();
  let ids = 0;
  let gone: Error | null = null;

  const settle = (id: number, how: (call: Waiting) => void): void => {
    const call = waiting.get(id);
    waiting.delete(id);
    if (waiting.size === 0) worker.unref();
    if (call !== undefined) how(call);
  };
  const bury = (error: Error): void => {
    gone ??= error;
    for (const call of waiting.values()) call.reject(gone);
    waiting.clear();
  };
  const opened = Promise.withResolvers<void>();
  worker.on("message", (message: FromWriter) => {
    if (message.kind === "opened") opened.resolve();
    else if (message.kind === "failed") opened.reject(errorOf(message.fault));
    else if (message.kind === "result") settle(message.id, (call) => call.resolve(message.result as never));
    else if (message.kind === "fault") settle(message.id, (call) => call.reject(errorOf(message.fault)));
    else if (message.kind === "background")
      deps.onError(errorOf(message.fault), { stage: "store", code: message.code });
    else {
      const { id } = message;
      deps.ledger.commit(message.changes).then(
        () => send({ kind: "letters", id, fault: null }),
        (error: unknown) => send({ kind: "letters", id, fault: faultOf(error) }),
      );
    }
  });
  worker.on("error", (cause) => {
    const error = new StoreUnavailableError("the spool's thread failed", { retryAfterMs: 1000, cause });
    if (gone === null) deps.onError(error, { stage: "store", code: "STORE_UNREACHABLE" });
    bury(error);
    opened.reject(error);
  });
  worker.on("exit", () => {
    bury(new StoreUnavailableError("the store is closed", { retryAfterMs: 1000 }));
    opened.reject(gone);
  });
  try {
    await opened.promise;
  } catch (error) {
    const late = setTimeout(() => void worker.terminate(), endsByItselfMs);
    await exited;
    clearTimeout(late);
    throw error;
  }
  worker.unref();

  const call: Call = (name, argument) => {
    if (gone !== null) return Promise.reject(gone) as never;
    const id = ++ids;
    worker.ref();
    return new Promise((resolveCall, reject) => {
      waiting.set(id, { resolve: resolveCall, reject });
      send({ kind: "call", id, name, argument });
    }) as never;
  };

  const waiter = createWaiter();
  const channel = new BroadcastChannel(spoolChannel(resolve(join(settings.DATA_DIR, "spool"))));
  channel.onmessage = () => waiter.wake();
  channel.unref();
  const columnsOut = createColumnsOut();
  let closing: Promise<void> | null = null;
  const close = (): Promise<void> => {
    waiter.close();
    channel.close();
    if (gone === null) {
      worker.ref();
      send({ kind: "close" });
    }
    return exited;
  };

  return {
    write: (batch) => call("write", batch),
    writeColumns: (columns) => {
      const sent = columnsOut(columns);
      return sent === null ? call("write", readingsOf(columns)) : call("writeColumns", sent);
    },
    read: (query) => call("read", query),
    series: (query) => call("series", query),
    latest: (query) => call("latest", query),
    corrections: (query) => call("corrections", query),
    devices: (site) => call("devices", site ?? null),
    follow: ({ cursor: from, limit, waitMs, sites, signal }) =>
      followWith(
        { cursor: from, waitMs, ...(signal === undefined ? {} : { signal }) },
        {
          waiter,
          look: (cursor) => call("follow", { cursor, limit, ...(sites === undefined ? {} : { sites }) }),
          isEmpty: (page) => page.readings.length === 0,
          pollMs,
        },
      ),
    head: () => call("head", null),
    prune: (retention) => call("prune", retention),
    health: () => call("health", null),
    [Symbol.asyncDispose]: () => {
      closing ??= close();
      return closing;
    },
  };
};
