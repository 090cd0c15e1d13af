import { parentPort, workerData } from "node:worker_threads";
import { type Fault, faultOf } from "./fault.ts";
import type { Answer, Handlers, Request } from "./remote.ts";

export interface Served<Calls> {
  readonly handlers: Handlers<Calls>;
  /** Memory of a result that nobody here looks at again: it goes over as it is. */
  readonly given?: {
    readonly [Name in keyof Calls]?: Calls[Name] extends (argument: never) => infer Result
      ? (result: Awaited<Result>) => readonly ArrayBuffer[]
      : never;
  };
  readonly close: () => void;
}

/** The worker's side of `startRemote`: opens with the settings it was started with, then answers calls until closed. */
export const serve = <Settings extends { readonly path: string }, Calls>(
  open: (settings: Settings, background: (error: unknown) => void) => Served<Calls>,
): void => {
  const port = parentPort;
  if (port === null) throw new Error("BUG: not in a worker");
  const settings = workerData as Settings;
  const post = (answer: Answer, given: readonly ArrayBuffer[] = []) => port.postMessage(answer, given);
  const fault = (error: unknown): Fault => faultOf(error, settings.path);

  let served: Served<Calls>;
  try {
    served = open(settings, (error) => post({ kind: "background", fault: fault(error) }));
  } catch (error) {
    post({ kind: "refused", fault: fault(error) });
    return;
  }
  const handlers = new Map<string, (argument: never) => unknown>(Object.entries(served.handlers));
  const given = new Map<string, (result: never) => readonly ArrayBuffer[]>(Object.entries(served.given ?? {}));
  port.on("message", ({ id, name, argument }: Request) => {
    if (id === 0) {
      served.close();
      port.close();
      return;
    }
    const answer = async () => handlers.get(name)?.(argument as never);
    answer().then(
      (result) => post({ kind: "result", id, result }, given.get(name)?.(result as never)),
      (error) => post({ kind: "fault", id, fault: fault(error) }),
    );
  });
  post({ kind: "opened" });
};
