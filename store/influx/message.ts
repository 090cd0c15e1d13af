import { createNameBook, type NameBook, type ReadingColumns, readingsOf } from "../columns.ts";
import type { StoreSettings } from "../config.ts";
import type { DeviceName } from "../device-table.ts";
import { type StoreCode, StoreRefusedError, StoreUnavailableError } from "../errors.ts";
import type { LedgerChange } from "../ledger.ts";
import type { Reading } from "../reading.ts";
import type { FollowQuery, Readings } from "../readings.ts";
import type { BackOff } from "./back-off.ts";

// calling thread                                    writer's thread
//   call(name, argument) ── {id, name, argument} ──▶ Readings
//   promise              ◀── result | fault ────────┘
//   onError              ◀── background
//   ledger.commit        ◀── letters ── {letters} ──▶ goes on

export interface ThreadStart {
  readonly settings: StoreSettings;
  readonly backOff?: BackOff;
}

/** What the thread answers. One argument each, and all of it crosses a thread. */
export interface WriterCalls extends Pick<Readings, "write" | "read" | "series" | "latest" | "corrections" | "prune"> {
  writeColumns(columns: SentColumns): ReturnType<Readings["write"]>;
  devices(site: string | null): ReturnType<Readings["devices"]>;
  /** Looks once. */
  follow(query: Omit<FollowQuery, "waitMs" | "signal">): ReturnType<Readings["follow"]>;
  head(argument: null): ReturnType<Readings["head"]>;
  health(argument: null): ReturnType<Readings["health"]>;
}

export type ToWriter =
  | { readonly kind: "call"; readonly id: number; readonly name: keyof WriterCalls; readonly argument: unknown }
  | { readonly kind: "letters"; readonly id: number; readonly fault: Fault | null }
  | { readonly kind: "close" };

export type FromWriter =
  | { readonly kind: "opened" }
  | { readonly kind: "failed"; readonly fault: Fault }
  | { readonly kind: "result"; readonly id: number; readonly result: unknown }
  | { readonly kind: "fault"; readonly id: number; readonly fault: Fault }
  | { readonly kind: "background"; readonly code: StoreCode; readonly fault: Fault }
  | { readonly kind: "letters"; readonly id: number; readonly changes: readonly LedgerChange[] };

/** An error in a form that crosses a thread. */
export type Fault =
  | { readonly kind: "unavailable"; readonly message: string; readonly retryAfterMs: number }
  | { readonly kind: "refused"; readonly message: string; readonly code: StoreCode }
  | { readonly kind: "type" | "other"; readonly message: string; readonly stack: string };

export const faultOf = (error: unknown): Fault => {
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof StoreUnavailableError) return { kind: "unavailable", message, retryAfterMs: error.retryAfterMs };
  if (error instanceof StoreRefusedError) return { kind: "refused", message, code: error.code };
  const stack = error instanceof Error ? (error.stack ?? "") : "";
  return { kind: error instanceof TypeError ? "type" : "other", message, stack };
};

export const errorOf = (fault: Fault): Error => {
  if (fault.kind === "unavailable")
    return new StoreUnavailableError(fault.message, { retryAfterMs: fault.retryAfterMs });
  if (fault.kind === "refused") return new StoreRefusedError(fault.message, { code: fault.code });
  const error = fault.kind === "type" ? new TypeError(fault.message) : new Error(fault.message);
  return Object.assign(error, { stack: fault.stack });
};

/** Columns with the names that the other thread has not seen. */
export interface SentColumns extends Omit<ReadingColumns, "book"> {
  readonly devices: readonly DeviceName[];
  readonly shapes: readonly (readonly string[])[];
}

/** Each name crosses once. Null for the columns of a second book. */
export const createColumnsOut = (): ((columns: ReadingColumns) => SentColumns | null) => {
  let known: NameBook | null = null;
  let [devices, shapes] = [0, 0];
  return ({ book, ...columns }) => {
    known ??= book;
    if (known !== book) return null;
    const sent = { ...columns, devices: book.devices.slice(devices), shapes: book.shapes.slice(shapes) };
    devices = book.devices.length;
    shapes = book.shapes.length;
    return sent;
  };
};

/** The other end: the same names in the same order get the same numbers. */
export const createColumnsIn = (): ((columns: SentColumns) => Reading[]) => {
  const book = createNameBook();
  return ({ devices, shapes, ...columns }) => {
    for (const { site, device } of devices) book.device(site, device);
    for (const shape of shapes) book.shape(shape);
    return readingsOf({ ...columns, book });
  };
};
