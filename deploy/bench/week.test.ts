import { expect, test } from "vitest";
import { temporaryFolder } from "../product.ts";
import { weekAudit } from "./week-audit.ts";

// Tuesday 09:00 to Wednesday 15:00 of the site: a rack falls silent, the evening peaks, a meter reads a quarter.
const from = Date.parse("2026-11-17T09:00:00+08:00");
const to = Date.parse("2026-11-18T15:00:00+08:00");

test("the recorded week gives the same alerts live, replayed and backtested, byte for byte", {
  timeout: 900_000,
}, async () => {
  await using folder = await temporaryFolder();
  const result = await weekAudit({ folder: folder.path, from, to, capsules: 4 });
  expect(result.rules).toEqual(expect.arrayContaining(["R01", "R02", "R04", "R05", "R13", "R21"]));
  expect(result.shadowAlerts).toBeGreaterThan(0);
  expect(result.replayed).toEqual(result.live);
  expect(result.backtested).toEqual(result.live);
  expect(result.api).toEqual({ equal: true, sha256: result.sha256 });
  expect(result.capsules).toBe(4);
  expect(result.capsulesThatDiffer).toEqual([]);
});
