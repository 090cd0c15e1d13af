/** The store cannot take or give data now: keep it and try again. */
export class StoreUnavailableError extends Error {
  readonly retryAfterMs: number;
  constructor(message: string, options: { retryAfterMs: number; cause?: unknown }) {
    super(message, { cause: options.cause });
    this.name = new.target.name;
    this.retryAfterMs = options.retryAfterMs;
  }
}

/** The store will never take this: drop it, record it. */
export class StoreRefusedError extends Error {
  readonly code: StoreCode;
  constructor(message: string, options: { code: StoreCode; cause?: unknown }) {
    super(message, { cause: options.cause });
    this.name = new.target.name;
    this.code = options.code;
  }
}

/** Codes are API: never renamed. */
export const storeCodes = [
  "STORE_FULL",
  "STORE_CORRUPT",
  "STORE_IN_USE",
  "STORE_UNREACHABLE",
  "STORE_TYPE_CONFLICT",
  "STORE_LINE_REFUSED",
  "STORE_CONFLICT",
  "STORE_VERSION",
  "STORE_CURSOR_EXPIRED",
  "STORE_SPOOL_FILLING",
  "STORE_SPOOL_DROPPED",
] as const;
export type StoreCode = (typeof storeCodes)[number];
