import type { Refusal } from "./send.ts";

// window k+1 ─▶ lane 0 ─▶ request ─▶ request
// window k   ─▶ lane 1 ─▶ request            a device has one lane: its lines keep their order
//            ─▶ lane 2 ─▶ request ─▶ …
//            ─▶ lane 3 ─▶ request            a window is done when all its requests are; windows are done in order

/** Requests at the same time. Four are what InfluxDB's own advice and small servers take without queueing. */
export const laneCount = 4;

export interface LanesParts<Line> {
  /** Throws when the server did not take them. */
  readonly send: (lines: readonly Line[]) => Promise<readonly Refusal[]>;
  /** Every line of the window is in the server or refused, and so is every one before it. */
  readonly done: (window: { readonly next: number; readonly refusals: readonly Refusal[] }) => Promise<void>;
  /** Aborted: what is not under way yet stays where it is. */
  readonly ended: AbortSignal;
}

export interface Lanes<Line> {
  /** `parts[lane]` are the requests of that lane, in order. `next` is handed to `done`. */
  add(next: number, parts: readonly (readonly (readonly Line[])[])[]): void;
  /** Resolves when fewer than `windows` windows are open, or something failed. */
  below(windows: number): Promise<void>;
  /** Aborts at the first failure. After it nothing new is sent. */
  readonly broken: AbortSignal;
  /** Resolves when nothing is under way any more; throws the first failure. */
  end(): Promise<void>;
}

interface Window {
  readonly next: number;
  readonly refusals: Refusal[];
  left: number;
}

export const createLanes = <Line>({ send, done, ended }: LanesParts<Line>): Lanes<Line> => {
  const broken = new AbortController();
  const tails: Promise<void>[] = Array.from({ length: laneCount }, () => Promise.resolve());
  const windows: Window[] = [];
  let settling: Promise<void> = Promise.resolve();
  let moved = Promise.withResolvers<void>();

  const progress = (): void => {
    moved.resolve();
    moved = Promise.withResolvers<void>();
  };
  const fail = (error: unknown): void => {
    if (!broken.signal.aborted) broken.abort(error);
    progress();
  };

  const settle = (): void => {
    const turn = settling.then(async () => {
      for (let [first] = windows; first?.left === 0 && !broken.signal.aborted; [first] = windows) {
        await done(first);
        windows.shift();
        progress();
      }
    });
    settling = turn.catch(fail);
  };

  return {
    add(next, parts) {
      const window: Window = { next, refusals: [], left: parts.reduce((sum, part) => sum + part.length, 0) };
      windows.push(window);
      for (const [lane, requests] of parts.entries())
        for (const lines of requests)
          tails[lane] = (tails[lane] ?? Promise.resolve()).then(async () => {
            if (broken.signal.aborted || ended.aborted) return;
            try {
              window.refusals.push(...(await send(lines)));
              window.left -= 1;
              if (window.left === 0) settle();
            } catch (error) {
              fail(error);
            }
          });
      if (window.left === 0) settle();
    },
    below: async (limit) => {
      while (windows.length >= limit && !broken.signal.aborted) await moved.promise;
    },
    broken: broken.signal,
    end: async () => {
      await Promise.all(tails);
      await settling;
      if (broken.signal.aborted) throw broken.signal.reason;
    },
  };
};
