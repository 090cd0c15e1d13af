// What was acknowledged against what can be read: by the catalogue's counts for every device, number by number for some.
import type { JournalEntry } from "./load.ts";
import { numberOf } from "./packets.ts";

export interface AuditResult {
  readonly devices: number;
  /** Acknowledged and not readable. */
  readonly lost: number;
  /** Readable more than once. */
  readonly duplicates: number;
  /** Readable and never sent. */
  readonly invented: number;
  /** Devices of which every number was read back, and how many those were. */
  readonly readBack: { readonly devices: number; readonly numbers: number };
}

interface ReadingItem {
  readonly ts: number;
  readonly quantities: Readonly<Record<string, number>>;
}

interface Page<Item> {
  readonly items: readonly Item[];
  readonly next: string | null;
}

const pageSize = 1000;

async function pages<Item>(url: string): Promise<readonly Item[]> {
  const items: Item[] = [];
  let cursor = "";
  do {
    const answer = await fetch(`${url}${cursor && `&cursor=${encodeURIComponent(cursor)}`}`);
    if (!answer.ok) throw new Error(`${url} answered ${answer.status}: ${(await answer.text()).slice(0, 300)}`);
    const page = (await answer.json()) as Page<Item>;
    for (const item of page.items) items.push(item);
    cursor = page.next ?? "";
  } while (cursor);
  return items;
}

/** The numbers of one device that are stored, as often as they are, in the order of their time. */
export async function storedNumbers(url: string, site: string, device: string, from = 0): Promise<readonly number[]> {
  const items = await pages<ReadingItem>(
    `${url}/api/v1/readings?site=${site}&device=${device}&from=${from}&limit=${pageSize}`,
  );
  return items.map(({ quantities }) => numberOf(quantities.voltage_l1_v ?? Number.NaN));
}

/** The longest pause of the broker's thread in `[from, to)`, ms; null when it was not told. */
export async function longestPause(url: string, from: number, to: number): Promise<number | null> {
  const items = await pages<ReadingItem>(
    `${url}/api/v1/readings?site=system&device=wattlas&from=${from}&to=${to}&limit=${pageSize}`,
  );
  const told = items.flatMap(({ quantities }) => quantities.broker_thread_pause_ms ?? []);
  return told.length === 0 ? null : Math.max(...told);
}

/** How often each device of a site is in the catalogue's count. */
export async function storedCounts(url: string, site: string): Promise<ReadonlyMap<string, number>> {
  const items = await pages<{ device: string; readings: number }>(`${url}/api/v1/devices?site=${site}`);
  return new Map(items.map(({ device, readings }) => [device, readings]));
}

/** Compares numbers with what one device sent: the first `acked` must be there, each once; the rest may be, once. */
export function compareNumbers(
  entry: Pick<JournalEntry, "first" | "sent" | "acked">,
  numbers: readonly number[],
): { readonly lost: number; readonly duplicates: number; readonly invented: number } {
  const seen = new Set<number>();
  let duplicates = 0;
  let invented = 0;
  for (const number of numbers) {
    if (seen.has(number)) duplicates += 1;
    seen.add(number);
    if (!Number.isInteger(number) || number < entry.first || number >= entry.first + entry.sent) invented += 1;
  }
  let lost = 0;
  for (let number = entry.first; number < entry.first + entry.acked; number++) if (!seen.has(number)) lost += 1;
  return { lost, duplicates, invented };
}

/** Audits a store that held nothing before the load. */
export async function auditLoad(
  url: string,
  journal: readonly JournalEntry[],
  readBackDevices: number,
): Promise<AuditResult> {
  let lost = 0;
  let duplicates = 0;
  let invented = 0;
  for (const [site, entries] of Map.groupBy(journal, ({ site }) => site)) {
    const counts = await storedCounts(url, site);
    for (const { device, sent, acked } of entries) {
      const stored = counts.get(device) ?? 0;
      lost += Math.max(0, acked - stored);
      invented += Math.max(0, stored - sent);
    }
  }
  const every = Math.max(1, Math.floor(journal.length / readBackDevices));
  const chosen = journal.filter((_, index) => index % every === 0).slice(0, readBackDevices);
  let numbersRead = 0;
  for (const entry of chosen) {
    const numbers = await storedNumbers(url, entry.site, entry.device);
    numbersRead += numbers.length;
    const found = compareNumbers(entry, numbers);
    lost += found.lost;
    duplicates += found.duplicates;
    invented += found.invented;
  }
  return {
    devices: journal.length,
    lost,
    duplicates,
    invented,
    readBack: { devices: chosen.length, numbers: numbersRead },
  };
}
