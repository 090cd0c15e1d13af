import { mkdirSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { StoreRefusedError } from "../errors.ts";
import { isBusy, isDamage } from "./fault.ts";

/** What a file of ours must be. */
export interface FileKind {
  readonly applicationId: number;
  readonly version: number;
  readonly schema: string;
  /** By earlier version the SQL that makes such a file one of this; done by the one who writes. */
  readonly upgrades?: Readonly<Record<number, string>>;
}

export interface FileOptions {
  readonly path: string;
  readonly kind: FileKind;
  /** "deep" also runs a quick check over a small file: for the one who writes. */
  readonly check: "deep" | "header";
  /** Pages the file may have: makes a full disk of any size. */
  readonly maxPages?: number | undefined;
}

const busyTimeoutMs = 5000;
// A quick check reads the whole file: 64 MB take about 0.2 s; a larger file is checked where it is read.
const deepCheckBytes = 64 * 1024 * 1024;
// 16 MB of log before it is copied into the file; what a burst added beyond is given back.
const logPages = 4096;
const logBytes = 64 * 1024 * 1024;

/** Opens or creates a file. Throws `StoreRefusedError` for a damaged or newer one and leaves that as it is. */
export const openFile = ({ path, kind, check, maxPages }: FileOptions): DatabaseSync => {
  mkdirSync(dirname(path), { recursive: true });
  if (sizeOf(path) > 0) inspect(path, kind, check);
  const db = new DatabaseSync(path, { timeout: busyTimeoutMs });
  try {
    retryWhileBusy(() => db.exec("PRAGMA journal_mode = WAL"));
    db.exec(
      `PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;
       PRAGMA temp_store = MEMORY; PRAGMA cache_size = -4000;
       PRAGMA wal_autocheckpoint = ${logPages}; PRAGMA journal_size_limit = ${logBytes}`,
    );
    if (maxPages !== undefined) db.exec(`PRAGMA max_page_count = ${maxPages}`);
    // Whoever only looks does not wait for the one who writes.
    if (pragma(db, "user_version") === kind.version) return db;
    transact(db, "IMMEDIATE", () => {
      const version = pragma(db, "user_version");
      if (version === kind.version) return;
      db.exec(version === 0 ? kind.schema : (kind.upgrades?.[version] ?? ""));
      db.exec(`PRAGMA application_id = ${kind.applicationId}; PRAGMA user_version = ${kind.version}`);
    });
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
};

/** Runs `work` in one transaction; whatever it throws rolls everything back. */
export const transact = <Result>(db: DatabaseSync, mode: "DEFERRED" | "IMMEDIATE", work: () => Result): Result => {
  db.exec(`BEGIN ${mode}`);
  try {
    const result = work();
    db.exec("COMMIT");
    return result;
  } catch (error) {
    if (db.isTransaction) db.exec("ROLLBACK");
    throw error;
  }
};

/** Bytes of the file and its log. */
export const bytesOf = (path: string): number => sizeOf(path) + sizeOf(`${path}-wal`);

// Never through an own file descriptor: closing one drops every POSIX lock this process holds on the file.
const inspect = (path: string, kind: FileKind, check: FileOptions["check"]): void => {
  const refuse = (code: "STORE_CORRUPT" | "STORE_VERSION", reason: string, cause?: unknown) =>
    new StoreRefusedError(`${path} ${reason}`, { code, cause });
  let db: DatabaseSync | undefined;
  try {
    db = new DatabaseSync(path, { readOnly: true, timeout: busyTimeoutMs });
    const tables = db.prepare("SELECT count(*) AS count FROM sqlite_schema").get()?.count;
    const version = pragma(db, "user_version");
    const applicationId = pragma(db, "application_id");
    if (tables === 0 && version === 0 && applicationId === 0) return;
    if (applicationId !== kind.applicationId)
      throw refuse("STORE_CORRUPT", "is not a file of Wattlas; it is left as it is");
    if (version > kind.version)
      throw refuse("STORE_VERSION", `has version ${version}, this program reads up to ${kind.version}`);
    if (version < kind.version && kind.upgrades?.[version] === undefined)
      throw refuse(
        "STORE_VERSION",
        `has version ${version}, of a trial before the first release; this program reads ${kind.version}`,
      );
    if (version < kind.version && check === "header")
      throw refuse("STORE_VERSION", `has version ${version}; it becomes ${kind.version} when the collector opens it`);
    if (check === "deep" && sizeOf(path) <= deepCheckBytes) {
      const verdict = db.prepare("PRAGMA quick_check(1)").get()?.quick_check;
      if (verdict !== "ok") throw refuse("STORE_CORRUPT", `is damaged: ${String(verdict)}; it is left as it is`);
    }
  } catch (error) {
    if (!isDamage(error)) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw refuse("STORE_CORRUPT", `is damaged: ${reason}; it is left as it is`, error);
  } finally {
    db?.close();
  }
};

const pragma = (db: DatabaseSync, name: string): number => Number(db.prepare(`PRAGMA ${name}`).get()?.[name]);

const sizeOf = (path: string): number => statSync(path, { throwIfNoEntry: false })?.size ?? 0;

// Changing the journal mode does not use SQLite's busy handler.
const retryWhileBusy = (work: () => void): void => {
  const end = performance.now() + busyTimeoutMs;
  const pause = new Int32Array(new SharedArrayBuffer(4));
  for (;;) {
    try {
      work();
      return;
    } catch (error) {
      if (!isBusy(error) || performance.now() > end) throw error;
      Atomics.wait(pause, 0, 0, 20);
    }
  }
};
