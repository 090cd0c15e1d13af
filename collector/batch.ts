/** How large a group may grow before it goes. */
export interface BatchLimits {
  readonly readings: number;
  readonly bytes: number;
  readonly ageMs: number;
}

/** Groups items by count, bytes and age, in the order they came; an item is never cut in two. */
export interface Batch<Item> {
  /** Returns the group that this item made full, itself included; otherwise null. */
  add(item: Item, readings: number, bytes: number, now: number): readonly Item[] | null;
  /** When the open group is due; null when there is none. */
  dueAt(): number | null;
  /** Hands over the open group, possibly empty, and begins a new one. */
  take(): readonly Item[];
}

export const createBatch = <Item>(limits: BatchLimits): Batch<Item> => {
  let items: Item[] = [];
  let readings = 0;
  let bytes = 0;
  let openedAt = 0;

  const take = (): readonly Item[] => {
    const group = items;
    items = [];
    readings = 0;
    bytes = 0;
    return group;
  };

  return {
    add(item, itemReadings, itemBytes, now) {
      if (items.length === 0) openedAt = now;
      items.push(item);
      readings += itemReadings;
      bytes += itemBytes;
      return readings >= limits.readings || bytes >= limits.bytes ? take() : null;
    },
    dueAt: () => (items.length === 0 ? null : openedAt + limits.ageMs),
    take,
  };
};
