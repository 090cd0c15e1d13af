import type { Reach } from "./address.ts";
import { reasonOf } from "./channel.ts";
import { post } from "./post.ts";

export interface HeartbeatParts {
  readonly url: string;
  readonly everyMs: number;
  readonly reach: Reach;
  readonly now: () => number;
  /** Whether the rules are up to date; a beat that comes regardless would prove nothing. */
  readonly isCurrent: () => boolean;
}

export interface Heartbeat extends AsyncDisposable {
  /** Beats when it is time. */
  turn(): void;
  readonly state: () => { readonly last: number | null; readonly failed: string };
}

/** A request every so often to a dead man's switch, which tells someone when none comes. */
export const createHeartbeat = ({ url, everyMs, reach, now, isCurrent }: HeartbeatParts): Heartbeat => {
  const stop = new AbortController();
  let next = 0;
  let last: number | null = null;
  let failed = "";
  let running: Promise<void> | null = null;
  const beat = async (): Promise<void> => {
    try {
      const { status } = await post({ url, method: "GET", body: "", reach, signal: stop.signal });
      failed = status >= 200 && status < 300 ? "" : `answered ${status}`;
      if (failed === "") last = now();
    } catch (error) {
      failed = reasonOf(error);
    }
  };
  return {
    turn() {
      const at = now();
      if (at < next || running !== null) return;
      if (!isCurrent()) {
        failed = "the rules are behind: no beat";
        return;
      }
      next = at + everyMs;
      running = beat().finally(() => {
        running = null;
      });
    },
    state: () => ({ last, failed }),
    async [Symbol.asyncDispose]() {
      stop.abort();
      await running;
    },
  };
};
