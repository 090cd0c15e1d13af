import { expect, test } from "vitest";
import { accountWindow } from "./close.ts";
import type { Samples } from "./meter.ts";
import type { SiteModel } from "./model.ts";
import { sampleKey } from "./node-account.ts";
import { presentSite } from "./present.ts";
import { parseSite } from "./site.ts";

const modelOf = (nodes: string): SiteModel => {
  const parsed = parseSite(
    `site: edge\ntime_zone: Asia/Shanghai\ncurrency: CNY\nbus_rating_w: 100000\nnodes:\n${nodes}`,
    "edge.yaml",
  );
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.faults));
  return parsed.site;
};
const metered = `
  - { id: grid, kind: grid, points: [{ code: MP.PCC, device: grid }] }
  - { id: hall, kind: it, points: [{ code: MP.IT.IN.1, device: hall }] }
  - { id: offices, kind: office, boundary: outside, points: [{ code: MP.MISC.OFFICE, device: office }] }
`;
const cabinets = `
  - id: cabinets
    kind: it
    points:
      - { code: MP.IT.IN.2, estimate: { type: cabinet, count: 10, each_w: 600, error_pct: 20, source: survey } }
`;
const minute = 60_000;
const window = { step: "1m" as const, start: 0, end: minute };
const steady = (powers: Readonly<Record<string, number>>): ReadonlyMap<string, Samples> =>
  new Map(
    Object.entries(powers).map(([device, watts]) => [
      sampleKey(device, "power_w"),
      { ts: [0, 30_000, minute], value: [watts, watts, watts] },
    ]),
  );
const account = (model: SiteModel, powers: Readonly<Record<string, number>>) =>
  accountWindow(model, window, steady(powers), { bridgeMs: 3_600_000 });

test("what nobody measures is in the sums by type and count, and marked", () => {
  const { nodes, totals, quality, flags, balance } = account(modelOf(metered + cabinets), {
    ...{ grid: 30_000, hall: 20_000, office: 4000 },
  });
  expect(nodes.cabinets).toMatchObject({ meanW: 6000, quality: "ESTIMATED", flags: ["ESTIMATED_INPUT"], coverage: 1 });
  expect(totals.itWh).toBeCloseTo(26_000 / 60, 6);
  expect(quality).toBe("ESTIMATED");
  expect(flags).toContain("ESTIMATED_INPUT");
  // 20 % of 6 kW, rectangular: the uncertainty of the estimate governs.
  expect(balance.uncertaintyW).toBeGreaterThan(1200 / Math.sqrt(3));
});
test("an estimate is never the meter that is wrong", () => {
  const { balance } = account(modelOf(metered + cabinets), { grid: 12_000, hall: 0, office: 0 });
  expect(balance.suspect?.node).not.toBe("cabinets");
});
test("offices outside the boundary are consumption of the site and no energy of the data centre", () => {
  const { totals } = account(modelOf(metered), { grid: 24_000, hall: 20_000, office: 4000 });
  expect(totals.loadWh).toBeCloseTo(24_000 / 60, 6);
  expect(totals.facilityWh).toBeCloseTo(20_000 / 60, 6);
  expect(totals.otherWh).toBe(0);
});
test("the screen shows an estimate as of now, with its origin", () => {
  const clock = { now: 5000, heard: true, mode: "live" as const };
  const now = presentSite(
    modelOf(metered + cabinets),
    clock as never,
    new Map(),
    { kpis: {}, suspect: null, day: null },
    5000,
  );
  expect(now.nodes.find(({ id }) => id === "cabinets")).toMatchObject({
    ...{ powerW: 6000, freshness: "fresh", origin: "estimated", ts: 5000 },
  });
});
