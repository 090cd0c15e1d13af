//   readable ─▶ ask ──(this turn has time left)──▶ work
//                └────(it has not)──▶ waits ──next turn of the event loop, in order──▶ work

/** Bounds what one turn of the event loop gives to one kind of work, so that nothing else waits long. */
export interface Turns<Item> {
  /** Works on the item now, or in one of the next turns. */
  ask(item: Item): void;
  /** Does now whatever waits. */
  flush(): void;
}

export interface TurnsParts<Item> {
  /** Does some of the item's work until it has no more or its time is over; whether there may be more. */
  readonly work: (item: Item, isOver: () => boolean) => "done" | "more";
  readonly budgetMs: number;
  /** Of that, what one item gets before those that wait beside it; all of it unless told. */
  readonly sliceMs?: number;
  /** Monotone ms. */
  readonly clock: () => number;
  /** Calls back in the next turn of the event loop. */
  readonly later: (callback: () => void) => void;
}

export const createTurns = <Item>(parts: TurnsParts<Item>): Turns<Item> => {
  const { work, budgetMs, clock, later, sliceMs = budgetMs } = parts;
  // In the order they came.
  const waiting = new Set<Item>();
  let isOpen = false;
  let until = 0;
  let sliceUntil = 0;
  const isOver = () => clock() >= until;
  const isEnough = () => clock() >= sliceUntil;

  const begin = () => {
    isOpen = true;
    until = clock() + budgetMs;
    later(next);
  };
  const run = (item: Item) => {
    sliceUntil = Math.min(until, clock() + sliceMs);
    if (work(item, isEnough) === "more") waiting.add(item);
  };
  const next = () => {
    isOpen = false;
    if (waiting.size === 0) return;
    begin();
    for (const item of waiting) {
      waiting.delete(item);
      run(item);
      if (isOver()) break;
    }
  };

  return {
    ask: (item) => {
      if (!isOpen) begin();
      if (waiting.size > 0 || isOver()) waiting.add(item);
      else run(item);
    },
    flush: () => {
      for (const item of waiting) {
        waiting.delete(item);
        run(item);
      }
    },
  };
};
