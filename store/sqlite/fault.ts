import { type StoreCode, StoreRefusedError, StoreUnavailableError } from "../errors.ts";

/** An error in a form that crosses a thread. */
export type Fault =
  | { readonly kind: "unavailable"; readonly message: string; readonly retryAfterMs: number; readonly full: boolean }
  | { readonly kind: "refused"; readonly message: string; readonly code: StoreCode }
  | { readonly kind: "bug"; readonly message: string; readonly stack: string };

// https://www.sqlite.org/rescode.html
const sqlite = { busy: 5, locked: 6, ioError: 10, corrupt: 11, full: 13, cannotOpen: 14, notADatabase: 26 } as const;
// SQLITE_IOERR_WRITE, _FSYNC, _TRUNCATE, _SHMSIZE: what ENOSPC in the log, EFBIG and quotas look like.
const writeFailures: readonly number[] = [778, 1034, 1546, 4874];

// Room on a disk comes with a person or the hourly pruning; a lock goes in moments.
const fullRetryMs = 1000;
const busyRetryMs = 250;

/** What an error of SQLite on `file` means to whoever wrote or read. */
export const faultOf = (error: unknown, file: string): Fault => {
  if (error instanceof StoreUnavailableError)
    return { kind: "unavailable", message: error.message, retryAfterMs: error.retryAfterMs, full: false };
  if (error instanceof StoreRefusedError) return { kind: "refused", message: error.message, code: error.code };
  const message = error instanceof Error ? error.message : String(error);
  const code = sqliteCode(error);
  if (code === undefined) {
    if (isSystemError(error)) return { kind: "unavailable", message, retryAfterMs: fullRetryMs, full: isNoRoom(error) };
    return { kind: "bug", message, stack: error instanceof Error ? (error.stack ?? "") : "" };
  }
  const full = (code & 0xff) === sqlite.full || writeFailures.includes(code);
  if (full)
    return {
      kind: "unavailable",
      message: `no room to write ${file}: ${message}; free space on its disk`,
      retryAfterMs: fullRetryMs,
      full,
    };
  const busy = (code & 0xff) === sqlite.busy || (code & 0xff) === sqlite.locked;
  return {
    kind: "unavailable",
    message: `${file}: ${message}`,
    retryAfterMs: busy ? busyRetryMs : fullRetryMs,
    full: false,
  };
};

export const errorOf = (fault: Fault): Error => {
  if (fault.kind === "unavailable")
    return new StoreUnavailableError(fault.message, { retryAfterMs: fault.retryAfterMs });
  if (fault.kind === "refused") return new StoreRefusedError(fault.message, { code: fault.code });
  return Object.assign(new Error(fault.message), { stack: fault.stack });
};

export const sqliteCode = (error: unknown): number | undefined =>
  error instanceof Error && "errcode" in error && typeof error.errcode === "number" ? error.errcode : undefined;

/** Errors that a sound file never gives while it is opened. */
export const isDamage = (error: unknown): boolean => {
  const code = sqliteCode(error);
  if (code === undefined) return false;
  const primary = code & 0xff;
  // SQLITE_ERROR while reading the schema: "malformed database schema", "unsupported file format".
  return primary === sqlite.corrupt || primary === sqlite.notADatabase || primary === 1;
};

export const isBusy = (error: unknown): boolean => ((sqliteCode(error) ?? 0) & 0xff) === sqlite.busy;

const isSystemError = (error: unknown): error is Error & { readonly code: string } =>
  error instanceof Error && "syscall" in error && "code" in error;

const isNoRoom = (error: { readonly code: string }): boolean => ["ENOSPC", "EFBIG", "EDQUOT"].includes(error.code);
