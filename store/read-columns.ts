import { createColumnBuilder, createNameBook, type ReadingColumns } from "./columns.ts";
import type { Reading } from "./reading.ts";
import type { Page, ReadColumnsQuery, Readings } from "./readings.ts";

const pageRows = 10_000;
// More of them, and one sweep over all is cheaper.
const mostDevices = 2000;

/** `readColumns` of any readings: those of an adapter that keeps none are put into columns. */
export const readColumnsOf = async (readings: Readings, query: ReadColumnsQuery): Promise<ReadingColumns> => {
  if (readings.readColumns !== undefined) return readings.readColumns(query);
  const { site, from, to, devices } = query;
  const builder = createColumnBuilder(createNameBook());
  const wanted = devices === undefined ? null : new Set(devices);
  const swept = wanted === null || wanted.size > mostDevices ? [undefined] : [...wanted].sort();
  for (const device of swept) {
    let cursor: string | null = null;
    do {
      const page: Page<Reading> = await readings.read({
        ...{ site, from, to, limit: pageRows },
        ...(device === undefined ? {} : { device }),
        ...(cursor === null ? {} : { cursor }),
      });
      for (const reading of page.items) if (wanted?.has(reading.device) !== false) builder.addReading(reading);
      cursor = page.next;
    } while (cursor !== null);
  }
  return builder.take();
};
