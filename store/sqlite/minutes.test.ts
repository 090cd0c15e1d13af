import { existsSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { createMemoryReadings } from "../memory/index.ts";
import type { Reading } from "../reading.ts";
import type { Readings, RollupStep } from "../readings.ts";
import type { RollupRow } from "../rollup.ts";
import { timestamp } from "../unit.ts";
import { decodeMinutes, encodeMinutes } from "./minutes.ts";
import { openIn, scratchFolder } from "./scratch.ts";

// A busy machine takes its time.
const patient = { timeout: 60_000 };
const start = 1_795_219_200_000;
const minute = 60_000;
const allSteps: readonly RollupStep[] = ["1m", "15m", "1h"];
const forever = { "1m": null, "15m": null, "1h": null };
const atOnce = { runRows: 64, hourAfterMs: -1e15 };

const finite = fc.double({ noNaN: true, noDefaultInfinity: true });
const window = (at: number) =>
  fc.record({
    start: fc.constant(start + at * minute),
    count: fc.nat({ max: 60_000 }),
    goodMs: fc.nat({ max: minute }),
    firstTs: fc.nat({ max: minute }).map((ms) => start + at * minute + ms),
    lastTs: fc.nat({ max: minute }).map((ms) => start + at * minute + ms),
    ...{ sum: finite, min: finite, max: finite, first: finite, last: finite, integral: finite },
  }) satisfies fc.Arbitrary<RollupRow>;
const windows = fc
  .uniqueArray(fc.nat({ max: 59 }), { minLength: 1, maxLength: 60 })
  .chain((minutes) => fc.tuple(...minutes.sort((a, b) => a - b).map(window)));

test("an hour of minutes comes back, whole or of one quantity", () => {
  fc.assert(
    fc.property(windows, windows, (power, inlet) => {
      const minutes = new Map([
        ["power_w", power],
        ["inlet_c", inlet],
      ]);
      const bytes = encodeMinutes(minutes, start);
      const names = [...minutes.keys()];
      for (const [name, rows] of minutes) {
        const found = [...decodeMinutes(bytes, names, start, name).values()].map((bundle) => bundle.get(name));
        expect(found).toEqual(rows);
      }
      const all = decodeMinutes(bytes, names, start);
      expect([...all.values()].reduce((sum, bundle) => sum + bundle.size, 0)).toBe(power.length + inlet.length);
    }),
  );
});

const reading = (device: string, after: number, power_w: number): Reading => ({
  ...{ site: "demo", device, ts: timestamp(start + after), received: timestamp(start + after) },
  ...{ quantities: { power_w, inlet_c: 21 + (power_w % 3) }, flags: [] },
});
// Two hours and a half of three devices, a reading every 20 s.
const history = Array.from({ length: 1350 }, (_, index) =>
  reading(`r-${index % 3}`, Math.floor(index / 3) * 20_000, index),
);

const seriesOf = async (readings: Readings) => {
  const found = [];
  for (const device of ["r-0", "r-1", "r-2"])
    for (const step of allSteps)
      for (const quantity of ["power_w", "inlet_c"])
        found.push(
          await readings.series({ site: "demo", device, quantity, from: timestamp(0), to: timestamp(9e12), step }),
        );
  return found.map((series) =>
    series.step === "raw" ? series : { ...series, integral: series.integral.map((value) => Math.round(value)) },
  );
};

const hourFiles = (folder: string) => {
  const beside = join(folder, "readings");
  return existsSync(beside) ? readdirSync(beside).filter((name) => /^1m-\d+\.db$/.test(name)) : [];
};

const writeAll = async (readings: Readings, batch: readonly Reading[]) => {
  for (let index = 0; index < batch.length; index += 90) await readings.write(batch.slice(index, index + 90));
};

test("hours are written as files, and late, corrected and repeated readings change their windows", async () => {
  await using folder = await scratchFolder();
  await using truth = createMemoryReadings();
  await using readings = await openIn(folder.path, atOnce);
  await using reader = await openIn(folder.path, { role: "reader" });
  await writeAll(readings, history);
  await writeAll(truth, history);
  await expect.poll(() => hourFiles(folder.path).length, patient).toBeGreaterThanOrEqual(2);
  expect(await seriesOf(reader)).toEqual(await seriesOf(truth));
  const after = [
    reading("r-1", 10_000, 7000),
    reading("r-1", 20_000, -5),
    reading("r-2", 59 * minute + 50_000, 9),
    ...history.slice(0, 40),
    ...Array.from({ length: 200 }, (_, index) => reading("r-0", 9_000_000 + index * 1000, index)),
  ];
  for (const message of after) expect(await readings.write([message])).toEqual(await truth.write([message]));
  expect(await seriesOf(reader)).toEqual(await seriesOf(truth));
  await readings.prune({ now: timestamp(0), rawMs: 0, rollup: forever });
  expect(await seriesOf(reader)).toEqual(await seriesOf(truth));
  const before = await seriesOf(reader);
  await readings.prune({ now: timestamp(start + 36_000_000), rawMs: 0, rollup: forever });
  expect(await seriesOf(reader)).toEqual(before);
  expect(readdirSync(join(folder.path, "readings")).filter((name) => /^\d+-\d+\.db$/.test(name))).toEqual([]);
  await readings.prune({
    ...{ now: timestamp(start + 36_000_000), rawMs: null },
    ...{ rollup: { ...forever, "1m": 0 } },
  });
  expect(hourFiles(folder.path)).toEqual([]);
  expect((await seriesOf(reader)).filter(({ step }) => step !== "1m")).toEqual(
    before.filter(({ step }) => step !== "1m"),
  );
});

test("a pass that was cut off begins again, and what it left is swept away", async () => {
  await using folder = await scratchFolder();
  await using truth = createMemoryReadings();
  await writeAll(truth, history);
  {
    await using readings = await openIn(folder.path, { runRows: 64, hourAfterMs: 1e15 });
    await writeAll(readings, history);
    await expect.poll(() => readdirSync(join(folder.path, "readings")).length, patient).toBeGreaterThan(15);
    expect(hourFiles(folder.path)).toEqual([]);
    expect(await seriesOf(readings)).toEqual(await seriesOf(truth));
  }
  const beside = join(folder.path, "readings");
  writeFileSync(join(beside, `1m-${start}.db`), "half a file");
  writeFileSync(join(beside, `1m-${start + 3_600_000}.db.draft`), "less than that");
  await using readings = await openIn(folder.path, atOnce);
  await expect.poll(() => hourFiles(folder.path).length, patient).toBeGreaterThanOrEqual(2);
  expect(await seriesOf(readings)).toEqual(await seriesOf(truth));
  expect((await readings.devices()).map((device) => device.readings)).toEqual([450, 450, 450]);
});

test("a missing file of minutes is refused by name", async () => {
  await using folder = await scratchFolder();
  {
    await using readings = await openIn(folder.path, atOnce);
    await writeAll(readings, history);
    await expect.poll(() => hourFiles(folder.path).length, patient).toBeGreaterThanOrEqual(2);
    await readings.prune({ now: timestamp(0), rawMs: 0, rollup: forever });
  }
  const [first = ""] = hourFiles(folder.path);
  rmSync(join(folder.path, "readings", first));
  await expect(openIn(folder.path)).rejects.toMatchObject({
    code: "STORE_CORRUPT",
    message: expect.stringContaining(`${first} is missing`),
  });
});
