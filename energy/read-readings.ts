import type { Page, Reading, Readings, Timestamp } from "#store";

const pageRows = 10_000;

/** All stored readings of a site, or of one of its devices, in `[from, to)`. */
export const readReadings = async (
  readings: Readings,
  site: string,
  from: number,
  to: number,
  device?: string,
): Promise<readonly Reading[]> => {
  const found: Reading[] = [];
  let cursor: string | null = null;
  do {
    const page: Page<Reading> = await readings.read({
      site,
      ...(device === undefined ? {} : { device }),
      from: from as Timestamp,
      to: to as Timestamp,
      limit: pageRows,
      ...(cursor === null ? {} : { cursor }),
    });
    found.push(...page.items);
    cursor = page.next;
  } while (cursor !== null);
  return found;
};
