//   append ──20 ms──▶ <n>.journal ──grown──▶ <n+1>.snapshot, while <n+1>.journal goes on
//   open: the newest whole snapshot, then its journal and later ones
import { mkdir, open, readdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { crc32 } from "node:zlib";

// A killed process loses at most this much.
const writeAfterMs = 20;
// A machine without power at most this much; the store syncs by itself and shall not wait for us.
const syncAfterMs = 1000;
const retryAfterMs = 5000;
// Rendering a slice takes about a millisecond of the broker's thread.
const sliceCharacters = 65_536;
const leastSnapshotBytes = 4_194_304;
// More than that is waiting only when the disk hangs; then a snapshot will tell it shorter.
const mostPending = 1_000_000;

/** One line: a checksum of eight hexadecimal digits, a space, the record as JSON. */
export function formatRecord(record: unknown): string {
  const json = JSON.stringify(record);
  return `${crc32(json).toString(16).padStart(8, "0")} ${json}\n`;
}

/** All whole records in their order. A line without its end is what a crash leaves; any other bad line is damage. */
export function parseRecords(bytes: Buffer): ParsedRecords {
  const records: unknown[] = [];
  let damaged = 0;
  let start = 0;
  for (let end = bytes.indexOf(0x0a); end !== -1; end = bytes.indexOf(0x0a, start)) {
    const record = parseLine(bytes.subarray(start, end));
    if (record === undefined) damaged += 1;
    else records.push(record);
    start = end + 1;
  }
  return { records, damaged };
}

function parseLine(line: Buffer): unknown {
  const json = line.subarray(9);
  if (`${crc32(json).toString(16).padStart(8, "0")} ` !== line.toString("latin1", 0, 9)) return undefined;
  try {
    return JSON.parse(json.toString());
  } catch {
    return undefined;
  }
}

/**
 * Opens the journal in a folder of its own: gives every record to `apply`, then keeps what is appended. Rejects when the
 * folder cannot be read or written.
 */
export async function openJournal(dir: string, deps: JournalDeps): Promise<Journal> {
  const { retryMs = retryAfterMs } = deps;
  await mkdir(dir, { recursive: true });
  const newest = await load(dir, deps);
  let generation = newest + 1;
  let handle = await open(path(dir, generation, "journal"), "w");
  let journalBytes = 0;
  let snapshotBytes = 0;
  let pending: Entry[] = [];
  let state: "ok" | "broken" = "ok";
  let told = false;
  let closing = false;
  let work: Promise<void> | null = null;
  let timer: NodeJS.Timeout | null = null;
  let synced = 0;
  let unsynced = false;

  /** Writes what is pending, a slice at a time. */
  async function write(): Promise<void> {
    const entries = pending;
    pending = [];
    for (let n = 0; n < entries.length; ) {
      let text = "";
      for (; n < entries.length && text.length < sliceCharacters; n++) {
        const record = entries[n]?.() ?? null;
        if (record !== null) text += formatRecord(record);
      }
      if (text === "") continue;
      const bytes = Buffer.from(text);
      await handle.appendFile(bytes);
      journalBytes += bytes.length;
      unsynced = true;
    }
  }

  async function sync(): Promise<void> {
    if (!unsynced) return;
    unsynced = false;
    await handle.datasync();
    synced = performance.now();
  }

  async function snapshot(): Promise<void> {
    const old = { handle, path: path(dir, generation, "journal"), isEmpty: journalBytes === 0 };
    handle = await open(path(dir, generation + 1, "journal"), "w");
    generation += 1;
    journalBytes = 0;
    await old.handle.close();
    // A full disk must not be filled with files of attempts.
    if (old.isEmpty) await rm(old.path, { force: true });
    state = "ok";
    const unfinished = `${path(dir, generation, "snapshot")}.tmp`;
    try {
      await writeSnapshot(unfinished);
    } catch (error) {
      await rm(unfinished, { force: true });
      throw error;
    }
    await rename(unfinished, path(dir, generation, "snapshot"));
    told = false;
    await removeBefore(dir, generation);
  }

  async function writeSnapshot(to: string): Promise<void> {
    const out = await open(to, "w");
    let size = 0;
    try {
      let text = "";
      const flush = async () => {
        const bytes = Buffer.from(text);
        text = "";
        size += bytes.length;
        await out.appendFile(bytes);
        await write();
      };
      for (const record of deps.records()) {
        text += formatRecord(record);
        if (text.length >= sliceCharacters) await flush();
      }
      await flush();
      await out.datasync();
    } finally {
      await out.close();
    }
    snapshotBytes = size;
  }

  /** Told once, until a snapshot has made good what is missing. */
  function fail(error: unknown): void {
    pending = [];
    state = "broken";
    if (told) return;
    told = true;
    deps.onError(error);
  }

  async function run(): Promise<void> {
    try {
      if (state === "broken") await snapshot();
      await write();
      if (performance.now() - synced > syncAfterMs || closing) await sync();
      if (journalBytes > Math.max(leastSnapshotBytes, 2 * snapshotBytes)) await snapshot();
    } catch (error) {
      fail(error);
    }
    work = null;
    if (state === "broken") wake(retryMs);
    else if (pending.length > 0) wake(writeAfterMs);
    else if (unsynced) wake(syncAfterMs);
  }

  function wake(afterMs: number): void {
    if (timer !== null || work !== null || closing) return;
    timer = setTimeout(() => {
      timer = null;
      work = run();
    }, afterMs);
    timer.unref();
  }

  // What was read is told anew in one file, while the broker starts.
  work = snapshot().catch(fail);
  work = work.then(() => {
    work = null;
    wake(state === "broken" ? retryMs : writeAfterMs);
  });

  return {
    append(entry) {
      // A snapshot will hold it.
      if (state === "broken") return;
      if (pending.length >= mostPending) {
        pending = [];
        fail(new Error(`more than ${mostPending} changes wait for the disk`));
        wake(retryMs);
        return;
      }
      pending.push(entry);
      if (pending.length === 1 && timer !== null) {
        clearTimeout(timer);
        timer = null;
      }
      wake(writeAfterMs);
    },
    async close() {
      closing = true;
      if (timer !== null) clearTimeout(timer);
      timer = null;
      await work;
      await run();
      await handle.close();
    },
  };
}

/** Gives all records to `apply`; the number of the newest file. */
async function load(dir: string, deps: JournalDeps): Promise<number> {
  const names = await readdir(dir);
  const numbers = (kind: Kind) =>
    names
      .flatMap((name) => (new RegExp(`^\\d+\\.${kind}$`).test(name) ? [Number.parseInt(name, 10)] : []))
      .toSorted((a, b) => a - b);
  const snapshots = numbers("snapshot");
  const journals = numbers("journal");
  const first = snapshots.at(-1) ?? 0;
  let damaged = 0;
  const read = async (generation: number, kind: Kind) => {
    const parsed = parseRecords(await readFile(path(dir, generation, kind)));
    damaged += parsed.damaged;
    for (const record of parsed.records) if (!deps.apply(record)) damaged += 1;
  };
  if (snapshots.length > 0) await read(first, "snapshot");
  for (const generation of journals) if (generation >= first) await read(generation, "journal");
  if (damaged > 0) deps.onDamage(damaged);
  return Math.max(0, first, journals.at(-1) ?? 0);
}

async function removeBefore(dir: string, generation: number): Promise<void> {
  for (const name of await readdir(dir)) {
    const old = /^(\d+)\.(?:snapshot|journal)(?:\.tmp)?$/.exec(name);
    if (old !== null && Number(old[1]) < generation) await rm(join(dir, name), { force: true });
  }
}

function path(dir: string, generation: number, kind: Kind): string {
  return join(dir, `${generation}.${kind}`);
}

type Kind = "snapshot" | "journal";

/** Made when it is written; null if there is nothing to tell any more. */
type Entry = () => unknown;

export interface ParsedRecords {
  readonly records: readonly unknown[];
  readonly damaged: number;
}

interface JournalDeps {
  /** Takes a record in; false if it does not understand it. */
  readonly apply: (record: unknown) => boolean;
  /** Everything as it is now, as records; what changes meanwhile is appended as well, so each must stand repetition. */
  readonly records: () => Iterable<unknown>;
  readonly onDamage: (records: number) => void;
  /** Called once when writing fails; it goes on trying. */
  readonly onError: (error: unknown) => void;
  readonly retryMs?: number;
}

export interface Journal {
  append(entry: Entry): void;
  /** Writes and syncs what is pending. */
  close(): Promise<void>;
}
