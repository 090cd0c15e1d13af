import { parentPort, workerData } from "node:worker_threads";
import type { LedgerChange } from "../ledger.ts";
import type { Readings } from "../readings.ts";
import { openHere } from "./here.ts";
import {
  createColumnsIn,
  errorOf,
  type FromWriter,
  faultOf,
  type ThreadStart,
  type ToWriter,
  type WriterCalls,
} from "./message.ts";

// The spool, the sender and the roll-ups, away from the thread that acknowledges.

const port = parentPort;
if (port === null) throw new Error("BUG: writer.worker.ts is started as a worker thread");
const post = (message: FromWriter): void => port.postMessage(message);
const { settings, backOff } = workerData as ThreadStart;

const letters = new Map<number, PromiseWithResolvers<readonly []>>();
let letterIds = 0;
const commit = (changes: readonly LedgerChange[]): Promise<readonly []> => {
  const answer = Promise.withResolvers<readonly []>();
  letters.set(++letterIds, answer);
  post({ kind: "letters", id: letterIds, changes });
  return answer.promise;
};

const callsOf = (readings: Readings): WriterCalls => {
  const columnsIn = createColumnsIn();
  return {
    write: readings.write,
    writeColumns: (columns) => readings.write(columnsIn(columns)),
    read: readings.read,
    series: readings.series,
    latest: readings.latest,
    corrections: readings.corrections,
    devices: (site) => readings.devices(site ?? undefined),
    follow: (query) => readings.follow({ ...query, waitMs: 0 }),
    head: () => readings.head(),
    prune: readings.prune,
    health: () => readings.health(),
  };
};

try {
  const readings = await openHere(settings, {
    role: "writer",
    ledger: { commit },
    onError: (error, { code }) => post({ kind: "background", code, fault: faultOf(error) }),
    ...(backOff === undefined ? {} : { backOff }),
  });
  const calls = callsOf(readings);
  port.on("message", (message: ToWriter) => {
    if (message.kind === "close") {
      void Promise.resolve(readings[Symbol.asyncDispose]()).finally(() => port.close());
      return;
    }
    const { id } = message;
    if (message.kind === "letters") {
      if (message.fault === null) letters.get(id)?.resolve([]);
      else letters.get(id)?.reject(errorOf(message.fault));
      letters.delete(id);
      return;
    }
    const call = calls[message.name] as (argument: unknown) => Promise<unknown>;
    call(message.argument).then(
      (result) => post({ kind: "result", id, result }),
      (error: unknown) => post({ kind: "fault", id, fault: faultOf(error) }),
    );
  });
  post({ kind: "opened" });
} catch (error) {
  post({ kind: "failed", fault: faultOf(error) });
}
