import { expect, test, vi } from "vitest";
import { storeSchema } from "./config.ts";
import type { Retention } from "./readings.ts";
import { retentionAt, startRetention } from "./retention.ts";

const day = 86_400_000;
const settings = storeSchema.parse({ STORE_RAW_DAYS: "2", STORE_1M_DAYS: "3", STORE_15M_DAYS: "0.5" });

test("days become milliseconds, and zero days keep for ever", () => {
  expect(retentionAt(settings, 5)).toEqual({
    now: 5,
    rawMs: 2 * day,
    rollup: { "1m": 3 * day, "15m": day / 2, "1h": null },
  });
});

test("pruning happens at once, then every hour, and a failure is told and not the end", async () => {
  vi.useFakeTimers();
  try {
    const asked: Retention[] = [];
    const errors: unknown[] = [];
    let clock = 0;
    const prune = async (retention: Retention) => {
      asked.push(retention);
      if (asked.length === 1) throw new Error("away");
      return { removed: 0 };
    };
    const letters: unknown[] = [];
    const ledger = {
      prune: async (kind: string, before: number) => {
        letters.push([kind, before]);
        return { removed: 0 };
      },
    };
    const retention = startRetention({ readings: { prune }, ledger }, settings, {
      now: () => clock,
      onError: (error) => errors.push(error),
    });
    await vi.advanceTimersByTimeAsync(0);
    expect(errors).toEqual([new Error("away")]);
    clock = 7;
    await vi.advanceTimersByTimeAsync(3_600_000);
    expect(asked.map((item) => item.now)).toEqual([0, 7]);
    expect(letters).toEqual([["dead-letter", 7 - 30 * day]]);
    await retention[Symbol.asyncDispose]();
    await vi.advanceTimersByTimeAsync(7_200_000);
    expect(asked).toHaveLength(2);
  } finally {
    vi.useRealTimers();
  }
});
