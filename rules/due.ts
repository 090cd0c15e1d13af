/** Numbers by the time at which they are to be looked at, soonest first. A binary heap; stale entries are the caller's to skip. */
export interface DueList {
  push(at: number, item: number): void;
  /** The soonest entry strictly before `now`, taken out; null when there is none. */
  pop(now: number): { readonly at: number; readonly item: number } | null;
  clear(): void;
  size(): number;
}

export const createDueList = (): DueList => {
  // Two arrays of plain numbers: an entry is sixteen bytes and no object.
  let times: number[] = [];
  let items: number[] = [];
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
    const size = times.length;
    for (let at = 0; ; ) {
      let least = at;
      if (2 * at + 1 < size && before(2 * at + 1, least)) least = 2 * at + 1;
      if (2 * at + 2 < size && before(2 * at + 2, least)) least = 2 * at + 2;
      if (least === at) return;
      swap(at, least);
      at = least;
    }
  };
  return {
    push(at, item) {
      let place = times.push(at) - 1;
      items.push(item);
      while (place > 0 && before(place, (place - 1) >> 1)) {
        swap(place, (place - 1) >> 1);
        place = (place - 1) >> 1;
      }
    },
    pop(now) {
      const [at, item] = [times[0], items[0]];
      if (at === undefined || item === undefined || at >= now) return null;
      swap(0, times.length - 1);
      times.pop();
      items.pop();
      sink();
      return { at, item };
    },
    clear() {
      times = [];
      items = [];
    },
    size: () => times.length,
  };
};
