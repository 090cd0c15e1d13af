import { Worker } from "node:worker_threads";
import { type NodeParts, partFields } from "../node-parts.ts";
import { columnsOf, type ScannedAccount, scannedOf } from "./scan.ts";

// this thread                            worker
//   kept of a page  ── {id, kept} ─────────▶ unpack, cut
//   scanned         ◀── {id, columns, …} ──┘

export interface ScanRequest {
  readonly id: number;
  /** Accounts as the ledger keeps them. */
  readonly kept: readonly Uint8Array[];
}

/** `data`: the columns of each account, one behind the other. */
export interface ScanAnswer {
  readonly id: number;
  readonly fault: string | null;
  readonly data: Float64Array<ArrayBuffer>;
  readonly rests: readonly string[];
  readonly flags: readonly NodeParts["flags"][];
}

/** Takes accounts apart in a thread of its own; `scan` takes the bytes away from whoever gave them. */
export interface ScanThread extends AsyncDisposable {
  scan(kept: readonly Uint8Array[]): Promise<readonly ScannedAccount[]>;
}

interface Waiting {
  readonly resolve: (answer: ScanAnswer) => void;
  readonly reject: (error: Error) => void;
}

export const startScanThread = (ids: readonly string[]): ScanThread => {
  const places = new Map(ids.map((id, place) => [id, place]));
  const worker = new Worker(new URL("./scan.worker.ts", import.meta.url), { workerData: ids, execArgv: [] });
  const waiting = new Map<number, Waiting>();
  let newest = 0;
  const fail = (error: Error): void => {
    for (const { reject } of waiting.values()) reject(error);
    waiting.clear();
  };
  worker.on("error", fail);
  worker.on("exit", (code) => fail(new Error(`the thread that reads accounts ended with ${code}`)));
  worker.on("message", (answer: ScanAnswer) => {
    const one = waiting.get(answer.id);
    waiting.delete(answer.id);
    if (answer.fault === null) one?.resolve(answer);
    else one?.reject(new SyntaxError(answer.fault));
  });
  const size = partFields.length * ids.length;
  return {
    async scan(kept) {
      const id = ++newest;
      const { promise, resolve, reject } = Promise.withResolvers<ScanAnswer>();
      waiting.set(id, { resolve, reject });
      const whole = kept.filter(({ buffer, byteLength }) => buffer.byteLength === byteLength);
      worker.postMessage({ id, kept } satisfies ScanRequest, [
        ...new Set(whole.map(({ buffer }) => buffer as ArrayBuffer)),
      ]);
      const { data, rests, flags } = await promise;
      return rests.map((rest, index) =>
        scannedOf(
          {
            ...{ rest, flags: flags[index] ?? new Map() },
            columns: columnsOf(ids.length, data.subarray(index * size, (index + 1) * size)),
          },
          places,
        ),
      );
    },
    [Symbol.asyncDispose]: async () => {
      await worker.terminate();
    },
  };
};
