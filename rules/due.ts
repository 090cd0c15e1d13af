/** Numbers by the time at which they are to be looked at, soonest first. A binary heap; stale entries are the caller's to skip. */
export interface DueList {
  push(at: number, item: number): void;
  /** The soonest entry strictly before `now`, taken out; null when there is none. */
  pop(now: number): { readonly at: number; readonly item: number } | null;
  /** The time of the soonest entry, stale or not; Infinity when there is none. */
  first(): number;
  clear(): void;
  size(): number;
}

const leastRoom = 16;

export const createDueList = (): DueList => {
  // Two columns: an entry is twelve bytes and no object.
  let times = new Float64Array(0);
  let items = new Int32Array(0);
  let size = 0;
  const before = (left: number, right: number): boolean => {
    const [a = 0, b = 0] = [times[left], times[right]];
    return a < b || (a === b && (items[left] ?? 0) < (items[right] ?? 0));
  };
  const swap = (left: number, right: number): void => {
    const [at = 0, item = 0] = [times[left], items[left]];
    times[left] = times[right] ?? 0;
    items[left] = items[right] ?? 0;
    times[right] = at;
    items[right] = item;
  };
  const sink = (): void => {
    for (let at = 0; ; ) {
      let least = at;
      if (2 * at + 1 < size && before(2 * at + 1, least)) least = 2 * at + 1;
      if (2 * at + 2 < size && before(2 * at + 2, least)) least = 2 * at + 2;
      if (least === at) return;
      swap(at, least);
      at = least;
    }
  };
  const grow = (): void => {
    const room = Math.max(leastRoom, size + (size >> 1));
    const [oldTimes, oldItems] = [times, items];
    times = new Float64Array(room);
    items = new Int32Array(room);
    times.set(oldTimes);
    items.set(oldItems);
  };
  return {
    push(at, item) {
      if (size === times.length) grow();
      let place = size;
      size += 1;
      times[place] = at;
      items[place] = item;
      while (place > 0 && before(place, (place - 1) >> 1)) {
        swap(place, (place - 1) >> 1);
        place = (place - 1) >> 1;
      }
    },
    pop(now) {
      const [at, item] = [times[0], items[0]];
      if (size === 0 || at === undefined || item === undefined || at >= now) return null;
      size -= 1;
      swap(0, size);
      sink();
      return { at, item };
    },
    first: () => times[0] ?? Number.POSITIVE_INFINITY,
    clear() {
      size = 0;
    },
    size: () => size,
  };
};
