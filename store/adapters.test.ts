import fc from "fast-check";
import { expect, test } from "vitest";
import { createMemoryReadings } from "./memory/index.ts";
import type { Reading } from "./reading.ts";
import type { RollupStep, Series } from "./readings.ts";
import { openIn, scratchFolder } from "./sqlite/scratch.ts";
import { timestamp } from "./unit.ts";

const start = 1_795_219_200_000;
const quantities = ["power_w", "inlet_c"] as const;
const forever = { "1m": null, "15m": null, "1h": null };

// Readings within two hours, in any order, now and then at the same time again: late, merged and corrected.
const anyReading = fc.record({
  after: fc.integer({ min: 0, max: 240 }).map((half) => half * 30_000),
  value: fc.integer({ min: -1000, max: 1000 }),
  quantity: fc.constantFrom(...quantities),
});
const anyBatches = fc.array(fc.array(anyReading, { minLength: 1, maxLength: 60 }), { minLength: 1, maxLength: 5 });

const rounded = (series: Series) =>
  series.step === "raw" ? series : { ...series, integral: series.integral.map((value) => Math.round(value)) };

test("whatever comes in whatever order, rolled or not, the windows are those of the samples", async () => {
  await using folder = await scratchFolder();
  // Partitions and written hours come up in the background, whenever they do.
  await using readings = await openIn(folder.path, { runRows: 16, hourAfterMs: -1e15 });
  let run = 0;
  await fc.assert(
    fc.asyncProperty(anyBatches, fc.array(fc.boolean(), { minLength: 5, maxLength: 5 }), async (batches, rolls) => {
      await using truth = createMemoryReadings();
      const device = `r-${run++}`;
      for (const [index, batch] of batches.entries()) {
        const messages = batch.map(
          ({ after, value, quantity }): Reading => ({
            ...{ site: "demo", device, ts: timestamp(start + after), received: timestamp(start + after) },
            ...{ quantities: { [quantity]: value }, flags: [] },
          }),
        );
        expect(await readings.write(messages)).toEqual(await truth.write(messages));
        // Pruning what is older than the beginning of time only waits for what is under way.
        if (rolls[index]) await readings.prune({ now: timestamp(0), rawMs: 0, rollup: forever });
        for (const step of ["1m", "15m", "1h"] satisfies RollupStep[]) {
          for (const quantity of quantities) {
            const query = { site: "demo", device, quantity, from: timestamp(0), to: timestamp(9e12), step };
            expect(rounded(await readings.series(query))).toEqual(rounded(await truth.series(query)));
          }
        }
        const wanted = { site: "demo", devices: [device] };
        expect(await readings.latest(wanted)).toEqual(await truth.latest(wanted));
        const [seen] = await truth.devices("demo");
        expect((await readings.devices("demo")).find((item) => item.device === device)).toEqual(seen);
      }
    }),
    { numRuns: 12 },
  );
});
