import { basename } from "node:path";
import { Worker } from "node:worker_threads";
import { StoreUnavailableError } from "../errors.ts";
import { errorOf, type Fault } from "./fault.ts";

// calling thread                               worker
//   call(name, argument) ── {id, name, argument} ──▶ handler
//   promise            ◀── {id, result | fault} ────┘
//   onFault            ◀── {fault} ──────────────── background work

/** What a worker answers: one argument, one result, both structured-cloneable. */
export type Handlers<Calls> = {
  readonly [Name in keyof Calls]: Calls[Name] extends (argument: infer Argument) => infer Result
    ? (argument: Argument) => Result
    : never;
};

export interface Request {
  readonly id: number;
  readonly name: string;
  readonly argument: unknown;
}

export type Answer =
  | { readonly kind: "opened" }
  | { readonly kind: "refused"; readonly fault: Fault }
  | { readonly kind: "result"; readonly id: number; readonly result: unknown }
  | { readonly kind: "fault"; readonly id: number; readonly fault: Fault }
  | { readonly kind: "background"; readonly fault: Fault };

export type AnyCalls<Calls> = { readonly [Name in keyof Calls]: (argument: never) => unknown };

/** A worker seen from outside. It keeps the process alive only while a call is under way. */
export interface Remote<Calls extends AnyCalls<Calls>> extends AsyncDisposable {
  call<Name extends keyof Calls & string>(
    name: Name,
    argument: Parameters<Calls[Name]>[0],
    /** Memory of the argument that nobody here looks at again: it goes over as it is. */
    given?: readonly ArrayBuffer[],
  ): Promise<Awaited<ReturnType<Calls[Name]>>>;
}

// Three semi-spaces of 4 MB; by default each thread lets 96 MB of messages that are long answered pile up.
const maxYoungGenerationSizeMb = 12;
// A page of large accounts is some 20 MB; garbage grows to a share of this before it is collected.
const maxOldGenerationSizeMb = 1024;

interface Waiting {
  readonly resolve: (result: never) => void;
  readonly reject: (error: Error) => void;
}

/** Starts the worker at `entry` and resolves when it has opened its files; rejects with what it threw. */
export const startRemote = async <Calls extends AnyCalls<Calls>>(
  entry: URL,
  settings: unknown,
  onFault: (error: Error, fault: Fault) => void,
): Promise<Remote<Calls>> => {
  const worker = new Worker(entry, {
    name: basename(entry.pathname, ".ts"),
    workerData: settings,
    execArgv: [],
    resourceLimits: { maxYoungGenerationSizeMb, maxOldGenerationSizeMb },
  });
  const waiting = new Map<number, Waiting>();
  const exited = new Promise<void>((resolve) => worker.once("exit", () => resolve()));
  let nextId = 1;
  let gone: Error | null = null;

  const settle = (id: number, how: (call: Waiting) => void) => {
    const call = waiting.get(id);
    waiting.delete(id);
    if (waiting.size === 0) worker.unref();
    if (call !== undefined) how(call);
  };
  const bury = (error: Error) => {
    gone ??= error;
    for (const call of waiting.values()) call.reject(gone);
    waiting.clear();
  };

  await new Promise<void>((resolve, reject) => {
    worker.on("message", (answer: Answer) => {
      if (answer.kind === "opened") resolve();
      else if (answer.kind === "refused") reject(errorOf(answer.fault));
      else if (answer.kind === "result") settle(answer.id, (call) => call.resolve(answer.result as never));
      else if (answer.kind === "fault") settle(answer.id, (call) => call.reject(errorOf(answer.fault)));
      else onFault(errorOf(answer.fault), answer.fault);
    });
    worker.on("error", (cause) => {
      const error = new StoreUnavailableError("a thread of the store failed", { retryAfterMs: 1000, cause });
      if (gone === null) onFault(error, { kind: "bug", message: error.message, stack: "" });
      bury(error);
      reject(error);
    });
    worker.on("exit", () => {
      bury(new StoreUnavailableError("the store is closed", { retryAfterMs: 1000 }));
      reject(gone);
    });
  });
  worker.unref();

  const call = (name: string, argument: unknown, given: readonly ArrayBuffer[] = []): Promise<never> => {
    if (gone !== null) return Promise.reject(gone);
    const id = nextId++;
    worker.ref();
    return new Promise((resolve, reject) => {
      waiting.set(id, { resolve, reject });
      worker.postMessage({ id, name, argument } satisfies Request, given);
    });
  };

  return {
    call,
    [Symbol.asyncDispose]: async () => {
      if (gone !== null) return exited;
      worker.ref();
      worker.postMessage({ id: 0, name: "close", argument: null } satisfies Request);
      return exited;
    },
  };
};
