// What InfluxDB holds, asked without the product.
import { readingLine, toReading } from "../../store/influx/line.ts";
import { type AuditResult, compareNumbers } from "./audit.ts";
import type { JournalEntry } from "./load.ts";
import { numberOf } from "./packets.ts";

interface Series {
  readonly tags?: Readonly<Record<string, string>>;
  readonly columns: readonly string[];
  readonly values: readonly (readonly (string | number | null)[])[];
}

async function ask(port: number, query: string): Promise<readonly Series[]> {
  const answer = await fetch(
    `http://127.0.0.1:${port}/query?db=wattlas&epoch=ms&chunked=false&q=${encodeURIComponent(query)}`,
  );
  const { results, error } = (await answer.json()) as {
    readonly results?: readonly { readonly series?: readonly Series[]; readonly error?: string }[];
    readonly error?: string;
  };
  const failed = error ?? results?.[0]?.error;
  if (failed !== undefined) throw new Error(`InfluxDB refused "${query}": ${failed}`);
  return results?.[0]?.series ?? [];
}

/** Every number of every device against what was sent and acknowledged; `superseded` counts values that were replaced. */
export async function auditInflux(
  port: number,
  journal: readonly JournalEntry[],
): Promise<AuditResult & { readonly superseded: number }> {
  const sum = { lost: 0, duplicates: 0, invented: 0 };
  let numbersRead = 0;
  for (const [site, entries] of Map.groupBy(journal, (entry) => entry.site)) {
    const series = await ask(port, `SELECT "voltage_l1_v" FROM "reading" WHERE "site" = '${site}' GROUP BY "device"`);
    const stored = new Map(
      series.map(({ tags, values }) => [tags?.device ?? "", values.map(([, volts]) => numberOf(Number(volts)))]),
    );
    for (const entry of entries) {
      const numbers = stored.get(entry.device) ?? [];
      numbersRead += numbers.length;
      const found = compareNumbers(entry, numbers);
      sum.lost += found.lost;
      sum.duplicates += found.duplicates;
      sum.invented += found.invented;
    }
  }
  const [replaced] = await ask(port, 'SELECT count("was") FROM "superseded" WHERE "quantity" = \'voltage_l1_v\'');
  return {
    devices: journal.length,
    ...sum,
    readBack: { devices: journal.length, numbers: numbersRead },
    superseded: Number(replaced?.values[0]?.[1] ?? 0),
  };
}

const partMs = 2000;

/** At most `limit` lines as the product sent them, of the time from `from` on, in time order. */
export async function linesFrom(port: number, from: number, limit: number): Promise<readonly string[]> {
  const lines: string[] = [];
  const until = Date.now();
  for (let at = from; at < until && lines.length < limit; at += partMs) {
    const where = `time >= ${at}ms AND time < ${at + partMs}ms AND "voltage_l1_v" > 0`;
    const [found] = await ask(port, `SELECT * FROM "reading" WHERE ${where} LIMIT ${limit - lines.length}`);
    for (const row of found?.values ?? [])
      lines.push(readingLine(toReading(new Map(found?.columns.map((column, index) => [column, row[index] ?? null])))));
  }
  return lines;
}
