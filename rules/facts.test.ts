import { expect, test } from "vitest";
import { accountFactsAt, type DemandMinutes, noMinutes } from "./facts.ts";
import { accountOf, siteOf } from "./specimen.ts";

const t0 = Date.UTC(2026, 10, 23, 8);
const model = (method: "fixed" | "sliding", windowMin = 15, timeZone = "Asia/Shanghai") => ({
  ...siteOf({
    id: "hall",
    devices: [],
    intervalMs: 10_000,
    demand: { contractW: 1_500_000, windowMin, method, pricePerKwMonth: 40 },
  }),
  timeZone,
});
const facts = (site: ReturnType<typeof model>, importsW: readonly (number | null)[], begin = t0) => {
  let minutes: DemandMinutes = noMinutes;
  let last = {};
  for (const [index, importW] of importsW.entries()) {
    const start = begin + index * 60_000;
    const seen = accountFactsAt(site, accountOf({ site: "hall", start, end: start + 60_000, importW }), minutes);
    minutes = seen.minutes;
    last = seen.facts;
  }
  return last;
};
const kw = (count: number, value: number) => Array.from({ length: count }, () => value * 1000);

test("TV-DEM-3: nine minutes in, 240 kWh so far and 1,700 kW now head for 1,640 kW and want 350 kW off", () => {
  // 240 kWh in nine minutes of which the last ran at 1,700 kW.
  const before = (240 - 1700 / 60) * 60 * (1 / 8);
  expect(facts(model("fixed"), [...kw(8, before), ...kw(1, 1700)])).toMatchObject({
    p_end_w: expect.closeTo(1_640_000, 3),
    shed_w: expect.closeTo(350_000, 3),
    remaining_s: 360,
    window_share: 0.6,
    window_complete: false,
  });
});
test("TV-DEM-1: fixed windows of the half hour give 1,200 and 1,400 kW", () => {
  const half = [...kw(10, 1000), ...kw(15, 1600), ...kw(5, 1000)];
  expect(facts(model("fixed"), half.slice(0, 15))).toMatchObject({
    window_complete: true,
    demand_w: expect.closeTo(1_200_000, 3),
  });
  expect(facts(model("fixed"), half)).toMatchObject({ window_complete: true, demand_w: expect.closeTo(1_400_000, 3) });
});
test("at the end of a window the projection is the demand itself and nothing can be taken off any more", () => {
  expect(facts(model("fixed"), kw(15, 1600))).toMatchObject({
    p_end_w: expect.closeTo(1_600_000, 3),
    shed_w: 0,
    window_share: 1,
  });
});
test("a window that was joined in the middle is not known until the next one", () => {
  expect(facts(model("fixed"), kw(5, 1600), t0 + 300_000)).toMatchObject({
    p_end_w: null,
    p_now_w: 1_600_000,
    demand_w: null,
  });
  expect(facts(model("fixed"), kw(11, 1600), t0 + 300_000)).toMatchObject({ p_end_w: expect.closeTo(1_600_000, 3) });
});
test("a missing minute makes its window unknown, not lower", () => {
  expect(facts(model("fixed"), [...kw(3, 1600), null, ...kw(3, 1600)])).toMatchObject({ p_end_w: null, shed_w: null });
});
test("windows follow the clock of the site, half an hour off UTC too", () => {
  // 08:00 UTC is 13:45 in Kathmandu: an hour's window began at 13:00 and ends in a quarter of an hour.
  expect(facts(model("fixed", 60, "Asia/Kathmandu"), kw(1, 1000))).toMatchObject({ remaining_s: 14 * 60 });
});
test("a sliding meter completes a window every minute", () => {
  expect(facts(model("sliding"), [...kw(10, 1000), ...kw(5, 1600)])).toMatchObject({
    window_complete: true,
    demand_w: expect.closeTo(1_200_000, 3),
    remaining_s: 300,
  });
});
test("a site without demand terms has no demand facts", () => {
  const site = siteOf({ id: "hall", devices: [], intervalMs: 10_000 });
  const { facts: seen } = accountFactsAt(
    site,
    accountOf({ site: "hall", start: t0, end: t0 + 60_000, importW: 5 }),
    noMinutes,
  );
  expect(seen).toMatchObject({ has_demand: false });
  expect(seen).not.toHaveProperty("limit_w");
});
