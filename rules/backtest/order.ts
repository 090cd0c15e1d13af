import type { ReadingColumns } from "#store";

/** The place of each device of a book among its names. */
export const ranksOf = ({ book }: ReadingColumns): Int32Array => {
  const names = Array.from({ length: book.devices.length }, (_, number) => book.devices.at(number)?.device ?? "");
  const ranks = new Int32Array(names.length);
  const byName = names.map((_, number) => number).sort((a, b) => ((names[a] ?? "") < (names[b] ?? "") ? -1 : 1));
  for (const [rank, number] of byName.entries()) ranks[number] = rank;
  return ranks;
};

/** Rows in the order in which they were received, then by time and device. They come device by device, oldest first. */
export const inOrderOf = (
  { device, ts, received }: ReadingColumns,
  ranks: Int32Array,
  rows: Int32Array,
): Int32Array => {
  const isAfter = (a: number, b: number): boolean => {
    const [receivedA, receivedB] = [received[a] ?? 0, received[b] ?? 0];
    if (receivedA !== receivedB) return receivedA > receivedB;
    const [tsA, tsB] = [ts[a] ?? 0, ts[b] ?? 0];
    if (tsA !== tsB) return tsA > tsB;
    return (ranks[device[a] ?? 0] ?? 0) > (ranks[device[b] ?? 0] ?? 0);
  };
  return merged(rows, isAfter);
};

/** Merges the runs that are in order already, two at a time: there are as many as devices. */
const merged = (rows: Int32Array, isAfter: (a: number, b: number) => boolean): Int32Array => {
  let ends: number[] = [];
  for (let at = 1; at <= rows.length; at++)
    if (at === rows.length || isAfter(rows[at - 1] ?? 0, rows[at] ?? 0)) ends.push(at);
  let [from, into] = [Int32Array.from(rows), new Int32Array(rows.length)];
  while (ends.length > 1) {
    const longer: number[] = [];
    let begin = 0;
    for (let run = 0; run < ends.length; run += 2) {
      const middle = ends[run] ?? begin;
      const end = ends[run + 1] ?? middle;
      let [left, right] = [begin, middle];
      for (let at = begin; at < end; at++) {
        const takesLeft = left < middle && (right >= end || !isAfter(from[left] ?? 0, from[right] ?? 0));
        into[at] = (takesLeft ? from[left++] : from[right++]) ?? 0;
      }
      longer.push(end);
      begin = end;
    }
    ends = longer;
    [from, into] = [into, from];
  }
  return from;
};
