import type { PageRows } from "./page.ts";
import type { Partition } from "./partition.ts";

// partitions, each by device ─▶ one device after the other, with its rows of all of them

/** The rows `[from, to)` of a page. */
export interface Segment {
  readonly page: PageRows;
  readonly from: number;
  readonly to: number;
}

/** Every device of the partitions once, in the order of their numbers. */
export const byDevice = function* (
  partitions: readonly Partition[],
): Generator<{ readonly device: number; readonly segments: readonly Segment[] }> {
  const streams = partitions.map(createStream);
  const heads = Float64Array.from(streams, (stream) => stream.head());
  for (;;) {
    let device = Number.POSITIVE_INFINITY;
    for (const head of heads) if (head < device) device = head;
    if (device === Number.POSITIVE_INFINITY) return;
    const segments: Segment[] = [];
    for (const [index, stream] of streams.entries()) {
      if (heads[index] !== device) continue;
      stream.take(device, segments);
      heads[index] = stream.head();
    }
    yield { device, segments };
  }
};

const createStream = (partition: Partition) => {
  const pages = partition.pages()[Symbol.iterator]();
  let page: PageRows | null = null;
  let at = 0;
  const load = () => {
    const next = pages.next();
    page = next.done === true ? null : next.value;
    at = 0;
  };
  load();
  return {
    head: (): number => page?.device[at] ?? Number.POSITIVE_INFINITY,
    take: (device: number, segments: Segment[]) => {
      while (page !== null && page.device[at] === device) {
        let to = at + 1;
        while (to < page.rows && page.device[to] === device) to += 1;
        segments.push({ page, from: at, to });
        at = to;
        if (to === page.rows) load();
      }
    },
  };
};
