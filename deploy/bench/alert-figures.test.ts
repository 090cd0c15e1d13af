import { expect, test } from "vitest";
import { temporaryFolder } from "../product.ts";
import { measureFlood } from "./alert-flood.ts";
import { measurePast, seedPast } from "./past-alerts.ts";

test("finished alerts are found by every filter after a restart, and exported whole", {
  timeout: 180_000,
}, async () => {
  await using folder = await temporaryFolder();
  const now = Date.now();
  await seedPast(folder.path, 2000, now);
  const { pages, csv } = await measurePast(folder.path, 2000, now, 0);
  // One of twenty is of a rule in shadow mode.
  expect(csv.lines).toBe(1901);
  const found = new Map(pages.map((page) => [page.query, page.found]));
  expect(found.get("alerts")).toBe(100);
  expect(found.get("alerts?state=ACTIVE")).toBe(0);
  expect(found.get("alerts?text=nowhere")).toBe(0);
  expect(found.get("alerts?limit=1000")).toBe(1000);
  expect(found.get(`alerts/waste?from=0&to=${now}`)).toBe(100);
});

test("beside many active alerts each turn of another device is told", { timeout: 180_000 }, async () => {
  await using folder = await temporaryFolder();
  const { instant, pages, live } = await measureFlood(folder.path, 300);
  expect(instant.count).toBe(60);
  expect(instant.maxMs).toBeLessThan(30_000);
  expect(pages[0]?.found).toBe(100);
  expect(live.alertEvents).toBeGreaterThan(0);
});
