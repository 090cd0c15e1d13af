/** Names by the time at which they are to be looked at, soonest first. A binary heap; stale entries are the caller's to skip. */
export interface DueList {
  push(at: number, name: string): void;
  /** The soonest entry strictly before `now`, taken out; null when there is none. */
  pop(now: number): { readonly at: number; readonly name: string } | null;
  clear(): void;
  size(): number;
}

export const createDueList = (): DueList => {
  let heap: { readonly at: number; readonly name: string }[] = [];
  const before = (left: number, right: number): boolean => {
    const a = heap[left];
    const b = heap[right];
    if (a === undefined || b === undefined) return false;
    return a.at < b.at || (a.at === b.at && a.name < b.name);
  };
  const swap = (left: number, right: number): void => {
    const a = heap[left];
    const b = heap[right];
    if (a === undefined || b === undefined) return;
    heap[left] = b;
    heap[right] = a;
  };
  const sink = (): void => {
    for (let at = 0; ; ) {
      let least = at;
      if (before(2 * at + 1, least)) least = 2 * at + 1;
      if (before(2 * at + 2, least)) least = 2 * at + 2;
      if (least === at) return;
      swap(at, least);
      at = least;
    }
  };
  return {
    push(at, name) {
      let place = heap.push({ at, name }) - 1;
      while (place > 0 && before(place, (place - 1) >> 1)) {
        swap(place, (place - 1) >> 1);
        place = (place - 1) >> 1;
      }
    },
    pop(now) {
      const first = heap[0];
      if (first === undefined || first.at >= now) return null;
      const last = heap.pop();
      if (last !== undefined && heap.length > 0) {
        heap[0] = last;
        sink();
      }
      return first;
    },
    clear() {
      heap = [];
    },
    size: () => heap.length,
  };
};
