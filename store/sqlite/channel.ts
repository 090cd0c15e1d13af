import { BroadcastChannel } from "node:worker_threads";
import type { StoreHealth } from "../readings.ts";

/** What the writer tells every thread of this process that has the same file open. */
export type Notice =
  | { readonly kind: "commit" }
  | { readonly kind: "state"; readonly state: StoreHealth["state"]; readonly reason: string };

export interface Channel extends Disposable {
  send(notice: Notice): void;
}

/** Joins the threads that have `path` open. It never keeps the process alive. */
export const joinChannel = (path: string, hear: (notice: Notice) => void = () => {}): Channel => {
  const channel = new BroadcastChannel(`wattlas ${path}`);
  channel.onmessage = (event) => hear((event as { readonly data: Notice }).data);
  channel.unref();
  return { send: (notice) => channel.postMessage(notice), [Symbol.dispose]: () => channel.close() };
};
