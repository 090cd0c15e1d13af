import type { StoreSettings } from "./config.ts";
import type { StoreCode } from "./errors.ts";
import type { Ledger } from "./ledger.ts";
import type { Readings } from "./readings.ts";

export interface StoreDeps {
  /** One writer for each `DATA_DIR`; any number of readers, in this thread or another. */
  readonly role: "writer" | "reader";
  /** Failures of background work: roll-ups, resending. */
  readonly onError: (error: unknown, at: { readonly stage: "store"; readonly code: StoreCode }) => void;
  readonly now?: () => number;
}

/** Readings and ledger of one `DATA_DIR`, opened together and closed together. */
export interface Store extends AsyncDisposable {
  readonly readings: Readings;
  readonly ledger: Ledger;
}

/**
 * Opens what `STORE_URL` names; the ledger is SQLite in `DATA_DIR` unless everything is in memory.
 * Throws `StoreRefusedError` `STORE_CORRUPT`, `STORE_VERSION` or `STORE_IN_USE`, and `StoreUnavailableError` when the
 * folder cannot be used now.
 */
export const openStore = async (settings: StoreSettings, deps: StoreDeps): Promise<Store> => {
  await using stack = new AsyncDisposableStack();
  const { readings, ledger } = await openParts(settings, deps, stack);
  const owned = stack.move();
  return { readings, ledger, [Symbol.asyncDispose]: () => owned.disposeAsync() };
};

const openParts = async (
  settings: StoreSettings,
  deps: StoreDeps,
  stack: AsyncDisposableStack,
): Promise<{ readonly readings: Readings; readonly ledger: Ledger }> => {
  if (settings.STORE_URL.startsWith("memory:")) {
    const { createMemoryLedger, createMemoryReadings } = await import("./memory/index.ts");
    const clock = deps.now === undefined ? {} : { now: deps.now };
    const ledger = stack.use(createMemoryLedger(clock));
    return { readings: stack.use(createMemoryReadings({ gapMs: settings.STORE_GAP_MS })), ledger };
  }
  const { openSqliteLedger, openSqliteReadings } = await import("./sqlite/index.ts");
  const ledger = stack.use(await openSqliteLedger(settings, deps));
  if (settings.STORE_URL.startsWith("sqlite:"))
    return { readings: stack.use(await openSqliteReadings(settings, deps)), ledger };
  const { openInflux } = await import("./influx/index.ts");
  return { readings: stack.use(await openInflux(settings, { ...deps, ledger })), ledger };
};
