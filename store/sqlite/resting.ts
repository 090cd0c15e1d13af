import { StoreUnavailableError } from "../errors.ts";
import type { AnyCalls, Remote } from "./remote.ts";

// call ─▶ worker (started when there is none) ─▶ … nothing asked for a while ─▶ worker ends and gives its memory back

/**
 * A worker that ends when nothing was asked of it for `restMs`, and starts again with the next call. The first is
 * started at once, so that files that cannot be opened are told at the beginning.
 */
export const startResting = async <Calls extends AnyCalls<Calls>>(
  start: () => Promise<Remote<Calls>>,
  restMs: number,
): Promise<Remote<Calls>> => {
  let current: Promise<Remote<Calls>> | null = start();
  let ended: Promise<void> = Promise.resolve();
  let timer: NodeJS.Timeout | undefined;
  let waiting = 0;
  let isClosed = false;
  await current;

  const end = (): Promise<void> => {
    const old = current;
    current = null;
    if (old !== null) ended = Promise.all([ended, old.then((remote) => remote[Symbol.asyncDispose]())]).then(() => {});
    return ended;
  };
  const rest = () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      if (waiting === 0) void end();
    }, restMs);
    timer.unref();
  };
  const awake = (): Promise<Remote<Calls>> => {
    if (current !== null) return current;
    const fresh = start();
    current = fresh;
    fresh.catch(() => {
      if (current === fresh) current = null;
    });
    return fresh;
  };
  rest();
  return {
    call: (name, argument, given) => {
      if (isClosed) return Promise.reject(new StoreUnavailableError("the store is closed", { retryAfterMs: 1000 }));
      waiting += 1;
      const result = awake().then((remote) => remote.call(name, argument, given));
      const done = () => {
        waiting -= 1;
        if (waiting === 0 && !isClosed) rest();
      };
      result.then(done, done);
      return result;
    },
    [Symbol.asyncDispose]: () => {
      isClosed = true;
      clearTimeout(timer);
      return end();
    },
  };
};
