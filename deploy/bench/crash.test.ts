import { expect, test } from "vitest";
import { temporaryFolder } from "../product.ts";
import { crashAudit } from "./crash-audit.ts";

test("killed three times under load, every acknowledged number is readable exactly once", {
  timeout: 480_000,
}, async () => {
  await using folder = await temporaryFolder();
  const moments = [0.1, 0.9, 0.5];
  const result = await crashAudit({
    folder: folder.path,
    rounds: moments.length,
    rate: 1000,
    killFrom: "first stored",
    killBetweenMs: [200, 1200],
    random: () => moments.shift() ?? 0,
  });
  expect(result).toMatchObject({ rounds: 3, lost: 0, duplicates: 0, invented: 0 });
  expect(result.acknowledged).toBeGreaterThan(0);
});
