import { join } from "node:path";
import { expect, test } from "vitest";
import type { Reading } from "../reading.ts";
import { timestamp } from "../unit.ts";
import { openFile } from "./file.ts";
import { createReader } from "./reader.ts";
import { readingsKind } from "./readings-file.ts";
import { openIn, scratchFolder } from "./scratch.ts";

const start = 1_795_219_200_000;
const reading = (number: number): Reading => ({
  ...{ site: "demo", device: `r-${number % 7}`, ts: timestamp(start + number * 1000) },
  ...{ received: timestamp(start + number * 1000), quantities: { power_w: number }, flags: [] },
});
const readingsFrom = (from: number) => Array.from({ length: 200 }, (_, index) => reading(from + index));

test("what a reader knows of devices is let go of when nobody asks, and read again for the next who does", {
  timeout: 60_000,
}, async () => {
  await using folder = await scratchFolder();
  const writer = await openIn(folder.path, { runRows: 64 });
  const path = join(folder.path, "readings.db");
  const db = openFile({ path, kind: readingsKind, check: "header" });
  const reader = createReader(db, path, 150_000);
  const answers = () => ({
    seen: reader.calls.devices("demo"),
    latest: reader.calls.latest({ site: "demo" }),
  });
  try {
    expect(answers().seen).toEqual([]);
    for (let round = 0; round < 4; round += 1) {
      await writer.write(readingsFrom(round * 200));
      const kept = answers();
      expect(kept.seen.reduce((sum, { readings }) => sum + readings, 0)).toBe((round + 1) * 200);
      reader.tidySlow();
      expect(answers()).toEqual(kept);
      reader.tidySlow();
      reader.tidySlow();
      if (round % 2 === 0) await writer.write([{ ...reading(round * 200), quantities: { inlet_c: 21 } }]);
      const again = answers();
      if (round % 2 === 1) expect(again).toEqual(kept);
      expect(again.seen.reduce((sum, { readings }) => sum + readings, 0)).toBe((round + 1) * 200);
      expect(again.latest.map(({ device, ts }) => [device, ts])).toEqual(
        kept.latest.map(({ device, ts }) => [device, ts]),
      );
    }
  } finally {
    reader.close();
    db.close();
    await writer[Symbol.asyncDispose]();
  }
});
