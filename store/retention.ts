import { keepMs, type StoreSettings } from "./config.ts";
import type { StoreCode } from "./errors.ts";
import type { Ledger } from "./ledger.ts";
import type { Readings, Retention } from "./readings.ts";
import { timestamp } from "./unit.ts";

const hourMs = 3_600_000;

export interface RetentionDeps {
  readonly onError: (error: unknown, at: { readonly stage: "store"; readonly code: StoreCode }) => void;
  readonly now?: () => number;
  readonly everyMs?: number;
}

/** What the settings' days mean at `now`. */
export const retentionAt = (settings: StoreSettings, now: number): Retention => ({
  now: timestamp(now),
  rawMs: keepMs(settings.STORE_RAW_DAYS),
  rollup: {
    "1m": keepMs(settings.STORE_1M_DAYS),
    "15m": keepMs(settings.STORE_15M_DAYS),
    "1h": keepMs(settings.STORE_1H_DAYS),
  },
});

/**
 * Prunes readings, roll-ups and dead letters at once and then every hour, with the writer's instance. Accounts, alerts
 * and the audit trail stay. Disposal waits for a pruning under way.
 */
export const startRetention = (
  store: { readonly readings: Pick<Readings, "prune">; readonly ledger: Pick<Ledger, "prune"> },
  settings: StoreSettings,
  { onError, now = Date.now, everyMs = hourMs }: RetentionDeps,
): AsyncDisposable => {
  let running: Promise<void> | null = null;
  const prune = async () => {
    try {
      await store.readings.prune(retentionAt(settings, now()));
      const lettersMs = keepMs(settings.STORE_DEAD_LETTER_DAYS);
      if (lettersMs !== null) await store.ledger.prune("dead-letter", timestamp(now() - lettersMs));
    } catch (error) {
      onError(error, { stage: "store", code: "STORE_UNREACHABLE" });
    }
    running = null;
  };
  const tick = () => {
    running ??= prune();
  };
  const timer = setInterval(tick, everyMs);
  timer.unref();
  tick();
  return {
    [Symbol.asyncDispose]: async () => {
      clearInterval(timer);
      await running;
    },
  };
};
