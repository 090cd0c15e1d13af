import { expect, test } from "vitest";
import { temporaryFolder } from "../product.ts";
import { alertAudit } from "./alert-audit.ts";

test("killed again and again, no transition is forgotten and nothing is told twice", { timeout: 480_000 }, async () => {
  await using folder = await temporaryFolder();
  const result = await alertAudit({ folder: folder.path, rounds: 3, killBetweenMs: [500, 2500], random: Math.random });
  expect(result).toMatchObject({ forgotten: 0, invented: 0, toldTwice: 0, undelivered: 0 });
  expect(result.turns).toBeGreaterThan(0);
  expect(result.received).toBeGreaterThan(0);
});
