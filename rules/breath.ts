import { setImmediate as turn } from "node:timers/promises";

/** Lets everybody else on this thread have a turn when the last one is `mostMs` ago. */
export const createBreath = (mostMs: number): (() => Promise<void>) => {
  let since = performance.now();
  return async () => {
    if (performance.now() - since < mostMs) return;
    await turn();
    since = performance.now();
  };
};
